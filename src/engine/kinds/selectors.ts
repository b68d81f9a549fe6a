/**
 * Label selectors, node selectors, tolerations: the matching rules of apimachinery's labels package and component-helpers'
 * scheduling package on the objects' own form (not the string form of list requests).
 */
import type { KubeObject } from '#engine/api/types.ts'

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: Requirement[]
}

export interface Requirement {
  key: string
  operator: string
  values?: string[]
}

export interface NodeSelectorTerm {
  matchExpressions?: Requirement[]
  matchFields?: Requirement[]
}

export interface NodeSelector {
  nodeSelectorTerms: NodeSelectorTerm[]
}

export interface Taint {
  key: string
  value?: string
  effect: string
  timeAdded?: string
}

export interface Toleration {
  key?: string
  operator?: string
  value?: string
  effect?: string
  tolerationSeconds?: number
}

export type Labels = Readonly<Record<string, string>>

function requirementMatches(labels: Labels, r: Requirement): boolean {
  const value = labels[r.key]
  const has = value !== undefined
  switch (r.operator) {
    case 'In':
      return has && (r.values ?? []).includes(value)
    case 'NotIn':
      return !has || !(r.values ?? []).includes(value)
    case 'Exists':
      return has
    case 'DoesNotExist':
      return !has
    case 'Gt':
    case 'Lt': {
      if (!has || !/^[+-]?\d+$/.test(value)) return false
      const bound = Number(r.values?.[0])
      return r.operator === 'Gt' ? Number(value) > bound : Number(value) < bound
    }
    default:
      return false
  }
}

/** A nil selector matches nothing, an empty one everything. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false
  const all = labels ?? {}
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (all[key] !== value) return false
  return (selector.matchExpressions ?? []).every((r) => requirementMatches(all, r))
}

/** A plain map, as Service and ReplicationController have: empty matches nothing here. */
export function mapMatches(selector: Labels | undefined, labels: Labels | undefined): boolean {
  const entries = Object.entries(selector ?? {})
  return entries.length > 0 && entries.every(([key, value]) => labels?.[key] === value)
}

export function nodeTermMatches(term: NodeSelectorTerm, node: KubeObject): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length === 0 && fields.length === 0) return false
  return expressions.every((r) => requirementMatches(node.metadata.labels ?? {}, r)) && fields.every((r) => requirementMatches({ 'metadata.name': node.metadata.name }, r))
}

export function nodeSelectorMatches(selector: NodeSelector, node: KubeObject): boolean {
  return selector.nodeSelectorTerms.some((term) => nodeTermMatches(term, node))
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  switch (toleration.operator ?? 'Equal') {
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '')
    case 'Exists':
      return true
    default:
      return false
  }
}

export function toleratedBy(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some((t) => tolerates(t, taint))
}
