/**
 * What the learner made beside what the solution makes: objects that differ, as the YAML that somebody writes. Left out: status, what the
 * API server and controllers fill in, and objects that controllers own, since these follow from the others.
 */
import { formatYaml } from '#base/yaml.ts'
import type { ObjectDifference } from '#contract/session-api.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { objectKey } from './sitting.ts'

const passing = new Set(['Event', 'Lease', 'Endpoints', 'EndpointSlice'])
/** What every new namespace gets by itself. */
const given = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'])
const bookkeeping = ['kubectl.kubernetes.io/last-applied-configuration', 'deployment.kubernetes.io/revision', 'kubectl.kubernetes.io/restartedAt']
const serverFields = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'selfLink']

/** `baseline`: objects at the lab's start; what both left as it was is not compared. */
export function compareObjects(baseline: readonly KubeObject[], learner: readonly KubeObject[], solution: readonly KubeObject[]): readonly ObjectDifference[] {
  const start = index(baseline)
  const mine = index(learner)
  const theirs = index(solution)
  const out: ObjectDifference[] = []
  for (const key of [...new Set([...mine.keys(), ...theirs.keys()])].sort()) {
    const [a, b] = [mine.get(key), theirs.get(key)]
    const object = (a ?? b)!
    const isNew = !start.has(key)
    if (isNew && given.has(`${object.kind}/${object.metadata.name}`) && (!a || !b)) continue
    const left = a && written(a, isNew)
    const right = b && written(b, isNew)
    if (left === right) continue
    const { kind, metadata } = object
    out.push({
      ref: { kind, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }), name: metadata.name },
      ...(left === undefined ? {} : { learner: left }),
      ...(right === undefined ? {} : { solution: right }),
    })
  }
  return out
}

function index(objects: readonly KubeObject[]): Map<string, KubeObject> {
  const out = new Map<string, KubeObject>()
  for (const o of objects) {
    if (passing.has(o.kind) || (o.metadata.ownerReferences ?? []).some((r) => r.controller === true)) continue
    out.set(objectKey(o.kind, o.metadata.namespace, o.metadata.name), o)
  }
  return out
}

/** The object as a manifest would have it. `isNew`: made after the start, so that what was assigned to it is chance. */
function written(object: KubeObject, isNew: boolean): string {
  const { status: _status, metadata: all, ...rest } = object
  const metadata: Record<string, unknown> = { ...all }
  for (const field of serverFields) delete metadata[field]
  if (all.annotations) {
    const annotations = Object.fromEntries(Object.entries(all.annotations).filter(([name]) => !bookkeeping.includes(name)))
    if (Object.keys(annotations).length > 0) metadata['annotations'] = annotations
    else delete metadata['annotations']
  }
  return formatYaml(withoutAssigned(Object.assign({ apiVersion: object.apiVersion, kind: object.kind, metadata }, rest), isNew))
}

type Fields = Record<string, unknown>

function withoutAssigned(object: Fields, isNew: boolean): Fields {
  const spec = object['spec'] as Fields | undefined
  if (!isNew || spec === null || typeof spec !== 'object') return object
  if (object['kind'] === 'Service' && spec['clusterIP'] !== 'None') {
    const { clusterIP: _one, clusterIPs: _all, ...rest } = spec
    return { ...object, spec: rest }
  }
  if (object['kind'] === 'Pod') return { ...object, spec: withoutToken(spec) }
  return object
}

/** A pod without its node and without the mounted service account token, whose volume has a random name. */
function withoutToken(spec: Fields): Fields {
  const named = (v: unknown) => String((v as Fields)['name']).startsWith('kube-api-access-')
  const { nodeName: _node, ...rest } = spec
  const out: Fields = { ...rest }
  const kept = (list: unknown, key: string, on: Fields) => {
    const left = (list as unknown[]).filter((v) => !named(v))
    if (left.length > 0) on[key] = left
    else delete on[key]
  }
  if (Array.isArray(out['volumes'])) kept(out['volumes'], 'volumes', out)
  for (const field of ['containers', 'initContainers']) {
    if (!Array.isArray(out[field])) continue
    out[field] = (out[field] as Fields[]).map((container) => {
      const copy = { ...container }
      if (Array.isArray(copy['volumeMounts'])) kept(copy['volumeMounts'], 'volumeMounts', copy)
      return copy
    })
  }
  return out
}
