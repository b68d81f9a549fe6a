/** The small plugins that touch pods: Priority, DefaultTolerationSeconds, RuntimeClass, and the taint that new nodes get. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import { topologyOf } from '#engine/api/topology.ts'
import * as status from '#engine/api/status.ts'

const CLASSES = 'priorityclasses.scheduling.k8s.io'

export const priority: AdmissionPlugin = {
  name: 'Priority',
  admit({ operation, kind, subresource, object, old, name, context }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || subresource !== '') return
    if (operation === 'UPDATE') {
      if (object.spec.priority === undefined && old.spec.priority !== undefined) object.spec.priority = old.spec.priority
      if (object.spec.preemptionPolicy === undefined && old.spec.preemptionPolicy !== undefined) object.spec.preemptionPolicy = old.spec.preemptionPolicy
      return
    }
    if (operation !== 'CREATE') return
    const { spec } = object
    const refuse = (text: string) => status.forbidden({ group: '', resource: 'pods' }, name, text)
    let value = 0
    let policy = 'PreemptLowerPriority'
    if (spec.priorityClassName) {
      const found = context.find(CLASSES, '', spec.priorityClassName) as Loose
      if (!found) throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`)
      value = found.value ?? 0
      policy = found.preemptionPolicy ?? policy
    } else {
      const standard = (context.all(CLASSES) as Loose[]).filter((c) => c.globalDefault).sort((a, b) => a.value - b.value)[0]
      if (standard) {
        spec.priorityClassName = standard.metadata.name
        value = standard.value ?? 0
        policy = standard.preemptionPolicy ?? policy
      }
    }
    if (spec.priority !== undefined && spec.priority !== value) throw refuse(`the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`)
    spec.priority = value
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) throw refuse(`the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`)
    spec.preemptionPolicy = policy
  },
  validate({ operation, kind, object, context }) {
    if (kind.plural !== 'priorityclasses' || operation === 'DELETE' || !object.globalDefault) return
    const other = (context.all(CLASSES) as Loose[]).find((c) => c.globalDefault && c.metadata.name !== object.metadata.name)
    if (other) throw status.forbidden({ group: kind.group, resource: kind.plural }, object.metadata.name, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`)
  },
}

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit({ operation, kind, subresource, object }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { spec } = object
    for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
      const has = (spec.tolerations ?? []).some((t: Loose) => (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute'))
      if (!has) spec.tolerations = [...(spec.tolerations ?? []), { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }]
    }
  },
}

export const taintNodes: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit({ operation, kind, object }) {
    if (kind.kind !== 'Node' || operation !== 'CREATE') return
    const spec = (object.spec ??= {})
    if ((spec.taints ?? []).some((t: Loose) => t.key === 'node.kubernetes.io/not-ready' && t.effect === 'NoSchedule')) return
    spec.taints = [...(spec.taints ?? []), { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]
  },
}

/** Pods carry the zone and region of their node; those that are bound later get them from their binding. */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  admit({ operation, kind, subresource, object, context }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || subresource !== '' || operation !== 'CREATE' || !object.spec.nodeName) return
    const labels = topologyOf(context.find('nodes', '', object.spec.nodeName))
    if (Object.keys(labels).length > 0) object.metadata.labels = { ...object.metadata.labels, ...labels }
  },
}

export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  admit({ operation, kind, subresource, object, name, context }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || operation !== 'CREATE' || subresource !== '' || !object.spec.runtimeClassName) return
    const found = context.find('runtimeclasses.node.k8s.io', '', object.spec.runtimeClassName) as Loose
    if (!found) throw status.forbidden({ group: '', resource: 'pods' }, name, `pod rejected: RuntimeClass ${JSON.stringify(object.spec.runtimeClassName)} not found`)
    if (found.overhead?.podFixed) object.spec.overhead = { ...found.overhead.podFixed }
    const { scheduling } = found
    if (scheduling?.nodeSelector) object.spec.nodeSelector = { ...scheduling.nodeSelector, ...object.spec.nodeSelector }
    if (scheduling?.tolerations) object.spec.tolerations = [...(object.spec.tolerations ?? []), ...scheduling.tolerations]
  },
}
