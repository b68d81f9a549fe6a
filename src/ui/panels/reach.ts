/** What one pod reaches and who reaches it, read out of the policy matrix. */
import type { PolicyMatrix } from '#contract/session-api.ts'

export interface Reach {
  readonly title: string
  readonly namespace: string
  readonly allowed: boolean
  readonly why: string
}

/** `namespace/name` of a subject's pod. */
export const podId = (namespace: string, pod: string): string => (pod.includes('/') ? pod : `${namespace}/${pod}`)

/** `pod` is `namespace/name`; undefined when the matrix does not know it. */
export function reachOf(matrix: PolicyMatrix, pod: string): { readonly out: readonly Reach[]; readonly in: readonly Reach[] } | undefined {
  const at = matrix.subjects.findIndex((s) => s.pods.some((p) => podId(s.namespace, p) === pod))
  if (at < 0) return undefined
  const entry = (i: number, cell: { allowed: boolean; why: string } | undefined): Reach => ({ title: matrix.subjects[i]!.title, namespace: matrix.subjects[i]!.namespace, allowed: cell?.allowed ?? false, why: cell?.why ?? '' })
  const others = matrix.subjects.map((_, i) => i).filter((i) => i !== at)
  return { out: others.map((i) => entry(i, matrix.cells[at]?.[i])), in: others.map((i) => entry(i, matrix.cells[i]?.[at])) }
}
