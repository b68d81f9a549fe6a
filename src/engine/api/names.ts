/** Names, labels and annotations: apimachinery's validation of strings with its texts. Each function answers what is wrong, or []. */
const dns1123LabelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
const dns1123SubdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const dns1035LabelText =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
const qualifiedText = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

const regexText = (message: string, pattern: string, ...examples: string[]) =>
  examples.length === 0
    ? `${message} (regex used for validation is '${pattern}')`
    : `${message} (e.g. ${examples.map((e, i) => (i === 0 ? '' : ' or ') + `'${e}', `).join('')}regex used for validation is '${pattern}')`

export const tooLongText = (max: number) => `must be no more than ${max} characters`
const tooManyBytes = (max: number) => `must be no more than ${max} bytes`
const bytes = (text: string) => {
  let n = 0
  for (const ch of text) {
    const c = ch.codePointAt(0)!
    n += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4
  }
  return n
}

/** Masks the trailing dash of a generateName so that the prefix itself can be judged. */
const unprefixed = (name: string, prefix: boolean) => (prefix && name.length > 1 && name.endsWith('-') ? name.slice(0, -2) + 'a' : name)

const label1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain1123 = `${label1123}(\\.${label1123})*`
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const labelValue = `(${qualified})?`
const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`)
const label1123Re = whole(label1123)
const subdomain1123Re = whole(subdomain1123)
const label1035Re = whole(label1035)
const qualifiedRe = whole(qualified)
const labelValueRe = whole(labelValue)

export function dns1123LabelErrors(name: string, prefix = false): string[] {
  const errors: string[] = []
  const value = unprefixed(name, prefix)
  if (bytes(value) > 63) errors.push(tooLongText(63))
  if (!label1123Re.test(value)) {
    errors.push(
      subdomain1123Re.test(value) ? 'must not contain dots' : regexText(dns1123LabelText, label1123, 'my-name', '123-abc'),
    )
  }
  return errors
}

export function dns1123SubdomainErrors(name: string, prefix = false): string[] {
  const errors: string[] = []
  const value = unprefixed(name, prefix)
  if (bytes(value) > 253) errors.push(tooLongText(253))
  if (!subdomain1123Re.test(value)) errors.push(regexText(dns1123SubdomainText, subdomain1123, 'example.com'))
  return errors
}

export function dns1035LabelErrors(name: string, prefix = false): string[] {
  const errors: string[] = []
  const value = unprefixed(name, prefix)
  if (bytes(value) > 63) errors.push(tooLongText(63))
  if (!label1035Re.test(value)) errors.push(regexText(dns1035LabelText, label1035, 'my-name', 'abc-123'))
  return errors
}

export function wildcardDns1123SubdomainErrors(name: string): string[] {
  const errors: string[] = []
  if (bytes(name) > 253) errors.push(tooLongText(253))
  const pattern = `\\*\\.${subdomain1123}`
  if (!whole(pattern).test(name)) {
    errors.push(
      regexText(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        pattern,
        '*.example.com',
      ),
    )
  }
  return errors
}

const underscoreSubdomain = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*'

/** Search domains of a resolver may hold underscores. */
export function dns1123SubdomainUnderscoreErrors(name: string): string[] {
  const errors: string[] = []
  if (bytes(name) > 253) errors.push(tooLongText(253))
  if (!whole(underscoreSubdomain).test(name)) {
    errors.push(regexText("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character", underscoreSubdomain, 'example.com'))
  }
  return errors
}

/** IANA_SVC_NAME: names of ports. */
export function portNameErrors(port: string): string[] {
  const errors: string[] = []
  if (port.length > 15) errors.push(tooLongText(15))
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)')
  if (port.includes('--')) errors.push('must not contain consecutive hyphens')
  if (port.length > 0 && (port.startsWith('-') || port.endsWith('-'))) errors.push('must not begin or end with a hyphen')
  return errors
}

export function httpHeaderNameErrors(name: string): string[] {
  return /^[-A-Za-z0-9]+$/.test(name) ? [] : [regexText("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')]
}

export function configMapKeyErrors(key: string): string[] {
  const errors: string[] = []
  if (bytes(key) > 253) errors.push(tooLongText(253))
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) errors.push(regexText("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", '[-._a-zA-Z0-9]+', 'key.name', 'KEY_NAME', 'key-name'))
  if (key === '.') errors.push("must not be '.'")
  else if (key === '..') errors.push("must not be '..'")
  else if (key.startsWith('..')) errors.push("must not start with '..'")
  return errors
}

export const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
export const portText = 'must be between 1 and 65535, inclusive'

/** Names of RBAC objects and the like: anything that can stand in a path. */
export function pathSegmentErrors(name: string, prefix = false): string[] {
  const errors: string[] = []
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`]
  for (const ch of ['/', '%']) if (name.includes(ch)) errors.push(`may not contain '${ch}'`)
  return errors
}

export function qualifiedNameErrors(value: string): string[] {
  const errors: string[] = []
  const parts = value.split('/')
  let name = parts[0]!
  if (parts.length === 2) {
    const [prefix] = parts as [string, string]
    name = parts[1]!
    if (prefix.length === 0) errors.push('prefix part must be non-empty')
    else errors.push(...dns1123SubdomainErrors(prefix).map((e) => `prefix part ${e.replace(/^must be no more than (\d+) characters$/, 'must be no more than $1 bytes')}`))
  } else if (parts.length > 2) {
    return [
      `a valid label key ${regexText(qualifiedText, qualified, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  if (name.length === 0) errors.push('name part must be non-empty')
  else if (bytes(name) > 63) errors.push(`name part ${tooManyBytes(63)}`)
  if (!qualifiedRe.test(name)) errors.push(`name part ${regexText(qualifiedText, qualified, 'MyName', 'my.name', '123-abc')}`)
  return errors
}

export const labelKeyErrors = qualifiedNameErrors

export function labelValueErrors(value: string): string[] {
  const errors: string[] = []
  if (bytes(value) > 63) errors.push(tooManyBytes(63))
  if (!labelValueRe.test(value)) errors.push(regexText(labelValueText, labelValue, 'MyValue', 'my_value', '12345'))
  return errors
}

export const byteLength = bytes
export { regexText }
