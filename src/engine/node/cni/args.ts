/** CNI_ARGS (`KEY=value;KEY=value`) as libcni's helper reads them: known keys only, unless IgnoreUnknown is true. */
import { CniError } from './types.ts'

const truths = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])

/** `check` throws on a value that a known key cannot take. */
export function parseArgs(text: string, known: readonly string[], check: (key: string, value: string) => void = () => {}): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  const unknown: string[] = []
  let ignoreUnknown = false
  if (text === '') return out
  for (const pair of text.split(';')) {
    const parts = pair.split('=')
    if (parts.length !== 2) throw new CniError(`ARGS: invalid pair ${JSON.stringify(pair)}`)
    const [key, value] = parts as [string, string]
    if (key === 'IgnoreUnknown') ignoreUnknown = truths.has(value)
    else if (!known.includes(key)) unknown.push(pair)
    else {
      try {
        check(key, value)
      } catch (error) {
        throw new CniError(`ARGS: error parsing value of pair ${JSON.stringify(pair)}: ${(error as Error).message}`)
      }
      out.set(key, value)
    }
  }
  if (unknown.length > 0 && !ignoreUnknown) throw new CniError(`ARGS: unknown args [${unknown.map((u) => JSON.stringify(u)).join(' ')}]`)
  return out
}
