/** Seeded pseudo-random numbers (sfc32), the only dice in the pure rooms. Same seed, same numbers, on every machine. */
export class Random {
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(seed: string | number) {
    let h = 0x811c9dc5
    for (const ch of String(seed)) h = Math.imul(h ^ ch.charCodeAt(0), 0x01000193)
    this.#a = h | 0
    this.#b = Math.imul(h, 0x9e3779b1) | 0
    this.#c = Math.imul(h ^ 0x5bd1e995, 0x85ebca6b) | 0
    for (let i = 0; i < 12; i++) this.uint32()
  }

  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t | 0
    return t >>> 0
  }

  /** A number in [0, 1). */
  next(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('pick from an empty list')
    return items[this.below(items.length)]!
  }

  /** `length` characters of `alphabet`. */
  letters(length: number, alphabet: string): string {
    let out = ''
    for (let i = 0; i < length; i++) out += alphabet[this.below(alphabet.length)]
    return out
  }

  /** A version 4 UUID. */
  uuid(): string {
    const hex = this.letters(32, '0123456789abcdef')
    const variant = '89ab'[this.below(4)]
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  /** A stream of its own, so that one consumer's draws do not shift another's. */
  fork(name: string): Random {
    return new Random(`${this.uint32()}:${name}`)
  }
}
