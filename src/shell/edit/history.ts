/** History expansion: `!!`, `!$`, `!*`, `!^`, `!n`, `!-n`, `!text`, `!?text?`, word designators and a few modifiers, `^old^new`. */
import type { Shell } from '../state.ts'

/** The expanded line, or what went wrong. */
export function expandHistory(sh: Shell, line: string): string | { readonly error: string } {
  const quick = /^\^([^^\n]*)\^([^^\n]*)\^?\n?$/.exec(line)
  const last = sh.history.at(-1)
  if (quick && last !== undefined) {
    if (!last.includes(quick[1]!)) return { error: `:s${line.trimEnd()}: substitution failed` }
    return last.replace(quick[1]!, () => quick[2]!) + '\n'
  }
  let out = ''
  let single = false
  let double = false
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (c === '\\' && !single) {
      out += c + (line[++i] ?? '')
      continue
    }
    if (c === "'" && !double) single = !single
    if (c === '"' && !single) double = !double
    const next = line[i + 1]
    if (c !== '!' || single || next === undefined || /[\s=(]/.test(next) || (double && next === '"') || line[i - 1] === '$' || line.slice(i - 1, i + 1) === '[!' || line.slice(0, i).endsWith('${')) {
      out += c
      continue
    }
    const m = /^!(!|(?=:[\d$^*])|-?\d+|\$|\^|\*|\?[^?\n]+\??|[^\s:;|&()<>"'!$^*]+)/.exec(line.slice(i))
    if (!m) {
      out += c
      continue
    }
    const designator = m[1]!
    i += m[0].length - 1
    let event: string | undefined
    let words: string | undefined
    if (designator === '!' || designator === '') event = last
    else if (/^[$^*]$/.test(designator)) {
      event = last
      words = designator
    } else if (/^-?\d+$/.test(designator)) {
      const n = Number(designator)
      event = n < 0 ? sh.history.at(n) : sh.history[n - sh.historyBase]
    } else if (designator.startsWith('?')) {
      const text = designator.replace(/^\?|\?$/g, '')
      event = sh.history.findLast((h) => h.includes(text))
    } else event = sh.history.findLast((h) => h.startsWith(designator))
    if (event === undefined) return { error: `${m[0]}: event not found` }
    const rest = line.slice(i + 1)
    const word = /^:(\d+-\d+|\d+-?\*?|[$^*])/.exec(rest) ?? (designator === '!' ? /^([$^*])/.exec(rest) : null)
    if (word && words === undefined) {
      words = word[1]!
      i += word[0].length
    }
    let text = words === undefined ? event : pick(event, words)
    if (text === undefined) return { error: `${m[0]}: bad word specifier` }
    for (;;) {
      const mod = /^:(h|t|r|e|p|q|g?s(.)(.*?)\2(.*?)(?:\2|$))/.exec(line.slice(i + 1))
      if (!mod) break
      i += mod[0].length
      if (mod[1] === 'h') text = text.replace(/\/[^/]*$/, '')
      else if (mod[1] === 't') text = text.replace(/^.*\//, '')
      else if (mod[1] === 'r') text = text.replace(/\.[^.]*$/, '')
      else if (mod[1] === 'e') text = text.replace(/^.*(\.[^.]*)$/, '$1')
      else if (mod[2] !== undefined) text = mod[1]!.startsWith('g') ? text.split(mod[3]!).join(mod[4]!) : text.replace(mod[3]!, () => mod[4]!)
    }
    out += text
  }
  return out
}

function pick(event: string, spec: string): string | undefined {
  const words = event.match(/(?:[^\s"'|&;<>]|"(?:[^"\\]|\\.)*"|'[^']*')+|[|&;<>]+/g) ?? []
  if (spec === '$') return words.at(-1)
  if (spec === '^') return words[1]
  if (spec === '*') return words.slice(1).join(' ')
  const m = /^(\d+)(?:-(\d*))?(\*)?$/.exec(spec)!
  const from = Number(m[1])
  if (words[from] === undefined) return undefined
  if (m[3]) return words.slice(from).join(' ')
  if (m[2] === undefined) return words[from]
  return words.slice(from, m[2] === '' ? -1 : Number(m[2]) + 1).join(' ')
}
