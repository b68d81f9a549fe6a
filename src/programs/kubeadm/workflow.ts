/** kubeadm's workflows: a tree of phases that run in order, one of them by its path, or all but those that are skipped (cmd/phases/workflow). */
import { Failure, isExpected } from './run.ts'

export interface Phase<Data> {
  readonly name: string
  readonly run?: (data: Data) => Promise<void>
  readonly phases?: readonly Phase<Data>[]
  /** Phases that must have run before in the same go. */
  readonly dependencies?: readonly string[]
  /** Only runs within the whole workflow. */
  readonly whole?: boolean
}

interface Step<Data> {
  /** `certs/ca` */
  readonly path: string
  readonly phase: Phase<Data>
}

function flatten<Data>(phases: readonly Phase<Data>[], prefix = ''): Step<Data>[] {
  return phases.flatMap((phase) => [{ path: `${prefix}${phase.name}`, phase }, ...flatten(phase.phases ?? [], `${prefix}${phase.name}/`)])
}

/** `kubeadm init phase certs all` → `certs`; `… certs ca` → `certs/ca`. */
const target = (words: readonly string[]) => (words.at(-1) === 'all' ? words.slice(0, -1) : words).join('/')

/** Runs the phases below `words` (empty: all). */
export async function runPhases<Data>(phases: readonly Phase<Data>[], words: readonly string[], skip: readonly string[], data: () => Promise<Data>): Promise<Data> {
  const steps = flatten(phases)
  const wanted = target(words)
  const below = (path: string, parent: string) => path === parent || path.startsWith(`${parent}/`)
  for (const s of skip) if (!steps.some((x) => x.path === s)) throw new Failure(`invalid phase name: ${s}`)
  const chosen = steps.filter((s) => (wanted === '' ? !s.phase.whole || true : below(s.path, wanted)) && !skip.some((x) => below(s.path, x)))
  const missing = chosen.flatMap((s) => {
    const lacking = (s.phase.dependencies ?? []).filter((d) => !chosen.some((c) => c.path === d))
    return lacking.length > 0 ? [`missing [${lacking.join(' ')}] phase(s) needed by ${JSON.stringify(s.path)} phase`] : []
  })
  if (missing.length > 0) throw new Failure(`unresolved dependencies:${missing.map((m) => `\n\t${m}`).join('')}`)
  const made = await data()
  for (const { path, phase } of chosen) {
    if (!phase.run) continue
    try {
      await phase.run(made)
    } catch (error) {
      if (!isExpected(error)) throw error
      throw new Failure(`error execution phase ${path}: ${error.message}`)
    }
  }
  return made
}
