/** Keys out of the bytes that a terminal sends: control characters, escape sequences of xterm, bracketed paste. */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'paste'; readonly text: string }

const sequences: Readonly<Record<string, string>> = {
  '[A': 'up', '[B': 'down', '[C': 'right', '[D': 'left', OA: 'up', OB: 'down', OC: 'right', OD: 'left', '[H': 'home', '[F': 'end', OH: 'home', OF: 'end', '[1~': 'home', '[4~': 'end', '[7~': 'home', '[8~': 'end',
  '[3~': 'delete', '[2~': 'insert', '[5~': 'page-up', '[6~': 'page-down', '[1;5C': 'word-right', '[1;5D': 'word-left', '[1;3C': 'word-right', '[1;3D': 'word-left', '[5C': 'word-right', '[5D': 'word-left', '[3;5~': 'kill-word', '[Z': 'back-tab',
  '[1;5A': 'up', '[1;5B': 'down', '[1;2A': 'up', '[1;2B': 'down', '[1;2C': 'right', '[1;2D': 'left',
}

/** Takes whole keys off the front of `input`; what may be the start of a longer one stays (`rest`). */
export function parseKeys(input: string): { keys: Key[]; rest: string } {
  const keys: Key[] = []
  let i = 0
  let text = ''
  const flush = () => {
    if (text !== '') keys.push({ kind: 'text', text })
    text = ''
  }
  while (i < input.length) {
    const c = input[i]!
    const code = c.charCodeAt(0)
    if (c === '\x1b') {
      const rest = input.slice(i + 1)
      if (rest.startsWith('[200~')) {
        const end = rest.indexOf('\x1b[201~')
        if (end < 0) break
        flush()
        keys.push({ kind: 'paste', text: rest.slice(5, end).replace(/\r\n?/g, '\n') })
        i += 1 + end + 6
        continue
      }
      const m = /^(\[[0-9;?]*[A-Za-z~]|O[A-Za-z])/.exec(rest)
      if (m) {
        flush()
        const name = sequences[m[0]]
        if (name !== undefined) keys.push({ kind: 'key', name })
        i += 1 + m[0].length
        continue
      }
      if (/^(\[[0-9;?]*|O)?$/.test(rest) && rest !== '') break
      flush()
      if (rest === '') {
        keys.push({ kind: 'key', name: 'escape' })
        i++
      } else {
        const next = String.fromCodePoint(rest.codePointAt(0)!)
        if (next < ' ' && next !== '\b') {
          // Escape and a control key that came together.
          keys.push({ kind: 'key', name: 'escape' })
          i++
          continue
        }
        keys.push({ kind: 'key', name: next === '\x7f' || next === '\b' ? 'M-backspace' : `M-${next}` })
        i += 1 + next.length
      }
      continue
    }
    if (code < 32 || code === 127) {
      flush()
      const name = c === '\r' || c === '\n' ? 'enter' : c === '\t' ? 'tab' : code === 127 || code === 8 ? 'backspace' : `C-${String.fromCharCode(code + 96)}`
      keys.push({ kind: 'key', name: code === 31 ? 'C-_' : code === 0 ? 'C-@' : name })
      i++
      continue
    }
    const char = String.fromCodePoint(input.codePointAt(i)!)
    text += char
    i += char.length
  }
  flush()
  return { keys, rest: input.slice(i) }
}
