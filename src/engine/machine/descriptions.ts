/**
 * Open file descriptions: what several file descriptors may share. Every operation is immediate; whoever finds nothing to do
 * waits on `readers` or `writers`. Terminals are in tty.ts, a process's handles on descriptions in handle.ts.
 */
import { byteLength } from '#base/bytes.ts'
import type { Random } from '#base/random.ts'
import { FsError } from './files.ts'
import type { OpenFile } from './process.ts'
import type { Tty } from './tty.ts'
import { notify, readText, type Entry } from './vfs.ts'
import { WaitQueue } from './wait-queue.ts'

/** PIPE_BUF's big brother: what a pipe holds before writers wait. */
export const pipeCapacity = 65_536

export abstract class Description {
  abstract readonly kind: OpenFile['kind']
  target = ''
  readonly readers = new WaitQueue()
  readonly writers = new WaitQueue()
  readonly readable: boolean
  readonly writable: boolean
  holders = 0

  constructor(readable: boolean, writable: boolean) {
    this.readable = readable
    this.writable = writable
  }

  get terminal(): Tty | undefined {
    return undefined
  }

  /** What can be read now; '' with `ended` false: wait. */
  abstract pending(): string
  abstract readonly ended: boolean
  /** Consumes so many characters of `pending()`. */
  abstract take(characters: number): void
  /** Accepts a prefix and returns its length; 0: full. Throws EPIPE, ENOSPC. */
  abstract put(text: string): number
  /** The last holder has let go. */
  close(): void {}
}

/** The longest prefix of `text` that is at most `bytes` bytes, in characters. */
export function prefixWithin(text: string, bytes: number): number {
  if (text.length <= bytes && byteLength(text) <= bytes) return text.length
  let used = 0
  let i = 0
  while (i < text.length) {
    const pair = (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00 ? 2 : 1
    used += byteLength(text.slice(i, i + pair))
    if (used > bytes) break
    i += pair
  }
  return i
}

export class FileDescription extends Description {
  readonly kind = 'file'
  readonly entry: Entry
  readonly #append: boolean
  readonly #now: () => number
  #offset = 0
  /** Text of a computed file as it was at the first read. */
  #snapshot: string | undefined

  constructor(entry: Entry, path: string, flags: { readonly read: boolean; readonly write: boolean; readonly append: boolean }, now: () => number) {
    super(flags.read, flags.write)
    this.entry = entry
    this.target = path
    this.#append = flags.append
    this.#now = now
  }

  #text(): string {
    const { inode } = this.entry
    if (!inode.computed) return readText(inode)
    return (this.#snapshot ??= inode.text)
  }

  pending(): string {
    return this.#text().slice(this.#offset)
  }

  get ended(): boolean {
    return this.#offset >= this.#text().length
  }

  take(characters: number): void {
    this.#offset += characters
  }

  /** lseek(2) in characters; used by tail and friends through `OpenFile.seek`. */
  seek(offset: number): void {
    this.#offset = offset
  }

  put(text: string): number {
    const { inode } = this.entry
    if (inode.computed) {
      if (!inode.computed.write) throw new FsError('EACCES', this.target)
      inode.computed.write(text)
      return text.length
    }
    const old = inode.text
    if (this.#append || this.#offset === old.length) {
      inode.text = old + text
      this.#offset = old.length + text.length
    } else {
      const head = this.#offset > old.length ? old + '\0'.repeat(this.#offset - old.length) : old.slice(0, this.#offset)
      inode.text = head + text + old.slice(this.#offset + text.length)
      this.#offset += text.length
    }
    inode.program = undefined
    inode.mtime = this.#now()
    notify(this.entry)
    return text.length
  }
}

/** What both ends of a pipe share. */
class PipeBuffer {
  text = ''
  bytes = 0
  readEnd: PipeDescription | undefined
  writeEnd: PipeDescription | undefined
}

export class PipeDescription extends Description {
  readonly kind = 'pipe'
  readonly #buffer: PipeBuffer
  #closed = false

  constructor(buffer: PipeBuffer, read: boolean, name: string) {
    super(read, !read)
    this.#buffer = buffer
    this.target = name
    if (read) buffer.readEnd = this
    else buffer.writeEnd = this
  }

  pending(): string {
    return this.#buffer.text
  }

  get ended(): boolean {
    return this.#buffer.text === '' && this.#buffer.writeEnd!.#closed
  }

  take(characters: number): void {
    const b = this.#buffer
    b.text = b.text.slice(characters)
    b.bytes = b.text === '' ? 0 : byteLength(b.text)
    b.writeEnd!.writers.wake()
  }

  put(text: string): number {
    const b = this.#buffer
    if (b.readEnd!.#closed) throw new FsError('EPIPE')
    const n = prefixWithin(text, pipeCapacity - b.bytes)
    if (n === 0) return 0
    const part = text.slice(0, n)
    b.text += part
    b.bytes += byteLength(part)
    b.readEnd!.readers.wake()
    return n
  }

  override close(): void {
    this.#closed = true
    const b = this.#buffer
    if (this.readable) b.writeEnd!.writers.wake()
    else b.readEnd!.readers.wake()
  }
}

export function createPipe(number: number): { readonly read: PipeDescription; readonly write: PipeDescription } {
  const buffer = new PipeBuffer()
  const name = `pipe:[${number}]`
  return { read: new PipeDescription(buffer, true, name), write: new PipeDescription(buffer, false, name) }
}

export class NullDescription extends Description {
  readonly kind = 'null'
  readonly ended = true
  constructor() {
    super(true, true)
    this.target = '/dev/null'
  }
  pending(): string {
    return ''
  }
  take(): void {}
  put(text: string): number {
    return text.length
  }
}

/** /dev/zero, /dev/full and /dev/urandom: endless. */
export class EndlessDescription extends Description {
  readonly kind = 'zero'
  readonly ended = false
  readonly #random: Random | undefined
  readonly #full: boolean
  #chunk = ''

  constructor(target: string, options: { readonly random?: Random; readonly full?: boolean } = {}) {
    super(true, true)
    this.target = target
    this.#random = options.random
    this.#full = options.full ?? false
  }

  pending(): string {
    if (this.#chunk === '') this.#chunk = this.#random ? this.#bytes(this.#random, 256) : '\0'.repeat(4096)
    return this.#chunk
  }

  #bytes(random: Random, n: number): string {
    let out = ''
    for (let i = 0; i < n; i++) {
      const b = random.below(256)
      out += String.fromCharCode(b < 0x80 ? b : 0xdc00 + b)
    }
    return out
  }

  take(characters: number): void {
    this.#chunk = this.#chunk.slice(characters)
  }

  put(text: string): number {
    if (this.#full) throw new FsError('ENOSPC', this.target)
    return text.length
  }
}

/** A sink that hands on what is written: a unit's output on its way to the journal, a container's on its way to its log. */
export class SinkDescription extends Description {
  readonly kind = 'pipe'
  readonly ended = true
  readonly #hear: (text: string) => void

  constructor(target: string, hear: (text: string) => void) {
    super(false, true)
    this.target = target
    this.#hear = hear
  }
  pending(): string {
    return ''
  }
  take(): void {}
  put(text: string): number {
    this.#hear(text)
    return text.length
  }
}
