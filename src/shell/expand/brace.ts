/** Brace expansion on the raw text of a word: `a{b,c}d`, `{1..5}`, `{a..e..2}`, nested; quoted and `${` braces are left alone. */
function skipQuoted(text: string, i: number): number {
  const c = text[i]
  if (c === '\\') return i + 2
  if (c === "'" || c === '`') {
    const end = text.indexOf(c, i + 1)
    return end < 0 ? text.length : end + 1
  }
  if (c === '"') {
    let k = i + 1
    while (k < text.length && text[k] !== '"') k += text[k] === '\\' ? 2 : 1
    return k + 1
  }
  if (c === '$' && (text[i + 1] === '{' || text[i + 1] === '(')) return skipNested(text, i + 1)
  if ((c === '<' || c === '>') && text[i + 1] === '(') return skipNested(text, i + 1)
  return i
}

function skipNested(text: string, open: number): number {
  const o = text[open]!
  const close = o === '{' ? '}' : ')'
  let depth = 0
  for (let k = open; k < text.length; ) {
    const c = text[k]!
    if (c === o) depth++
    else if (c === close && --depth === 0) return k + 1
    const next = c === '\\' || c === "'" || c === '"' || c === '`' ? skipQuoted(text, k) : k + 1
    k = Math.max(next, k + 1)
  }
  return text.length
}

export function expandBraces(text: string): string[] {
  if (!text.includes('{')) return [text]
  for (let i = 0; i < text.length; ) {
    const skipped = skipQuoted(text, i)
    if (skipped > i) {
      i = skipped
      continue
    }
    if (text[i] !== '{') {
      i++
      continue
    }
    const found = group(text, i)
    if (!found) {
      i++
      continue
    }
    const before = text.slice(0, i)
    const tails = expandBraces(text.slice(found.end))
    const out: string[] = []
    for (const choice of found.choices) for (const tail of tails) out.push(before + choice + tail)
    return out
  }
  return [text]
}

function group(text: string, open: number): { choices: string[]; end: number } | undefined {
  let depth = 0
  const commas: number[] = []
  let close = -1
  for (let k = open; k < text.length; ) {
    const skipped = skipQuoted(text, k)
    if (skipped > k) {
      k = skipped
      continue
    }
    const c = text[k]
    if (c === '{') depth++
    else if (c === '}' && --depth === 0) {
      close = k
      break
    } else if (c === ',' && depth === 1) commas.push(k)
    k++
  }
  if (close < 0) return undefined
  if (commas.length === 0) {
    const list = sequence(text.slice(open + 1, close))
    return list ? { choices: list, end: close + 1 } : undefined
  }
  const choices: string[] = []
  let from = open + 1
  for (const comma of [...commas, close]) {
    choices.push(...expandBraces(text.slice(from, comma)))
    from = comma + 1
  }
  return { choices, end: close + 1 }
}

function sequence(body: string): string[] | undefined {
  const numbers = /^([-+]?\d+)\.\.([-+]?\d+)(?:\.\.([-+]?\d+))?$/.exec(body)
  const letters = /^([A-Za-z])\.\.([A-Za-z])(?:\.\.([-+]?\d+))?$/.exec(body)
  const m = numbers ?? letters
  if (!m) return undefined
  const value = (s: string) => (numbers ? Number(s) : s.charCodeAt(0))
  const a = value(m[1]!)
  const b = value(m[2]!)
  const step = Math.abs(Number(m[3] ?? 1)) || 1
  const out: string[] = []
  const padded = numbers && [m[1]!, m[2]!].some((s) => /^[-+]?0\d/.test(s))
  const width = padded ? Math.max(m[1]!.length, m[2]!.length) : 0
  for (let n = a; a <= b ? n <= b : n >= b; n += a <= b ? step : -step) {
    if (!numbers) out.push(n === 96 ? '\\`' : String.fromCharCode(n))
    else if (padded) out.push(n < 0 ? '-' + String(-n).padStart(width - 1, '0') : String(n).padStart(width, '0'))
    else out.push(String(n))
    if (out.length > 1_000_000) break
  }
  return out
}
