/** From a lab's files to what the engine needs: the lab itself and the shape of its cluster. */
import type { LabBundle } from '#contract/session-api.ts'
import { readDocument } from '#course/document.ts'
import { clusterShape } from '#course/schema/exam.ts'
import { lab, type Lab } from '#course/schema/lab.ts'
import { shapes } from '#engine/cluster/shapes.ts'
import type { ClusterSpec } from '#engine/cluster/spec.ts'

export function labOf(bundle: LabBundle): Lab {
  const read = readDocument(`labs/${bundle.id}/lab.yaml`, bundle.files['lab.yaml'] ?? '', lab)
  if (!read.ok) throw new Error(read.error.map((p) => `${p.file}:${p.line}: ${p.field} ${p.message}`).join('\n'))
  return read.value
}

/** A cluster by name: the lab's own `cluster.yaml`, or one of the engine's shapes. */
export function specOf(name: string, bundle?: LabBundle): ClusterSpec {
  const text = bundle?.files['cluster.yaml']
  const read = text === undefined ? undefined : readDocument(`labs/clusters/${name}.yaml`, text, clusterShape)
  if (read?.ok === false) throw new Error(read.error.map((p) => `${p.file}:${p.line}: ${p.field} ${p.message}`).join('\n'))
  const change = read?.value
  const shape = shapes.get(change?.shape ?? name)
  if (!shape) throw new Error(`there is no cluster ${change?.shape ?? name}; there are: ${[...shapes.keys()].join(', ')}`)
  if (!change) return shape
  const { shape: _shape, blank = [], swap = [], ...rest } = change
  const unknown = [...blank, ...swap].find((n) => !shape.nodes.some((node) => node.name === n))
  if (unknown !== undefined) throw new Error(`labs/clusters/${name}.yaml: there is no node ${unknown}; there are: ${shape.nodes.map((n) => n.name).join(', ')}`)
  const nodes = shape.nodes.map((n) => ({ ...n, ...(blank.includes(n.name) ? { blank: true } : {}), ...(swap.includes(n.name) ? { swap: true } : {}) }))
  return { ...shape, nodes, ...(Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined)) as Partial<ClusterSpec>), name }
}

/** How many of a lab's checks try something in a branch of the world. */
export function trialsOf(lab: Lab | undefined): number {
  return (lab?.tasks ?? []).flatMap((task) => task.checks).filter((check) => check.trial !== undefined).length
}
