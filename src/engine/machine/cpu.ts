/**
 * CPU time of a machine or container, in pieces of fifteen seconds, as far back as a metrics agent looks. Programs say with `yield` that they
 * compute; what a system call costs is added by the task. Leaves out: priorities, steal, limits (the reader applies them).
 */
export const cpuPiece = 15_000
const kept = 8

export class CpuAccount {
  readonly #used = new Float64Array(kept)
  readonly #pieces = new Float64Array(kept).fill(-1)

  /** `ms` of one CPU from `from` on. */
  spend(from: number, ms: number): void {
    let at = from
    let left = ms
    while (left > 0) {
      const piece = Math.floor(at / cpuPiece)
      const here = Math.min(left, (piece + 1) * cpuPiece - at)
      const slot = piece % kept
      if (this.#pieces[slot] !== piece) {
        this.#pieces[slot] = piece
        this.#used[slot] = 0
      }
      this.#used[slot]! += here
      at += here
      left -= here
    }
  }

  /** Milliseconds used in the piece that ends at `end`, a multiple of `cpuPiece`. */
  usedBefore(end: number): number {
    const piece = Math.round(end / cpuPiece) - 1
    return this.#pieces[piece % kept] === piece ? this.#used[piece % kept]! : 0
  }
}
