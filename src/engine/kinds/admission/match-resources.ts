/** Which requests a policy, a binding or a webhook is about (apiserver's rules and matchers). Leaves out: equivalent resources of other groups. */
import type { AdmissionAttributes } from '#engine/api/admission.ts'
import { matchesLabelSelector } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'

const list = (value: Loose): Loose[] => value ?? []
const holds = (values: Loose, value: string) => list(values).some((v: Loose) => v === '*' || v === value)

function ruleMatches(rule: Loose, a: AdmissionAttributes): boolean {
  const { kind, subresource } = a
  if (!holds(rule.operations, a.operation) || !holds(rule.apiGroups, kind.group) || !holds(rule.apiVersions, kind.version)) return false
  if (rule.scope === 'Namespaced' && a.namespace === '') return false
  if (rule.scope === 'Cluster' && a.namespace !== '' && kind.namespaced) return false
  if (list(rule.resourceNames).length > 0 && !list(rule.resourceNames).includes(a.name)) return false
  return list(rule.resources).some((text) => {
    const [resource = '', sub = ''] = String(text).split('/')
    return (resource === '*' || resource === kind.plural) && (sub === subresource || (sub === '*' && String(text).includes('/')))
  })
}

/** Labels of the namespace that the request is in; of a Namespace its own. */
function namespaceMatches(selector: Loose, a: AdmissionAttributes): boolean {
  if (!selector || (list(selector.matchExpressions).length === 0 && Object.keys(selector.matchLabels ?? {}).length === 0)) return true
  const own = a.kind.kind === 'Namespace' && a.kind.group === ''
  if (!own && a.namespace === '') return true
  const labels = own ? (a.object ?? a.old)?.metadata.labels : a.context.find('namespaces', '', a.namespace)?.metadata.labels
  return matchesLabelSelector(selector, labels ?? {})
}

const objectMatches = (selector: Loose, a: AdmissionAttributes) => !selector || [a.object, a.old].some((o) => o !== undefined && matchesLabelSelector(selector, o.metadata?.labels ?? {}))

/** `rules` and selectors of a webhook, or matchConstraints and matchResources of policies. No rules at all: any request (bindings). */
export function matchesRequest(m: Loose, rules: Loose, a: AdmissionAttributes): boolean {
  if (!m) return true
  if (!namespaceMatches(m.namespaceSelector, a) || !objectMatches(m.objectSelector, a)) return false
  if (list(m.excludeResourceRules).some((r) => ruleMatches(r, a))) return false
  return rules === undefined || list(rules).length === 0 || list(rules).some((r) => ruleMatches(r, a))
}

const exempt = new Set(['validatingadmissionpolicies', 'validatingadmissionpolicybindings', 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings', 'validatingwebhookconfigurations', 'mutatingwebhookconfigurations'])

/** Configuration of admission is not itself under its rule. */
export const isExempt = (a: AdmissionAttributes): boolean => a.kind.group === 'admissionregistration.k8s.io' && exempt.has(a.kind.plural)
