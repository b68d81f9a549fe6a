/** Pods. */
import type { KubeObject } from '#engine/api/types.ts'
import { humanDuration } from '#base/duration.ts'
import { rfc1123 } from '../verbs/time.ts'
import { eventTable, type EventObject } from './events.ts'
import { containersBlock, fields, placementLines, rows, text, volumesBlock, type Fields } from './pod-template.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

export function controllerText(object: KubeObject): string | undefined {
  const controller = object.metadata.ownerReferences?.find((r) => r.controller)
  return controller ? `${controller.kind}/${controller.name}` : undefined
}

export function describePod(pod: KubeObject, events: readonly EventObject[] | undefined, now: number): string {
  const out = new DescribeWriter()
  const spec = fields(pod['spec'])
  const status = fields(pod['status'])
  out.line(0, `Name:\t${pod.metadata.name}`).line(0, `Namespace:\t${pod.metadata.namespace ?? ''}`)
  if (spec['priority'] !== undefined) out.line(0, `Priority:\t${text(spec['priority'])}`)
  if (spec['priorityClassName']) out.line(0, `Priority Class Name:\t${text(spec['priorityClassName'])}`)
  if (spec['runtimeClassName']) out.line(0, `Runtime Class Name:\t${text(spec['runtimeClassName'])}`)
  if (spec['serviceAccountName']) out.line(0, `Service Account:\t${text(spec['serviceAccountName'])}`)
  out.line(0, `Node:\t${spec['nodeName'] ? `${text(spec['nodeName'])}/${text(status['hostIP'])}` : '<none>'}`)
  if (status['startTime']) out.line(0, `Start Time:\t${rfc1123(text(status['startTime']))}`)
  labelLines(out, 'Labels', pod.metadata.labels)
  annotationLines(out, 'Annotations', pod.metadata.annotations)
  if (pod.metadata.deletionTimestamp && status['phase'] !== 'Failed' && status['phase'] !== 'Succeeded') {
    out.line(0, `Status:\tTerminating (lasts ${humanDuration(now - Date.parse(pod.metadata.deletionTimestamp))})`).line(0, `Termination Grace Period:\t${pod.metadata.deletionGracePeriodSeconds ?? 0}s`)
  } else out.line(0, `Status:\t${text(status['phase'])}`)
  if (status['reason']) out.line(0, `Reason:\t${text(status['reason'])}`)
  if (status['message']) out.line(0, `Message:\t${text(status['message'])}`)
  const seccomp = fields(fields(spec['securityContext'])['seccompProfile'])['type']
  if (seccomp) out.line(0, `SeccompProfile:\t${text(seccomp)}`)
  out.line(0, `IP:\t${text(status['podIP'])}`)
  const ips = rows(status['podIPs'])
  if (ips.length === 0) out.line(0, 'IPs:\t<none>')
  else {
    out.line(0, 'IPs:')
    for (const ip of ips) out.line(1, `IP:\t${text(ip['ip'])}`)
  }
  const controller = controllerText(pod)
  if (controller) out.line(0, `Controlled By:\t${controller}`)
  if (status['nominatedNodeName']) out.line(0, `NominatedNodeName:\t${text(status['nominatedNodeName'])}`)
  const self = pod as unknown as Fields
  if (rows(spec['initContainers']).length > 0) containersBlock(out, 'Init Containers', rows(spec['initContainers']), rows(status['initContainerStatuses']), '', self)
  containersBlock(out, 'Containers', rows(spec['containers']), rows(status['containerStatuses']), '', self)
  if (rows(spec['ephemeralContainers']).length > 0) containersBlock(out, 'Ephemeral Containers', rows(spec['ephemeralContainers']), rows(status['ephemeralContainerStatuses']), '', self)
  const gates = rows(spec['readinessGates'])
  const conditions = rows(status['conditions'])
  if (gates.length > 0) {
    out.line(0, 'Readiness Gates:\n  Type\tStatus')
    for (const gate of gates) out.line(1, `${text(gate['conditionType'])} \t${text(conditions.find((c) => c['type'] === gate['conditionType'])?.['status'] ?? '<none>')} `)
  }
  if (conditions.length > 0) {
    out.line(0, 'Conditions:\n  Type\tStatus')
    for (const c of conditions) out.line(1, `${text(c['type'])} \t${text(c['status'])} `)
  }
  volumesBlock(out, rows(spec['volumes']), '')
  out.line(0, `QoS Class:\t${text(status['qosClass'] ?? 'BestEffort')}`)
  placementLines(out, spec, '')
  if (events) eventTable(out, now, events)
  return out.toString()
}
