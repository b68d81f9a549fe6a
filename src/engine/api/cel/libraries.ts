/** Libraries that Kubernetes adds to CEL: quantities, versions, named formats, the authorizer. */
import { addQuantities, compareQuantities, parseQuantity, quantityValue as wholeValue, type Quantity, subtractQuantities } from '#base/quantity.ts'
import { dns1035LabelErrors, dns1123LabelErrors, dns1123SubdomainErrors, labelValueErrors, qualifiedNameErrors } from '../names.ts'
import { type Implementation, inInt, text } from './functions.ts'
import { parseTimestamp } from './time.ts'
import { CelError, compareTexts, noOverload, Opaque, Optional, quantityValue, type Value } from './values.ts'

const opaque = (v: Value | undefined): Opaque => {
  if (!(v instanceof Opaque)) throw noOverload()
  return v
}
const quantityOf = (v: Value | undefined): Quantity => {
  if (typeof v === 'bigint') return { unscaled: v, scale: 0, format: 'DecimalSI' }
  return opaque(v).data as Quantity
}

function quantity(s: string): Quantity {
  const q = parseQuantity(s)
  if (!q) throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  return q
}

const isWhole = (q: Quantity) => (q.scale >= 0 || q.unscaled % 10n ** BigInt(-q.scale) === 0n) && wholeValue(q) <= 9223372036854775807n && wholeValue(q) >= -9223372036854775808n

interface Version {
  readonly numbers: readonly bigint[]
  readonly pre: readonly string[]
}

const strict = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/

function parseVersion(s: string, normalize: boolean): Version | undefined {
  let given = s
  if (normalize) {
    given = given.replace(/^v/, '').replace(/^(\d+(?:\.\d+)*)/, (n) => [...n.split('.').map((p) => p.replace(/^0+(?=\d)/, '')), '0', '0'].slice(0, Math.max(3, n.split('.').length)).join('.'))
  }
  const m = strict.exec(given)
  if (!m) return undefined
  const pre = m[4] === undefined ? [] : m[4].split('.')
  if (pre.some((p) => p === '' || /^0\d+$/.test(p))) return undefined
  return { numbers: [m[1]!, m[2]!, m[3]!].map(BigInt), pre }
}

function compareVersions(a: Version, b: Version): number {
  for (const [i, n] of a.numbers.entries()) if (n !== b.numbers[i]) return n < b.numbers[i]! ? -1 : 1
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length)
  for (let i = 0; i < Math.max(a.pre.length, b.pre.length); i++) {
    const [x, y] = [a.pre[i], b.pre[i]]
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    if (x === y) continue
    const [nx, ny] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    if (nx && ny) return BigInt(x) < BigInt(y) ? -1 : 1
    if (nx !== ny) return nx ? -1 : 1
    return compareTexts(x, y)
  }
  return 0
}

function semver(args: readonly Value[]): Opaque {
  const v = parseVersion(text(args[0]), args[1] === true)
  if (!v) throw new CelError('No Major.Minor.Patch elements found')
  return new Opaque('kubernetes.Semver', text(args[0]), v)
}

const order = (a: Value | undefined, b: Value | undefined): number => {
  const [x, y] = [opaque(a), opaque(b)]
  return x.type === 'kubernetes.Semver' ? compareVersions(x.data as Version, y.data as Version) : compareQuantities(x.data as Quantity, y.data as Quantity)
}

type Check = (value: string) => readonly string[]

const uri: Check = (s) => (/^(?:[A-Za-z][A-Za-z0-9+.-]*:[^\s]*|\/[^\s]*)$/.test(s) ? [] : [`parse ${JSON.stringify(s)}: invalid URI for request`])
const like = (re: RegExp, wrong: string): Check => (s) => (re.test(s) ? [] : [wrong])
const prefixed = (check: (name: string, prefix?: boolean) => readonly string[]): Check => (s) => check(s, true)

const formats: Record<string, Check> = {
  dns1123Label: (s) => dns1123LabelErrors(s), dns1123Subdomain: (s) => dns1123SubdomainErrors(s), dns1035Label: (s) => dns1035LabelErrors(s), qualifiedName: qualifiedNameErrors, labelValue: labelValueErrors,
  dns1123LabelPrefix: prefixed(dns1123LabelErrors), dns1123SubdomainPrefix: prefixed(dns1123SubdomainErrors), dns1035LabelPrefix: prefixed(dns1035LabelErrors), uri,
  uuid: like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i, 'does not match the UUID format'), byte: like(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'invalid base64'),
  date: like(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'invalid date'), datetime: (s) => (parseTimestamp(s) ? [] : ['invalid datetime']),
}
const formatValue = (name: string) => new Opaque('kubernetes.NamedFormat', name, formats[name])

export interface AuthorizerAttributes {
  readonly path?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
}

/** What an `authorizer` variable asks. `account`: of another service account instead of the user. */
export type Authorize = (attributes: AuthorizerAttributes & { readonly verb: string }, account?: { readonly namespace: string; readonly name: string }) => boolean

interface Asking {
  readonly authorize: Authorize
  readonly attributes: AuthorizerAttributes
  readonly account?: { readonly namespace: string; readonly name: string }
}

export const authorizerValue = (authorize: Authorize): Opaque => new Opaque('kubernetes.authorization.Authorizer', '', { authorize, attributes: {} } satisfies Asking)

/** `authorizer.requestResource`. */
export const requestResourceValue = (authorize: Authorize, attributes: AuthorizerAttributes): Opaque => new Opaque('kubernetes.authorization.ResourceCheck', '', { authorize, attributes } satisfies Asking)

const asking = (type: string, field: keyof AuthorizerAttributes): Implementation => ([v, value]) => {
  const a = opaque(v).data as Asking
  return new Opaque(`kubernetes.authorization.${type}`, '', { ...a, attributes: { ...a.attributes, [field]: text(value) } })
}

export const libraryFunctions: Record<string, Implementation> = {
  quantity: ([s]) => quantityValue(quantity(text(s))),
  isQuantity: ([s]) => parseQuantity(text(s)) !== undefined,
  sign: ([q]) => (quantityOf(q).unscaled > 0n ? 1n : quantityOf(q).unscaled < 0n ? -1n : 0n),
  isInteger: ([q]) => isWhole(quantityOf(q)),
  asInteger([q]) {
    if (!isWhole(quantityOf(q))) throw new CelError('cannot convert value to integer')
    return inInt(wholeValue(quantityOf(q)))
  },
  asApproximateFloat: ([q]) => Number(`${quantityOf(q).unscaled}e${quantityOf(q).scale}`),
  add: ([a, b]) => quantityValue(addQuantities(quantityOf(a), quantityOf(b))),
  sub: ([a, b]) => quantityValue(subtractQuantities(quantityOf(a), quantityOf(b))),
  isLessThan: ([a, b]) => order(a, b) < 0,
  isGreaterThan: ([a, b]) => order(a, b) > 0,
  compareTo: ([a, b]) => BigInt(Math.sign(order(a, b))),
  semver,
  isSemver: ([s, n]) => parseVersion(text(s), n === true) !== undefined,
  major: ([v]) => (opaque(v).data as Version).numbers[0]!,
  minor: ([v]) => (opaque(v).data as Version).numbers[1]!,
  patch: ([v]) => (opaque(v).data as Version).numbers[2]!,
  'format.named': ([s]) => new Optional(formats[text(s)] === undefined ? undefined : formatValue(text(s))),
  ...Object.fromEntries(Object.keys(formats).map((name) => [`format.${name}`, () => formatValue(name)])),
  validate([f, s]) {
    const wrong = (opaque(f).data as Check)(text(s))
    return new Optional(wrong.length === 0 ? undefined : [...wrong])
  },
  path: asking('PathCheck', 'path'),
  group: asking('GroupCheck', 'group'),
  resource: asking('ResourceCheck', 'resource'),
  subresource: asking('ResourceCheck', 'subresource'),
  namespace: asking('ResourceCheck', 'namespace'),
  name: asking('ResourceCheck', 'name'),
  fieldSelector: ([v]) => v!,
  labelSelector: ([v]) => v!,
  serviceAccount([v, namespace, name]) {
    return new Opaque('kubernetes.authorization.Authorizer', '', { ...(opaque(v).data as Asking), account: { namespace: text(namespace), name: text(name) } })
  },
  check([v, verb]) {
    const { authorize, attributes, account } = opaque(v).data as Asking
    return new Opaque('kubernetes.authorization.Decision', '', authorize({ ...attributes, verb: text(verb) }, account))
  },
  allowed: ([d]) => opaque(d).data === true,
  errored: () => false,
  error: () => '',
  reason: () => '',
}
