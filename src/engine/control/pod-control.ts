/** Creating and deleting pods for an owner, with the Events that all workload controllers record (pkg/controller RealPodControl). */
import { StatusError, type KubeObject } from '#engine/api/types.ts'
import { isPodActive, isPodReady, podCondition, pods, type Pod, type PodTemplate } from '#engine/kinds/pod/types.ts'
import type { ControllerContext } from './controller.ts'
import { ownerReference } from './ownership.ts'

export function podFromTemplate(template: PodTemplate, owner: KubeObject, options: { readonly name?: string; readonly generateName?: string } = {}): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(options.name !== undefined ? { name: options.name } : { generateName: options.generateName ?? `${owner.metadata.name}-`, name: '' }),
      ...(owner.metadata.namespace !== undefined ? { namespace: owner.metadata.namespace } : {}),
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [ownerReference(owner)],
    },
    spec: structuredCopy(template.spec),
  }
  if (options.name === undefined) delete (pod.metadata as { name?: string }).name
  return pod
}

/** Throws the server's refusal after recording FailedCreate (unless the namespace is going away). */
export function createPod(context: ControllerContext, owner: KubeObject, pod: Pod, component: string): Pod {
  try {
    const created = context.api.create(pods, pod)
    context.api.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`, component)
    return created
  } catch (error) {
    if (error instanceof StatusError && !isNamespaceTerminating(error)) {
      context.api.event(owner, 'Warning', 'FailedCreate', `Error creating: ${error.message}`, component)
    }
    throw error
  }
}

export function deletePod(context: ControllerContext, owner: KubeObject, pod: Pod, component: string): void {
  try {
    context.api.delete(pods, pod.metadata.namespace, pod.metadata.name)
    context.api.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`, component)
  } catch (error) {
    if (error instanceof StatusError && error.status.code === 404) return
    if (error instanceof StatusError) context.api.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`, component)
    throw error
  }
}

export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 403 && (error.status.details?.causes ?? []).some((c) => c.reason === 'NamespaceTerminating')
}

/** A JSON value of one's own. */
export function structuredCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredCopy) as T
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, structuredCopy(v)])) as T
  return value
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false
  if (minReadySeconds === 0) return true
  const since = podCondition(pod, 'Ready')?.lastTransitionTime
  return since != null && Date.parse(since) + minReadySeconds * 1000 <= now
}

/**
 * Sorted so that those to be deleted first come first: unassigned, pending, not ready, deletion cost, more pods of the same
 * owner on the node, ready for a shorter time (on a log scale), more restarts, younger.
 */
export function deletionOrder(candidates: readonly Pod[], related: readonly Pod[], now: number): Pod[] {
  const perNode = new Map<string, number>()
  for (const p of related) if (p.spec.nodeName && isPodActive(p)) perNode.set(p.spec.nodeName, (perNode.get(p.spec.nodeName) ?? 0) + 1)
  const phase = (p: Pod) => ({ Pending: 0, Unknown: 1, Running: 2, Succeeded: 3, Failed: 4 })[p.status?.phase ?? 'Pending']
  const cost = (p: Pod) => Number(p.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0
  const restarts = (p: Pod) => Math.max(0, ...(p.status?.containerStatuses ?? []).map((s) => s.restartCount))
  const readySince = (p: Pod) => Date.parse(podCondition(p, 'Ready')?.lastTransitionTime ?? '') || 0
  const scale = (time: number) => (time === 0 ? 0 : Math.floor(Math.log2(Math.max(1, (now - time) * 1e6))))
  const created = (p: Pod) => Date.parse(p.metadata.creationTimestamp ?? '') || 0
  return [...candidates].sort((a, b) => {
    const assigned = Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName))
    if (assigned !== 0) return assigned
    if (phase(a) !== phase(b)) return phase(a) - phase(b)
    const ready = Number(isPodReady(a)) - Number(isPodReady(b))
    if (ready !== 0) return ready
    if (cost(a) !== cost(b)) return cost(a) - cost(b)
    const crowd = (perNode.get(b.spec.nodeName ?? '') ?? 0) - (perNode.get(a.spec.nodeName ?? '') ?? 0)
    if (crowd !== 0) return crowd
    if (isPodReady(a)) {
      const time = scale(readySince(a)) - scale(readySince(b))
      if (time !== 0) return time
    }
    if (restarts(a) !== restarts(b)) return restarts(b) - restarts(a)
    const age = scale(created(a)) - scale(created(b))
    if (age !== 0) return age
    return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1
  })
}

