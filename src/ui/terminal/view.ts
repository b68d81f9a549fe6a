/**
 * One terminal on the screen: an xterm that outlives the component that shows it, so that changing tabs, tasks or pages loses nothing.
 * Output goes in small portions; when a program floods, the middle of the flood is left out rather than the window frozen.
 */
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal, type ILink } from '@xterm/xterm'
import type { ObjectRef } from '#contract/session-api.ts'
import type { Settings } from '#contract/host-api.ts'
import { findNames } from './names.ts'
import { terminalTheme } from './palette.ts'

const portion = 64 * 1024
const most = 1024 * 1024

export interface ViewPort {
  input(data: string): void
  resize(size: { columns: number; rows: number }): void
  /** Names that are links when they occur in the text. */
  names(): ReadonlyMap<string, ObjectRef>
  open(ref: ObjectRef): void
}

export class TerminalView {
  readonly term: Terminal
  readonly box = document.createElement('div')
  readonly search = new SearchAddon()
  readonly #fit = new FitAddon()
  readonly #port: ViewPort
  #opened = false
  #queue: string[] = []
  #queued = 0
  #writing = false

  constructor(name: string, port: ViewPort) {
    this.#port = port
    this.box.className = 'terminal-box'
    this.term = new Terminal({
      allowProposedApi: true,
      fontFamily: "'JetBrains Mono', ui-monospace, monospace",
      fontSize: 14,
      lineHeight: 1.2,
      fontWeightBold: '600',
      scrollback: 10_000,
      minimumContrastRatio: 4.5,
      cursorBlink: false,
      macOptionIsMeta: true,
      rightClickSelectsWord: true,
    })
    this.term.loadAddon(this.#fit)
    this.term.loadAddon(this.search)
    this.term.onData((data) => port.input(data))
    this.term.onBinary((data) => port.input(data))
    this.term.onResize(({ cols, rows }) => port.resize({ columns: cols, rows }))
    this.term.attachCustomKeyEventHandler((event) => {
      if (!(event.ctrlKey && event.shiftKey && event.code === 'KeyC')) return true
      event.preventDefault()
      if (event.type === 'keydown' && this.term.hasSelection()) void navigator.clipboard.writeText(this.term.getSelection())
      return false
    })
    this.term.registerLinkProvider({ provideLinks: (y, done) => done(this.#links(y)) })
    this.label(name)
  }

  label(name: string): void {
    const set = () => this.term.textarea?.setAttribute('aria-label', `Terminal ${name}. F6 leaves it.`)
    set()
    queueMicrotask(set)
    this.#label = set
  }
  #label: () => void = () => undefined

  /** Puts the terminal into the page; returns its size once it has one. */
  attach(parent: HTMLElement): void {
    parent.appendChild(this.box)
    if (!this.#opened) {
      this.term.open(this.box)
      this.#opened = true
      this.#label()
    }
    this.fit()
  }

  detach(): void {
    this.box.remove()
  }

  fit(): void {
    if (this.box.isConnected && this.box.clientWidth > 40 && this.box.clientHeight > 20) this.#fit.fit()
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.term.cols, rows: this.term.rows }
  }

  style(theme: 'light' | 'dark' | 'contrast', settings: Settings, still: boolean): void {
    const o = this.term.options
    o.theme = terminalTheme(theme)
    o.fontSize = settings.terminalSize
    o.cursorStyle = settings.cursor
    o.cursorBlink = !still && settings.cursor === 'bar'
    o.screenReaderMode = settings.screenReader
    o.minimumContrastRatio = theme === 'contrast' ? 7 : 4.5
    this.fit()
  }

  write(data: string): void {
    for (let i = 0; i < data.length; i += portion) this.#queue.push(data.slice(i, i + portion))
    this.#queued += data.length
    while (this.#queued > most && this.#queue.length > 2) this.#queued -= this.#queue.shift()!.length
    this.#pump()
  }

  #pump(): void {
    if (this.#writing) return
    const next = this.#queue.shift()
    if (next === undefined) return
    this.#queued -= next.length
    this.#writing = true
    this.term.write(next, () => {
      this.#writing = false
      this.#pump()
    })
  }

  /** Before the whole screen text comes again. */
  clear(): void {
    this.#queue = []
    this.#queued = 0
    this.term.reset()
  }

  focus(): void {
    this.term.focus()
  }

  dispose(): void {
    this.term.dispose()
    this.box.remove()
  }

  #links(y: number): ILink[] | undefined {
    const line = this.term.buffer.active.getLine(y - 1)?.translateToString(true)
    if (line === undefined) return undefined
    return findNames(line, this.#port.names()).map(({ start, end, ref }) => ({
      range: { start: { x: start + 1, y }, end: { x: end, y } },
      text: line.slice(start, end),
      activate: () => this.#port.open(ref),
    }))
  }
}
