/** Go's refusal to parse an RFC 3339 time, as decoding errors and reviews quote it. */

/** undefined when the text is a time. `layout` as Go writes it, with or without microseconds. */
export function timeError(text: string, micro: boolean): string | undefined {
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00'
  const say = (rest: string, part: string) => `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(part)}`
  let at = 0
  const steps: [RegExp, string][] = [
    [/^\d{4}/, '2006'], [/^-/, '-'], [/^(0\d|1[0-2]|[2-9]\d)/, '01'], [/^-/, '-'], [/^\d\d/, '02'], [/^T/, 'T'], [/^\d\d/, '15'], [/^:/, ':'], [/^\d\d/, '04'], [/^:/, ':'], [/^\d\d/, '05'],
    ...(micro ? ([[/^\.\d{6}/, '.000000']] as [RegExp, string][]) : ([[/^(\.\d+)?/, '']] as [RegExp, string][])),
    [/^(Z|[+-]\d\d:\d\d)/, 'Z07:00'],
  ]
  for (const [pattern, part] of steps) {
    const m = pattern.exec(text.slice(at))
    if (!m) return say(text.slice(at), part)
    at += m[0].length
  }
  if (at < text.length) return `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(text.slice(at))}`
  return undefined
}
