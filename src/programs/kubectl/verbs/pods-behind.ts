/** The pods that a workload or a Service stands for (polymorphichelpers' AttachablePodForObject and LogsForObject). */
import { formatLabelSelector, type LabelSelector } from '#engine/api/label-selector.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import { listObjects, type ObjectTarget } from '../resource/targets.ts'
import { builtin } from './report.ts'

const pods = builtin('', 'v1', 'pods', 'Pod')

export function selectorText(object: KubeObject): string | undefined {
  const selector = (object['spec'] as { selector?: LabelSelector | Record<string, string> } | undefined)?.selector
  if (selector === undefined) return undefined
  if (object.kind === 'Service' || object.kind === 'ReplicationController') return Object.entries(selector as Record<string, string>).map(([k, v]) => `${k}=${v}`).join(',')
  return formatLabelSelector(selector as LabelSelector)
}

export async function podsBehind(run: Invocation, target: ObjectTarget, object: KubeObject, what: 'get the logs from' | 'attach to' = 'attach to'): Promise<KubeObject[]> {
  if (!['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController', 'Service'].includes(object.kind)) throw new Failure(`cannot ${what} *v1.${object.kind}: selector for *v1.${object.kind} not implemented`)
  const selector = selectorText(object)
  if (!selector) throw new Failure(`invalid service ${JSON.stringify(target.name)}: Service is defined without a selector`)
  return listObjects(run, { kind: 'list', resource: pods, namespace: target.namespace, labelSelector: selector, fieldSelector: '' })
}
