/**
 * A terminal: the kernel's N_TTY line discipline between keys and programs. Canonical mode (erase, kill, word erase, EOF), echo with
 * `^X` for control characters, ISIG, ICRNL and ONLCR. Leaves out: flow control (^S ^Q), other baud-era settings.
 */
import type { EditorPort, Signal, Terminal } from './process.ts'
import { Description } from './descriptions.ts'

const CTRL = { c: '\x03', d: '\x04', u: '\x15', w: '\x17', z: '\x1a', quit: '\x1c', erase: '\x7f' } as const

interface GroupNumbers {
  fromHost(pid: number): number
  toHost(pid: number): number | undefined
}

export class Tty extends Description {
  readonly kind = 'tty'
  readonly name: string
  columns: number
  rows: number
  /** The foreground process group in the host's numbers. */
  foreground = 0
  readonly editor: EditorPort | undefined
  /** Sends a signal to a process group; set by the kernel. */
  signal: (group: number, signal: Signal) => void = () => {}
  onOutput: (text: string) => void = () => {}
  #raw = false
  #echo = true
  #line = ''
  #input = ''
  /** Ends of file typed with ^D on an empty line. */
  #eofs = 0
  #hungUp = false
  readonly #views = new WeakMap<GroupNumbers, Terminal>()

  constructor(name: string, options: { readonly columns?: number; readonly rows?: number; readonly editor?: EditorPort } = {}) {
    super(true, true)
    this.name = name
    this.target = name
    this.columns = options.columns ?? 80
    this.rows = options.rows ?? 24
    this.editor = options.editor
  }

  override get terminal(): Tty {
    return this
  }

  /** The terminal with the foreground group in the numbers of a pid view. */
  seenFrom(space: GroupNumbers): Terminal {
    let view = this.#views.get(space)
    if (!view) this.#views.set(space, (view = new TtyView(this, space)))
    return view
  }

  get raw(): boolean {
    return this.#raw
  }

  setRaw(raw: boolean): () => void {
    const before = { raw: this.#raw, echo: this.#echo }
    this.#raw = raw
    this.#echo = !raw
    if (raw && this.#line !== '') {
      this.#input += this.#line
      this.#line = ''
      this.readers.wake()
    }
    return () => {
      this.#raw = before.raw
      this.#echo = before.echo
    }
  }

  setEcho(echo: boolean): void {
    this.#echo = echo
  }

  resize(columns: number, rows: number): void {
    if (columns === this.columns && rows === this.rows) return
    this.columns = columns
    this.rows = rows
    this.signal(this.foreground, 'SIGWINCH')
  }

  /** Keys from the interface. */
  type(keys: string): void {
    if (this.#hungUp) return
    if (this.#raw) {
      this.#input += keys
      if (this.#echo) this.#show(keys)
      this.readers.wake()
      return
    }
    for (const key of keys) this.#key(key)
    this.readers.wake()
  }

  #key(key: string): void {
    switch (key) {
      case CTRL.c:
        return this.#interrupt('SIGINT', '^C')
      case CTRL.quit:
        return this.#interrupt('SIGQUIT', '^\\')
      case CTRL.z:
        return this.#interrupt('SIGTSTP', '^Z')
      case CTRL.d:
        if (this.#line === '') this.#eofs++
        this.#input += this.#line
        this.#line = ''
        return
      case CTRL.erase:
      case '\b':
        return this.#erase(1)
      case CTRL.u:
        return this.#erase([...this.#line].length)
      case CTRL.w: {
        const kept = this.#line.replace(/\S*\s*$/, '')
        return this.#erase([...this.#line].length - [...kept].length)
      }
      case '\r':
      case '\n':
        if (this.#echo) this.#show('\n')
        this.#input += this.#line + '\n'
        this.#line = ''
        return
      default:
        this.#line += key
        if (this.#echo) this.#show(echoOf(key))
    }
  }

  #interrupt(signal: Signal, shown: string): void {
    if (this.#echo) this.#show(shown)
    this.#line = ''
    this.#input = ''
    this.signal(this.foreground, signal)
  }

  #erase(count: number): void {
    const keys = [...this.#line]
    for (const key of keys.splice(keys.length - count, count).reverse()) {
      if (this.#echo) this.#show('\b \b'.repeat(echoOf(key).length))
    }
    this.#line = keys.join('')
  }

  #show(text: string): void {
    this.onOutput(text.replace(/\r?\n/g, '\r\n'))
  }

  pending(): string {
    if (this.#eofs > 0 && this.#input === '') return ''
    if (this.#raw) return this.#input
    const end = this.#input.indexOf('\n')
    return end < 0 ? this.#input : this.#input.slice(0, end + 1)
  }

  get ended(): boolean {
    if (this.#hungUp) return this.#input === ''
    return this.#eofs > 0 && this.#input === ''
  }

  /** An end of file is seen once; the next read waits again. */
  sawEnd(): void {
    if (this.#eofs > 0) this.#eofs--
  }

  take(characters: number): void {
    this.#input = this.#input.slice(characters)
  }

  put(text: string): number {
    if (!this.#hungUp) this.#show(text)
    return text.length
  }

  hangUp(): void {
    this.#hungUp = true
    this.readers.wake()
  }
}

function echoOf(key: string): string {
  const code = key.charCodeAt(0)
  return code < 0x20 && key !== '\t' ? '^' + String.fromCharCode(code + 64) : key
}

class TtyView implements Terminal {
  readonly #tty: Tty
  readonly #space: GroupNumbers

  constructor(tty: Tty, space: GroupNumbers) {
    this.#tty = tty
    this.#space = space
  }
  get name(): string {
    return this.#tty.name
  }
  get columns(): number {
    return this.#tty.columns
  }
  get rows(): number {
    return this.#tty.rows
  }
  get editor(): EditorPort | undefined {
    return this.#tty.editor
  }
  get foreground(): number {
    return this.#space.fromHost(this.#tty.foreground)
  }
  set foreground(group: number) {
    this.#tty.foreground = this.#space.toHost(group) ?? group
  }
  setRaw(raw: boolean): () => void {
    return this.#tty.setRaw(raw)
  }
  setEcho(echo: boolean): void {
    this.#tty.setEcho(echo)
  }
}
