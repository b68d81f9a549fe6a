/** Names, claims and revisions of a StatefulSet's pods (pkg/controller/statefulset stateful_set_utils). */
import type { PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'
import type { StatefulSet } from '#engine/kinds/statefulset/types.ts'
import { podFromTemplate, structuredCopy } from '../pod-control.ts'

export const revisionLabel = 'controller-revision-hash'

export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata.name)
  return match && match[1] === set.metadata.name ? Number(match[2]) : undefined
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`
}

export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata.name}-${podName(set, ordinal)}`
}

export function newPod(set: StatefulSet, ordinal: number, revision: string): Pod {
  const pod = podFromTemplate(set.spec.template, set, { name: podName(set, ordinal) })
  pod.metadata.generateName = `${set.metadata.name}-`
  pod.metadata.labels = { ...pod.metadata.labels, 'statefulset.kubernetes.io/pod-name': podName(set, ordinal), 'apps.kubernetes.io/pod-index': String(ordinal), [revisionLabel]: revision }
  pod.spec.hostname = podName(set, ordinal)
  if (set.spec.serviceName) pod.spec.subdomain = set.spec.serviceName
  const templates = set.spec.volumeClaimTemplates ?? []
  if (templates.length > 0) {
    const names = new Set(templates.map((t) => t.metadata.name))
    pod.spec.volumes = [...templates.map((t) => ({ name: t.metadata.name, persistentVolumeClaim: { claimName: claimName(set, t, ordinal) } })), ...(pod.spec.volumes ?? []).filter((v) => !names.has(v.name))]
  }
  return pod
}

export function newClaim(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(set, template, ordinal),
      namespace: set.metadata.namespace ?? 'default',
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      ...(template.metadata.annotations ? { annotations: { ...template.metadata.annotations } } : {}),
    },
    spec: structuredCopy(template.spec),
  }
}
