/** Strategies of kinds whose defaults and life are told in a few lines. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { pathSegmentErrors, dns1123LabelErrors } from '#engine/api/names.ts'
import { toBase64 as base64 } from '#base/bytes.ts'
import { signingRequestStrategy } from './certificatesigningrequest/strategy.ts'
import { endpointSliceWarnings, endpointsWarnings, validateEndpointSlice, validateEndpointSliceUpdate, validateEndpointsObject } from './endpointslice/validation.ts'
import { validateIngress, validateIngressClass, validateIngressClassUpdate, validateIngressUpdate } from './ingress/validation.ts'
import { networkPolicyWarnings, validateNetworkPolicy } from './networkpolicy/validation.ts'
import { claimWarnings, ipNameErrors, nodeWarnings, secretWarnings, validateAttachment, validateNamespace, validateSecret, validateServiceCidr } from './shared/object-validation.ts'
import { podSpecDefaults, volumeSourceDefaults } from './pod/defaults.ts'
import { validateDisruptionBudgetStatus } from './shared/policy-validation.ts'
import { flowSchemaDefaults, priorityLevelDefaults, validateFlowSchema, validateFlowSchemaUpdate, validatePriorityLevel, validatePriorityLevelUpdate } from './shared/flow-validation.ts'
import { validateAttributesClassUpdate, validateRevisionUpdate } from './shared/rare-validation.ts'
import { immutable, immutableData } from './update-rules.ts'
import { each, fill } from './shared/defaults.ts'

type Table = Readonly<Record<string, Strategy & Partial<KindDefinition>>>

const RBAC = 'rbac.authorization.k8s.io'

function keepStatus(object: Loose, old: Loose): void {
  if (old.status === undefined) delete object.status
  else object.status = old.status
}

function finalizer(object: Loose, name: string): void {
  const finalizers: string[] = object.metadata.finalizers ?? []
  if (!finalizers.includes(name)) object.metadata.finalizers = [...finalizers, name]
}

/** A claim's two fields for its source tell the same. */
function bothDataSources(spec: Loose): void {
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { apiGroup: null, ...spec.dataSource }
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) spec.dataSource = { apiGroup: null, ...spec.dataSourceRef }
  for (const r of [spec.dataSource, spec.dataSourceRef]) if (r) r.apiGroup ??= null
}

/** matchPolicy, selectors and rule scopes of webhooks and admission policies. */
function matchResources(m: Loose): void {
  m.matchPolicy ??= 'Equivalent'
  m.namespaceSelector ??= {}
  m.objectSelector ??= {}
  each(m.resourceRules, (r) => (r.scope ??= '*'))
  each(m.excludeResourceRules, (r) => (r.scope ??= '*'))
}

function webhooks(mutating: boolean) {
  return (config: Loose) =>
    each(config.webhooks, (w) => {
      w.failurePolicy ??= 'Fail'
      w.matchPolicy ??= 'Equivalent'
      w.namespaceSelector ??= {}
      w.objectSelector ??= {}
      w.timeoutSeconds ??= 10
      if (mutating) w.reinvocationPolicy ??= 'Never'
      each(w.rules, (r) => (r.scope ??= '*'))
      if (w.clientConfig?.service) w.clientConfig.service.port ??= 443
    })
}

const bindingDefaults = (binding: Loose) => {
  if (binding.roleRef) fill(binding.roleRef, { apiGroup: RBAC })
  each(binding.subjects, (s) => {
    if (!s.apiGroup && (s.kind === 'User' || s.kind === 'Group')) s.apiGroup = RBAC
  })
}

export const simpleStrategies: Table = {
  namespaces: {
    defaults(ns) {
      ns.metadata.labels = { ...ns.metadata.labels, 'kubernetes.io/metadata.name': ns.metadata.name ?? '' }
      if (!ns.metadata.name) delete ns.metadata.labels['kubernetes.io/metadata.name']
    },
    validateName: dns1123LabelErrors,
    validate: validateNamespace,
    validateUpdate() {},
    prepareForCreate(ns) {
      ns.metadata.labels = { ...ns.metadata.labels, 'kubernetes.io/metadata.name': ns.metadata.name ?? '' }
      ns.status = { phase: 'Active' }
      const finalizers: string[] = ns.spec?.finalizers ?? []
      ns.spec = { ...ns.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] }
    },
    validateStatusUpdate(ns, old, errors) {
      const phase = ns.status?.phase
      if (!old.metadata.deletionTimestamp && phase !== 'Active') errors.invalid('status.Phase', phase ?? '', "may only be 'Active' if `deletionTimestamp` is empty")
      if (old.metadata.deletionTimestamp && phase !== 'Terminating') errors.invalid('status.Phase', phase ?? '', "may only be 'Terminating' if `deletionTimestamp` is not empty")
    },
    prepareForUpdate(ns, old) {
      ns.spec = old.spec
      ns.status = old.status
    },
    selectableFields: (ns) => ({ 'status.phase': ns.status?.phase ?? '', name: ns.metadata.name }),
  },
  nodes: {
    defaults(node) {
      // podCIDR and podCIDRs tell the same; the single one wins.
      const spec = node.spec
      if (spec?.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
      else if (spec?.podCIDRs?.length > 0 && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0]
      if (node.status?.allocatable === undefined && node.status?.capacity) node.status.allocatable = { ...node.status.capacity }
    },
    prepareForUpdate: keepStatus,
    warnings: nodeWarnings,
    selectableFields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
    allowCreateOnUpdate: false,
  },
  secrets: {
    defaults(secret) {
      fill(secret, { type: 'Opaque' })
      if (secret.stringData) {
        secret.data = { ...secret.data, ...Object.fromEntries(Object.entries(secret.stringData as Record<string, string>).map(([k, v]) => [k, base64(v)])) }
        delete secret.stringData
      }
    },
    selectableFields: (s) => ({ type: s.type ?? '' }),
    validateUpdate(s, old, errors) {
      immutable(errors, 'type', s.type, old.type)
      immutableData(['data'])(s, old, errors)
      validateSecret(s, errors)
    },
    warnings: secretWarnings,
  },
  persistentvolumes: {
    defaults(pv) {
      const spec = (pv.spec ??= {})
      fill(spec, { persistentVolumeReclaimPolicy: 'Retain' })
      spec.volumeMode ??= 'Filesystem'
      volumeSourceDefaults({ ...spec, secret: undefined, configMap: undefined })
      if (pv.status?.phase === undefined) pv.status = { ...pv.status, phase: 'Pending' }
    },
    prepareForCreate(pv, context) {
      pv.status = { phase: 'Pending', lastPhaseTransitionTime: context.now }
      finalizer(pv, 'kubernetes.io/pv-protection')
    },
    prepareForUpdate: keepStatus,
  },
  podtemplates: {
    defaults: (object) => podSpecDefaults(object.template?.spec),
    generationChanges: (object, old) => !equal(object.template, old.template),
  },
  'controllerrevisions.apps': { validateUpdate: validateRevisionUpdate },
  'volumeattributesclasses.storage.k8s.io': { validateUpdate: validateAttributesClassUpdate },
  'ipaddresses.networking.k8s.io': { validateName: ipNameErrors },
  'servicecidrs.networking.k8s.io': {
    prepareForCreate(c) {
      c.status = {}
    },
    prepareForUpdate: keepStatus,
    validateUpdate(c, old, errors) {
      const now: string[] = c.spec?.cidrs ?? []
      const before: string[] = old.spec?.cidrs ?? []
      if (equal(now, before)) return
      // A second family may join.
      if (before.length === 1 && now.length === 2 && now[0] === before[0]) validateServiceCidr(c, errors)
      else errors.invalid('spec.cidrs', c.spec?.cidrs ?? null, 'field is immutable')
    },
  },
  persistentvolumeclaims: {
    warnings: claimWarnings,
    defaults(pvc) {
      const spec = (pvc.spec ??= {})
      spec.volumeMode ??= 'Filesystem'
      if (pvc.status?.phase === undefined) pvc.status = { ...pvc.status, phase: 'Pending' }
    },
    prepareForCreate(pvc) {
      pvc.status = { phase: 'Pending' }
      finalizer(pvc, 'kubernetes.io/pvc-protection')
      bothDataSources(pvc.spec)
    },
    prepareForUpdate(pvc, old) {
      keepStatus(pvc, old)
      bothDataSources(pvc.spec)
    },
  },
  'storageclasses.storage.k8s.io': {
    defaults(sc) {
      sc.reclaimPolicy ??= 'Delete'
      sc.volumeBindingMode ??= 'Immediate'
    },
  },
  'volumeattachments.storage.k8s.io': {
    prepareForCreate(va) {
      va.status = { attached: false }
    },
    prepareForUpdate: keepStatus,
    prepareForStatusUpdate(va, old) {
      va.metadata = { ...old.metadata, resourceVersion: va.metadata.resourceVersion }
    },
    validateUpdate: (va, _old, errors) => validateAttachment(va, errors, undefined, false),
  },
  'ingressclasses.networking.k8s.io': {
    validate: validateIngressClass,
    validateUpdate: validateIngressClassUpdate,
    defaults(ic) {
      if (ic.spec?.parameters) ic.spec.parameters.scope ??= 'Cluster'
    },
  },
  'ingresses.networking.k8s.io': {
    validate: validateIngress,
    validateUpdate: validateIngressUpdate,
    prepareForCreate(i) {
      i.status = { loadBalancer: {} }
    },
    prepareForUpdate: keepStatus,
  },
  'networkpolicies.networking.k8s.io': {
    validate: validateNetworkPolicy,
    validateUpdate(np, _old, errors) {
      // Upstream really does it twice.
      for (let i = 0; i < 2; i++) validateNetworkPolicy(np, errors)
    },
    warnings: networkPolicyWarnings,
    defaults(np) {
      const spec = (np.spec ??= {})
      each(spec.ingress, (r) => each(r.ports, (p) => (p.protocol ??= 'TCP')))
      each(spec.egress, (r) => each(r.ports, (p) => (p.protocol ??= 'TCP')))
      if (!spec.policyTypes?.length) spec.policyTypes = ['Ingress', ...(spec.egress?.length > 0 ? ['Egress'] : [])]
    },
  },
  'endpointslices.discovery.k8s.io': {
    validate: (slice, errors) => validateEndpointSlice(slice, errors),
    validateUpdate: validateEndpointSliceUpdate,
    warnings: endpointSliceWarnings,
    defaults(slice) {
      each(slice.ports, (p) => {
        p.name ??= ''
        p.protocol ??= 'TCP'
      })
    },
    prepareForCreate(slice) {
      each(slice.endpoints, (e) => delete e.deprecatedTopology)
    },
  },
  endpoints: {
    validate: validateEndpointsObject,
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    warnings: endpointsWarnings,
    defaults(ep) {
      each(ep.subsets, (s) => each(s.ports, (p) => fill(p, { protocol: 'TCP' })))
    },
  },
  'roles.rbac.authorization.k8s.io': { validateName: pathSegmentErrors, allowCreateOnUpdate: true },
  'clusterroles.rbac.authorization.k8s.io': { validateName: pathSegmentErrors, allowCreateOnUpdate: true },
  'rolebindings.rbac.authorization.k8s.io': { validateName: pathSegmentErrors, defaults: bindingDefaults, allowCreateOnUpdate: true },
  'clusterrolebindings.rbac.authorization.k8s.io': { validateName: pathSegmentErrors, defaults: bindingDefaults, allowCreateOnUpdate: true },
  'certificatesigningrequests.certificates.k8s.io': signingRequestStrategy,
  'flowschemas.flowcontrol.apiserver.k8s.io': { defaults: flowSchemaDefaults, validate: validateFlowSchema, validateUpdate: validateFlowSchemaUpdate },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { defaults: priorityLevelDefaults, validate: validatePriorityLevel, validateUpdate: validatePriorityLevelUpdate },
  'priorityclasses.scheduling.k8s.io': {
    generationChanges: () => false,
    defaults(pc) {
      pc.preemptionPolicy ??= 'PreemptLowerPriority'
    },
  },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { defaults: webhooks(true) },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { defaults: webhooks(false) },
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    defaults(p) {
      const spec = (p.spec ??= {})
      spec.failurePolicy ??= 'Fail'
      if (spec.matchConstraints) matchResources(spec.matchConstraints)
    },
    prepareForCreate(p) {
      p.status = {}
    },
    prepareForUpdate: keepStatus,
  },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': {
    defaults(b) {
      if (b.spec?.matchResources) matchResources(b.spec.matchResources)
    },
  },
  limitranges: {
    prepareForCreate(lr, context) {
      lr.metadata.name ||= context.uuid()
    },
    defaults(lr) {
      each(lr.spec?.limits, (item) => {
        if (item.type !== 'Container') return
        const limits = { ...item.default }
        const requests = { ...item.defaultRequest }
        for (const [k, v] of Object.entries(item.max ?? {})) limits[k] ??= v
        for (const [k, v] of Object.entries(limits)) requests[k] ??= v
        for (const [k, v] of Object.entries(item.min ?? {})) requests[k] ??= v
        if (Object.keys(limits).length > 0) item.default = limits
        if (Object.keys(requests).length > 0) item.defaultRequest = requests
      })
    },
  },
  resourcequotas: {
    prepareForCreate(q) {
      q.status = {}
    },
    prepareForUpdate: keepStatus,
  },
  'poddisruptionbudgets.policy': {
    validateName: pathSegmentErrors,
    allowUnconditionalUpdate: false,
    validateStatusUpdate: (p, _old, errors) => validateDisruptionBudgetStatus(p, errors),
    prepareForCreate(p) {
      p.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }
    },
    prepareForUpdate: keepStatus,
  },
  'leases.coordination.k8s.io': { allowCreateOnUpdate: true },
  events: {
    metaUpdate: 'none',
    validateName: pathSegmentErrors,
    allowCreateOnUpdate: true,
    selectableFields: (e) => ({
      'involvedObject.kind': e.involvedObject?.kind ?? '', 'involvedObject.namespace': e.involvedObject?.namespace ?? '', 'involvedObject.name': e.involvedObject?.name ?? '',
      'involvedObject.uid': e.involvedObject?.uid ?? '', 'involvedObject.apiVersion': e.involvedObject?.apiVersion ?? '', 'involvedObject.resourceVersion': e.involvedObject?.resourceVersion ?? '',
      'involvedObject.fieldPath': e.involvedObject?.fieldPath ?? '', reason: e.reason ?? '', reportingComponent: e.reportingComponent ?? '', source: e.source?.component || e.reportingComponent || '', type: e.type ?? '',
    }),
  },
}
