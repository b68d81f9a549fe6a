/** curl's URL globbing: `{a,b}`, `[1-3]`, `[01-10:2]`, `[a-c]`. */

export class GlobError extends Error {}

const most = 100_000

/** All URLs that a pattern stands for, in curl's order (the last part turns fastest). Throws GlobError with curl's words. */
export function expandUrl(text: string): string[] {
  let urls = ['']
  const fail = (why: string, at: number): never => {
    throw new GlobError(`${why} in URL position ${at + 1}:\n${text}\n${' '.repeat(at)}^`)
  }
  for (let i = 0; i < text.length; ) {
    const c = text[i]!
    let parts: string[]
    if (c === '\\' && /[{}[\],]/.test(text[i + 1] ?? '')) {
      parts = [text[i + 1]!]
      i += 2
    } else if (c === '{') {
      const end = text.indexOf('}', i)
      if (end < 0) fail('unmatched brace', i)
      if (end === i + 1) fail('empty string within braces', i + 1)
      parts = text.slice(i + 1, end).split(',')
      i = end + 1
    } else if (c === '[' && !/^\[[0-9a-f:.%]*:[0-9a-f:.%]*\]/i.test(text.slice(i))) {
      const end = text.indexOf(']', i)
      if (end < 0) fail('bad range', i + 1)
      parts = range(text.slice(i + 1, end)) ?? fail('bad range', i + 1)
      i = end + 1
    } else if (c === '}' || (c === ']' && !text.slice(0, i).includes('['))) return fail(c === '}' ? 'unmatched close brace/bracket' : 'unmatched close brace/bracket', i)
    else {
      parts = [c]
      i++
    }
    if (parts.length === 1) urls = urls.map((u) => u + parts[0]!)
    else {
      if (urls.length * parts.length > most) fail('range overflow', i)
      urls = urls.flatMap((u) => parts.map((part) => u + part))
    }
  }
  return urls
}

function range(text: string): string[] | undefined {
  const letters = /^([a-zA-Z])-([a-zA-Z])(?::(\d+))?$/.exec(text)
  const numbers = /^(\d+)-(\d+)(?::(\d+))?$/.exec(text)
  const m = letters ?? numbers
  if (!m) return undefined
  const step = Number(m[3] ?? 1)
  const [low, high] = letters ? [m[1]!.charCodeAt(0), m[2]!.charCodeAt(0)] : [Number(m[1]), Number(m[2])]
  if (low > high || step < 1 || high - low > most) return undefined
  const width = letters || !m[1]!.startsWith('0') ? 0 : m[1]!.length
  const out: string[] = []
  for (let n = low; n <= high; n += step) out.push(letters ? String.fromCharCode(n) : String(n).padStart(width, '0'))
  return out
}
