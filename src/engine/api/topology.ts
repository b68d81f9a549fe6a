/** Zone and region of a node, with which pods on it are labelled (the PodTopologyLabels plugin, asked when pods are made for a node and when they are bound). */
import type { Loose } from './loose.ts'

const keys = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

export function topologyOf(node: Loose): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (node?.metadata.labels?.[key] === undefined ? [] : [[key, node.metadata.labels[key] as string]])))
}
