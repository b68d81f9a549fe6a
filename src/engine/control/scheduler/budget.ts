/** What preemption looks at of a PodDisruptionBudget. */
import type { KubeObject } from '#engine/api/types.ts'
import type { LabelSelector } from '#engine/kinds/selectors.ts'

export interface DisruptionBudget extends KubeObject {
  spec: { selector?: LabelSelector }
  status?: { disruptionsAllowed?: number; disruptedPods?: Readonly<Record<string, string>> }
}
