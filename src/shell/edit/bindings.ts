/** readline's emacs key bindings: what each key does to the line. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { Interrupted } from '../state.ts'
import type { Editor } from './line-editor.ts'
import { wordChar } from './width.ts'

/** `before`: the key before this one. False where the line need not be drawn again. */
export type Binding = (e: Editor, key: { readonly name: string; readonly before: string }) => boolean | void | Promise<boolean | void>

/** The end of the last word before the cursor. */
function wordEnd(e: Editor): number {
  let i = e.cursor
  while (i > 0 && !wordChar.test(e.chars[i - 1]!)) i--
  return i
}

export const bindings: NameTable<Binding> = nameTable<Binding>({
  'enter C-o': async (e, { name }) => {
    await e.finish()
    await e.write('\n')
    e.keepEdits()
    if (name === 'C-o' && e.at < e.history.length - 1) e.continueAt(e.at + 1)
    e.done = e.chars.join('') + '\n'
    return false
  },
  'M-\\': (e) => {
    let from = e.cursor
    let to = e.cursor
    while (from > 0 && /[ \t]/.test(e.chars[from - 1]!)) from--
    while (to < e.chars.length && /[ \t]/.test(e.chars[to]!)) to++
    e.save()
    e.chars.splice(from, to - from)
    e.cursor = from
  },
  'M-t': (e) => {
    // The word before the cursor (or the one it stands in) changes places with the one before that.
    const end = e.cursor < e.chars.length && wordChar.test(e.chars[e.cursor]!) ? e.wordRight() : wordEnd(e)
    const text = e.chars.slice(0, end).join('')
    const m = /([\p{L}\p{N}]+)([^\p{L}\p{N}]+)([\p{L}\p{N}]+)$/u.exec(text)
    if (!m) return false
    e.save()
    e.chars.splice(0, end, ...text.slice(0, m.index) + m[3] + m[2] + m[1])
    e.cursor = end
    return true
  },
  'C-c': async (e) => {
    await e.finish()
    throw new Interrupted()
  },
  'C-d': async (e) => {
    if (e.chars.length === 0) {
      await e.write(e.sh.posix ? '\x1b[?2004l\r' : '\x1b[?2004l\r\n')
      e.done = undefined
      return false
    }
    if (e.cursor < e.chars.length) {
      e.save()
      e.chars.splice(e.cursor, 1)
    }
    return true
  },
  delete: (e) => {
    if (e.cursor < e.chars.length) {
      e.save()
      e.chars.splice(e.cursor, 1)
    }
  },
  backspace: (e) => {
    if (e.cursor === 0) return false
    e.save()
    e.chars.splice(--e.cursor, 1)
    return true
  },
  'left C-b': (e) => {
    if (e.cursor > 0) e.cursor--
  },
  'right C-f': (e) => {
    if (e.cursor < e.chars.length) e.cursor++
  },
  'home C-a': (e) => {
    e.cursor = 0
  },
  'end C-e': (e) => {
    e.cursor = e.chars.length
  },
  'word-left M-b': (e) => {
    e.cursor = e.wordLeft()
  },
  'word-right M-f': (e) => {
    e.cursor = e.wordRight()
  },
  'C-k': (e, { before }) => {
    e.lastCommand = before
    e.kill(e.cursor, e.chars.length, true)
    e.lastCommand = 'kill'
  },
  'C-u': (e, { before }) => {
    e.lastCommand = before
    e.kill(0, e.cursor, false)
    e.lastCommand = 'kill'
  },
  'C-w': (e, { before }) => {
    let i = e.cursor
    while (i > 0 && /\s/.test(e.chars[i - 1]!)) i--
    while (i > 0 && !/\s/.test(e.chars[i - 1]!)) i--
    e.lastCommand = before
    e.kill(i, e.cursor, false)
    e.lastCommand = 'kill'
  },
  'M-backspace': (e, { before }) => {
    e.lastCommand = before
    e.kill(e.wordLeft(), e.cursor, false)
    e.lastCommand = 'kill'
  },
  'M-d kill-word': (e, { before }) => {
    e.lastCommand = before
    e.kill(e.cursor, e.wordRight(), true)
    e.lastCommand = 'kill'
  },
  'C-y': (e) => {
    const text = e.ring[0]
    if (text === undefined) return false
    e.save()
    e.ringAt = 0
    e.yanked = [...text].length
    e.chars.splice(e.cursor, 0, ...text)
    e.cursor += e.yanked
    return true
  },
  'M-y': (e, { before }) => {
    if ((before !== 'C-y' && before !== 'M-y') || e.ring.length === 0) return false
    e.ringAt = (e.ringAt + 1) % e.ring.length
    const text = [...e.ring[e.ringAt]!]
    e.chars.splice(e.cursor - e.yanked, e.yanked, ...text)
    e.cursor += text.length - e.yanked
    e.yanked = text.length
    return true
  },
  'C-t': (e) => {
    const i = Math.min(e.cursor, e.chars.length - 1)
    if (i < 1) return false
    e.save()
    ;[e.chars[i - 1], e.chars[i]] = [e.chars[i]!, e.chars[i - 1]!]
    e.cursor = i + 1
    return true
  },
  'M-u M-l M-c': (e, { name }) => {
    const end = e.wordRight()
    e.save()
    let first = true
    for (let i = e.cursor; i < end; i++) {
      const c = e.chars[i]!
      if (!wordChar.test(c)) continue
      e.chars[i] = name === 'M-u' || (name === 'M-c' && first) ? c.toUpperCase() : c.toLowerCase()
      first = false
    }
    e.cursor = end
  },
  'C-_': (e) => {
    const old = e.undo.pop()
    if (!old) return false
    e.chars = old.chars
    e.cursor = old.cursor
    return true
  },
  'M-. M-_': (e, { name, before }) => {
    if (before !== name) e.dotAt = e.history.length - 1
    else {
      e.chars.splice(e.cursor - e.dotLength, e.dotLength)
      e.cursor -= e.dotLength
    }
    e.dotAt = Math.max(0, e.dotAt - 1)
    const word = e.history[e.dotAt]?.trim().match(/(?:[^\s"']|"[^"]*"|'[^']*')+$/)?.[0] ?? ''
    e.dotLength = [...word].length
    e.chars.splice(e.cursor, 0, ...word)
    e.cursor += e.dotLength
  },
  'up C-p': (e) => {
    if (e.at === 0) return false
    e.show(e.at - 1)
    return true
  },
  'down C-n': (e) => {
    if (e.at >= e.history.length - 1) return false
    e.show(e.at + 1)
    return true
  },
  'M-<': (e) => {
    e.show(0)
  },
  'M->': (e) => {
    e.show(e.history.length - 1)
  },
  'C-r C-s': (e, { name }) => {
    e.search = { text: '', at: e.history.length - 1, pos: Infinity, saved: { chars: [...e.chars], cursor: e.cursor, at: e.at }, failed: false, forward: name === 'C-s' }
    e.history[e.at] = e.chars.join('')
  },
  'C-l': async (e) => {
    await e.write('\x1b[H\x1b[2J')
    e.row = 0
    await e.write(e.prompt.slice(0, e.prompt.lastIndexOf('\n') + 1).replace(/[\x01\x02]/g, ''))
  },
  'C-v': (e) => {
    e.quoted = true
    return false
  },
  'M-#': async (e) => {
    e.chars.unshift('#')
    await e.finish()
    await e.write('\n')
    e.done = e.chars.join('') + '\n'
    return false
  },
  'M-r': (e) => {
    e.chars = [...(e.sh.history[e.at] ?? '')]
    e.cursor = e.chars.length
  },
  tab: async (e, { before }) => {
    await e.complete(before === 'tab')
    return false
  },
})
