/** curl's progress meter and OpenSSL's dates. */
import type { Process } from '#engine/machine/process.ts'
import { clock, months } from './support.ts'

const header = '  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n'

/** `Jan  5 10:20:30 2026 GMT`. */
export function opensslDate(ms: number): string {
  const d = new Date(ms)
  return `${months[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${clock(ms)} ${d.getUTCFullYear()} GMT`
}

function size(n: number): string {
  if (n < 100_000) return String(n).padStart(5)
  if (n < 10_000 * 1024) return `${String(Math.floor(n / 1024)).padStart(4)}k`
  return `${(n / 1048576).toFixed(1).padStart(4)}M`
}

export class Meter {
  readonly #p: Process
  readonly #on: boolean
  readonly #bar: boolean
  #started = false
  #upload: number | undefined

  constructor(p: Process, on: boolean, bar: boolean) {
    this.#p = p
    this.#on = on
    this.#bar = bar
  }

  #row(total: number | undefined, got: number): string {
    const all = total ?? got
    const percent = (a: number, b: number) => String(b === 0 ? 0 : Math.round((a / b) * 100)).padStart(3)
    const up = this.#upload ?? 0
    return `\r${percent(got + up, all + up)} ${size(all + up)}  ${percent(got, all)} ${size(got)}  ${percent(up, up)} ${size(up)}  ${size(got)}  ${size(up)} --:--:-- --:--:-- --:--:-- ${size(got)}`
  }

  async #start(): Promise<void> {
    if (this.#started || !this.#on) return
    this.#started = true
    if (this.#bar) return
    await this.#p.stderr.write(header + this.#row(0, 0))
  }

  async begin(upload: number | undefined): Promise<void> {
    this.#upload = upload
    await this.#start()
  }

  /** The transfer ended without data. */
  async nothing(): Promise<void> {
    if (!this.#on) return
    await this.#start()
    await this.#p.stderr.write(this.#bar ? '' : this.#row(0, 0) + '\n')
  }

  async end(got: number, total: number | undefined): Promise<void> {
    if (!this.#on) return
    await this.#start()
    await this.#p.stderr.write(this.#bar ? `\r${'#'.repeat(72)} 100.0%\n` : this.#row(total, got) + '\n')
  }
}
