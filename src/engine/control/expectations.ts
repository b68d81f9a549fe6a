/** What a controller has asked for and not yet seen in its cache (client-go's ControllerExpectations): until it is, the key is left alone. */
export class Expectations {
  readonly #counts = new Map<string, { adds: number; deletes: number }>()

  satisfied(key: string): boolean {
    const count = this.#counts.get(key)
    return count === undefined || (count.adds <= 0 && count.deletes <= 0)
  }

  expectAdds(key: string, adds: number): void {
    this.#counts.set(key, { adds, deletes: 0 })
  }

  expectDeletes(key: string, deletes: number): void {
    this.#counts.set(key, { adds: 0, deletes })
  }

  expect(key: string, adds: number, deletes: number): void {
    this.#counts.set(key, { adds, deletes })
  }

  added(key: string): void {
    const count = this.#counts.get(key)
    if (count) count.adds--
  }

  deleted(key: string): void {
    const count = this.#counts.get(key)
    if (count) count.deletes--
  }

  forget(key: string): void {
    this.#counts.delete(key)
  }
}
