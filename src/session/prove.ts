/**
 * A lab is accepted only when its start fails every task, its solution passes all, every wrong answer fails exactly the checks that
 * it names, and a second seed agrees. `kubedrill lab prove` and the tests run this.
 */
import type { LabBundle } from '#contract/session-api.ts'
import { gradeLab, type TaskResult } from '#course/grade.ts'
import { failsOf } from '#course/load.ts'
import type { Drain } from '#engine/sim/runner.ts'
import { ClusterInspect } from './inspect.ts'
import { labOf, specOf } from './lab.ts'
import { Sitting } from './sitting.ts'

export interface Proof {
  readonly lab: string
  /** One line per thing that was tried. */
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
  readonly ok: boolean
}

export async function proveLab(bundle: LabBundle, drain: Drain, seeds: readonly string[] = ['prove-1', 'prove-2']): Promise<Proof> {
  const lab = labOf(bundle)
  const steps: { name: string; ok: boolean; detail: string }[] = []
  for (const seed of seeds) {
    const fresh = () => Sitting.begin({ seed, open: { kind: 'lab', id: bundle.id, cluster: lab.cluster }, spec: specOf(lab.cluster, bundle), bundle, drain })
    const answer = async (script: string | undefined): Promise<{ tasks: readonly TaskResult[]; exit: number; said: string }> => {
      const sitting = await fresh()
      const done = script === undefined ? { exit: 0, stdout: '', stderr: '' } : await sitting.perform(script)
      return { tasks: await gradeLab(lab, new ClusterInspect(sitting)), exit: done.exit, said: done.stderr || done.stdout }
    }
    const start = await answer(undefined)
    const passing = start.tasks.filter((t) => t.pass).map((t) => t.id)
    steps.push({ name: `start (${seed})`, ok: passing.length === 0, detail: passing.length === 0 ? 'fails every task' : `passes already: ${passing.join(', ')}` })

    const solved = await answer(bundle.files['solution.sh'])
    const failing = solved.tasks.flatMap((t) => t.checks).filter((c) => !c.pass)
    steps.push({
      name: `solution (${seed})`,
      ok: failing.length === 0 && solved.exit === 0,
      detail: failing.length === 0 && solved.exit === 0 ? 'passes all' : solved.exit !== 0 ? `exits with ${solved.exit}: ${solved.said.trim()}` : failing.map((c) => `${c.id}: expected ${c.expected}; observed ${c.observed}. ${c.why}`).join('\n'),
    })

    for (const file of Object.keys(bundle.files).filter((f) => /^wrong\/.*\.sh$/.test(f)).sort()) {
      const script = bundle.files[file]!
      const named = [...failsOf(script)].sort()
      const result = await answer(script)
      const seen = result.tasks.flatMap((t) => t.checks).filter((c) => !c.pass).map((c) => c.id).sort()
      const ok = named.length > 0 && named.join() === seen.join()
      steps.push({ name: `${file} (${seed})`, ok, detail: ok ? `fails ${seen.join(', ')}` : `names ${named.join(', ') || 'nothing'}; fails ${seen.join(', ') || 'nothing'}${result.exit === 0 ? '' : ` (exit ${result.exit}: ${result.said.trim()})`}` })
    }
  }
  const wrong = Object.keys(bundle.files).filter((f) => /^wrong\/.*\.sh$/.test(f)).length
  steps.push({ name: 'wrong answers', ok: wrong >= 2, detail: `${wrong} of them` })
  return { lab: bundle.id, steps, ok: steps.every((s) => s.ok) }
}
