/**
 * Copies of a sitting that follow it at a distance, as a hot standby replays the log of its primary. A fork then costs the inputs since the
 * last command, not the boot and all commands; taking the last command back costs nothing but the exchange.
 *
 *     sitting   ──cmd──cmd──cmd──cmd──●  now
 *     copy      ──cmd──cmd──cmd──○        where the last command was typed
 */
import type { SittingInput } from '#contract/session-api.ts'
import { Sitting, type CommandEntry, type SittingOptions } from './sitting.ts'

export class Standby {
  readonly #options: SittingOptions
  readonly #count: number
  #copies: Sitting[] = []
  #work: Promise<void> = Promise.resolve()
  /** Who waits for a copy: no further one is begun meanwhile. */
  #asked = 0

  /** `count`: how many forks are wanted at once. */
  constructor(options: SittingOptions, count: number) {
    this.#options = options
    this.#count = count
  }

  /** Brings the copies to this point of the log, in the background; those that were taken are made anew. */
  follow(inputs: readonly SittingInput[], until: number): void {
    const log = [...inputs]
    this.#work = this.#work
      .then(async () => {
        for (const copy of [...this.#copies]) if (this.#asked === 0 && precedes(copy, log, until)) await copy.catchUp(log, until)
        while (this.#asked === 0 && this.#copies.length < this.#count) this.#copies.push(await Sitting.replay(this.#options, log, until))
      })
      // A replay that fails is met again, and told, by who asks for a fork.
      .catch(() => this.release())
  }

  /** Settles when nothing is being brought up. */
  get ready(): Promise<void> {
    return this.#work
  }

  /** Copies that nobody has taken yet. */
  get waiting(): number {
    return this.#copies.length
  }

  /** A sitting at exactly this point of the log, for the caller alone: a copy where one has not gone further, else by replay from the start. */
  async take(inputs: readonly SittingInput[], until: number): Promise<Sitting> {
    this.#asked++
    await this.#work
    this.#asked--
    const at = this.#copies.findIndex((copy) => precedes(copy, inputs, until))
    if (at < 0) return Sitting.replay(this.#options, inputs, until)
    const [copy] = this.#copies.splice(at, 1)
    await copy!.catchUp(inputs, until)
    return copy!
  }

  /** Lets the copies go. */
  release(): void {
    this.#copies = []
  }
}

/** Whether the sitting is at a point of this log, having carried out just its beginning. */
function precedes(sitting: Sitting, inputs: readonly SittingInput[], until: number): boolean {
  const done = sitting.inputs.length
  return done <= inputs.length && sitting.elapsed <= (inputs[done]?.at ?? until) && sitting.inputs.every((input, i) => input === inputs[i] || JSON.stringify(input) === JSON.stringify(inputs[i]))
}

/** The point of a sitting's log at which a command was about to be typed, before its first key; the sitting's start where there is none. */
export function promptBefore(sitting: Sitting, command: CommandEntry | undefined): [inputs: readonly SittingInput[], until: number] {
  if (!command) return [[], 0]
  const inputs = sitting.inputs.slice(0, command.inputs)
  const firstKey = sitting.inputs[command.inputs]?.at ?? command.at
  return [inputs, Math.max(inputs.at(-1)?.at ?? 0, Math.min(firstKey, command.at))]
}
