/**
 * A collection of recorded cases and the adapter that turns one case into calls of the simulator. The cases lie outside the
 * project (KUBEDRILL_SHARED, by default ../shared); where they are missing a collection has no cases.
 */
export interface Collection<Case = never> {
  /** As in the issue tables: `linux/networks`. */
  readonly name: string
  /** Paths below the shared folder that must exist. */
  readonly needs: readonly string[]
  /** All cases, in a fixed order. `shared` is the absolute folder. */
  load(shared: string): Promise<readonly Case[]> | readonly Case[]
  id(item: Case): string
  run(item: Case): Promise<Outcome> | Outcome
}

/** `skipped`: no adapter yet. `failed`: the simulator does something else, or cannot do it. */
export type Outcome =
  | { readonly result: 'passed' }
  | { readonly result: 'failed'; readonly expected: string; readonly actual: string }
  | { readonly result: 'skipped'; readonly reason: string }

/** Erases the case type so that collections of all kinds can stand in one list. */
export function collection<Case>(c: Collection<Case>): Collection {
  return c as unknown as Collection
}
