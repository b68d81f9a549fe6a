/** Versions of Debian packages: epoch, upstream's version, revision, compared as dpkg does; patterns as apt takes them. */
const order = (c: string | undefined): number => (c === undefined ? 0 : c === '~' ? -1 : /\d/.test(c) ? 0 : /[A-Za-z]/.test(c) ? c.charCodeAt(0) : c.charCodeAt(0) + 256)

function compareParts(a: string, b: string): number {
  let [i, k] = [0, 0]
  while (i < a.length || k < b.length) {
    while ((i < a.length && !/\d/.test(a[i]!)) || (k < b.length && !/\d/.test(b[k]!))) {
      const difference = order(i < a.length ? a[i] : undefined) - order(k < b.length ? b[k] : undefined)
      if (difference !== 0) return difference
      if (i < a.length) i++
      if (k < b.length) k++
    }
    const digits = (text: string, at: number) => /^\d*/.exec(text.slice(at))![0]
    const [x, y] = [digits(a, i), digits(b, k)]
    if (Number(x) !== Number(y)) return Number(x) - Number(y)
    i += x.length
    k += y.length
  }
  return 0
}

function split(version: string): readonly [number, string, string] {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version)!
  const dash = rest.lastIndexOf('-')
  return dash < 0 ? [Number(epoch), rest, ''] : [Number(epoch), rest.slice(0, dash), rest.slice(dash + 1)]
}

export function compareDebian(a: string, b: string): number {
  const [x, y] = [split(a), split(b)]
  return x[0] - y[0] || compareParts(x[1], y[1]) || compareParts(x[2], y[2])
}

/** `1.35.4-*` */
export function globPattern(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

/** Does a version satisfy `(>= 1.30.0)`? */
export function satisfies(version: string, relation: string | undefined): boolean {
  const m = /^(<<|<=|=|>=|>>)\s*(\S+)$/.exec(relation ?? '')
  if (!m) return true
  const c = compareDebian(version, m[2]!)
  return m[1] === '=' ? c === 0 : m[1] === '>=' ? c >= 0 : m[1] === '<=' ? c <= 0 : m[1] === '>>' ? c > 0 : c < 0
}
