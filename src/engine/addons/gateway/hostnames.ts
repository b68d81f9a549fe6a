/** Host names of listeners and routes: wildcards, intersection, which is more specific. */

export function matchesHost(pattern: string, host: string): boolean {
  if (pattern === '') return true
  if (pattern.startsWith('*.')) return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
  return pattern === host
}

/** The name that both allow; undefined where there is none. '' is every name. */
export function intersect(a: string, b: string): string | undefined {
  if (a === '') return b
  if (b === '') return a
  if (a === b) return a
  const [wildA, wildB] = [a.startsWith('*.'), b.startsWith('*.')]
  if (wildA && wildB) return a.endsWith(b.slice(1)) ? a : b.endsWith(a.slice(1)) ? b : undefined
  if (wildA) return matchesHost(a, b) ? b : undefined
  if (wildB) return matchesHost(b, a) ? a : undefined
  return undefined
}

/** For sorting: exact before wildcard before all; longer before shorter. */
export function specificity(hostname: string): number {
  return hostname === '' ? 0 : hostname.startsWith('*.') ? hostname.length : 1000 + hostname.length
}

/** The most specific of those that match. */
export function mostSpecific<T>(list: readonly T[], hostnameOf: (item: T) => string, host: string): T | undefined {
  let best: T | undefined
  for (const item of list) if (matchesHost(hostnameOf(item), host) && (best === undefined || specificity(hostnameOf(item)) > specificity(hostnameOf(best)))) best = item
  return best
}
