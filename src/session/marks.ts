/**
 * Command marks: interactive shells of the sitting print OSC 133 sequences (as terminals with shell integration ask them to) before a
 * prompt and after a command. The sitting takes them out of the output and learns when a command began, ended, and how.
 *
 *     ESC ] 133 ; D ; EXIT ; HISTORY LINE BEL   the last command has ended      ESC ] 133 ; C BEL   a command begins
 */

/** Read by every interactive bash (as /etc/bash.bashrc). */
export const markScript = `PS1='\\u@\\h:\\w\\$ '
__kubedrill_mark() { local s=$?; printf '\\e]133;D;%s;%s\\a' "$s" "$(HISTTIMEFORMAT= history 1)"; return $s; }
PROMPT_COMMAND=__kubedrill_mark
PS0='\\e]133;C\\a'
`

/** Login shells read it too, as /etc/profile has them do on Debian. */
export const loginScript = `[ -n "$PS1" ] && . /etc/bash.bashrc
`

export type Mark = { readonly kind: 'begin' } | { readonly kind: 'prompt'; readonly exit: number; readonly history: string }

/** Takes marks out of a stream of output that may be cut anywhere. */
export class MarkReader {
  #held = ''
  readonly #onMark: (mark: Mark) => void

  constructor(onMark: (mark: Mark) => void) {
    this.#onMark = onMark
  }

  /** The output without marks; an unfinished mark is kept back until the next call. */
  read(chunk: string): string {
    let text = this.#held + chunk
    this.#held = ''
    let out = ''
    for (;;) {
      const start = text.indexOf('\x1b]133;')
      if (start < 0) break
      const end = text.indexOf('\x07', start)
      if (end < 0) {
        if (text.length - start < 8192) {
          this.#held = text.slice(start)
          return out + text.slice(0, start)
        }
        break
      }
      out += text.slice(0, start)
      const body = text.slice(start + 6, end)
      text = text.slice(end + 1)
      if (body === 'C') this.#onMark({ kind: 'begin' })
      else if (body.startsWith('D;')) {
        const [, exit, ...history] = body.split(';')
        this.#onMark({ kind: 'prompt', exit: Number(exit), history: history.join(';').replace(/^\s*\d+\*?\s+/, '') })
      }
    }
    const esc = text.lastIndexOf('\x1b')
    if (esc >= 0 && '\x1b]133;'.startsWith(text.slice(esc))) {
      this.#held = text.slice(esc)
      text = text.slice(0, esc)
    }
    return out + text
  }
}
