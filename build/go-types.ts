/**
 * Facts about Go's API types that OpenAPI does not tell: which optional numbers, booleans and strings are plain values (their zero disappears) or pointers (it stays),
 * which members are written as null when absent, names of string types in decoding errors, and embedded structs (their name appears in the path of a decoding error).
 */

/** Optional numbers and booleans that are plain values wherever they occur; all others are pointers. */
export const plainNumbers = new Set(
  ('minReadySeconds paused availableReplicas readyReplicas updatedReplicas unavailableReplicas fullyLabeledReplicas currentReplicas active failed succeeded readOnly stdin stdinOnce tty hostPort signal count ' +
    'deprecatedCount chapAuthDiscovery chapAuthSession unschedulable hostIPC hostNetwork hostPID failureThreshold initialDelaySeconds periodSeconds successThreshold nodePort healthCheckNodePort publishNotReadyAddresses number globalDefault ' +
    'preserveUnknownFields deprecated exclusiveMaximum exclusiveMinimum nullable uniqueItems x-kubernetes-embedded-resource x-kubernetes-int-or-string insecureSkipTLSVerify sizeBytes updatedNumberScheduled numberAvailable ' +
    'numberUnavailable generation sslEnabled observedGeneration').split(' '),
)
export const plainNumbersOf = new Set(['core.v1.Probe.timeoutSeconds', 'apps.v1.DeploymentStatus.replicas', 'core.v1.AWSElasticBlockStoreVolumeSource.partition', 'core.v1.GCEPersistentDiskVolumeSource.partition', 'apiextensions.v1.CustomResourceColumnDefinition.priority'])
export const pointerNumbersOf = new Set(['core.v1.CSIVolumeSource.readOnly', 'autoscaling.v2.HorizontalPodAutoscalerStatus.observedGeneration', 'autoscaling.v1.HorizontalPodAutoscalerStatus.observedGeneration'])

/** Optional strings that are pointers: an empty one stays. */
export const pointerStrings = new Set(
  ('core.v1.ServicePort.appProtocol core.v1.EndpointPort.appProtocol discovery.v1.EndpointPort.name discovery.v1.EndpointPort.protocol discovery.v1.EndpointPort.appProtocol discovery.v1.Endpoint.hostname ' +
    'discovery.v1.Endpoint.nodeName discovery.v1.Endpoint.zone core.v1.EndpointAddress.nodeName core.v1.HostPathVolumeSource.type core.v1.CSIVolumeSource.fsType core.v1.ISCSIVolumeSource.initiatorName ' +
    'core.v1.ISCSIPersistentVolumeSource.initiatorName core.v1.PersistentVolumeClaimSpec.storageClassName core.v1.PersistentVolumeClaimSpec.volumeAttributesClassName core.v1.PersistentVolumeClaimSpec.volumeMode ' +
    'core.v1.PersistentVolumeSpec.volumeMode core.v1.PersistentVolumeSpec.volumeAttributesClassName core.v1.LocalVolumeSource.fsType core.v1.PodDNSConfigOption.value core.v1.PodSpec.runtimeClassName core.v1.PodSpec.preemptionPolicy ' +
    'core.v1.PodSpec.hostnameOverride core.v1.PodSecurityContext.fsGroupChangePolicy core.v1.PodSecurityContext.supplementalGroupsPolicy core.v1.PodSecurityContext.seLinuxChangePolicy core.v1.SeccompProfile.localhostProfile ' +
    'core.v1.AppArmorProfile.localhostProfile core.v1.SecurityContext.procMount core.v1.TopologySpreadConstraint.nodeAffinityPolicy core.v1.TopologySpreadConstraint.nodeTaintsPolicy core.v1.TypedObjectReference.namespace ' +
    'core.v1.VolumeMount.mountPropagation core.v1.VolumeMount.recursiveReadOnly core.v1.ServiceSpec.ipFamilyPolicy core.v1.ServiceSpec.loadBalancerClass core.v1.ServiceSpec.internalTrafficPolicy ' +
    'core.v1.ServiceSpec.trafficDistribution core.v1.Container.restartPolicy core.v1.LoadBalancerIngress.ipMode core.v1.WindowsSecurityContextOptions.gmsaCredentialSpec core.v1.WindowsSecurityContextOptions.gmsaCredentialSpecName ' +
    'core.v1.WindowsSecurityContextOptions.runAsUserName core.v1.PodResourceClaim.resourceClaimName core.v1.PodResourceClaim.resourceClaimTemplateName core.v1.GRPCAction.service coordination.v1.LeaseSpec.holderIdentity ' +
    'coordination.v1.LeaseSpec.preferredHolder coordination.v1.LeaseSpec.strategy batch.v1.JobSpec.completionMode batch.v1.JobSpec.managedBy batch.v1.JobSpec.podReplacementPolicy batch.v1.CronJobSpec.timeZone ' +
    'batch.v1.PodFailurePolicyOnExitCodesRequirement.containerName batch.v1.SuccessPolicyRule.succeededIndexes batch.v1.JobStatus.failedIndexes autoscaling.v2.HPAScalingRules.selectPolicy networking.v1.IngressSpec.ingressClassName ' +
    'networking.v1.HTTPIngressPath.pathType networking.v1.IngressClassParametersReference.apiGroup networking.v1.IngressClassParametersReference.namespace networking.v1.IngressClassParametersReference.scope ' +
    'networking.v1.NetworkPolicyPort.protocol policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy scheduling.v1.PriorityClass.preemptionPolicy storage.v1.StorageClass.reclaimPolicy storage.v1.StorageClass.volumeBindingMode ' +
    'storage.v1.CSIDriverSpec.fsGroupPolicy storage.v1.VolumeAttachmentSource.persistentVolumeName admissionregistration.v1.MutatingWebhook.failurePolicy admissionregistration.v1.MutatingWebhook.matchPolicy ' +
    'admissionregistration.v1.MutatingWebhook.reinvocationPolicy admissionregistration.v1.MutatingWebhook.sideEffects admissionregistration.v1.ValidatingWebhook.failurePolicy admissionregistration.v1.ValidatingWebhook.matchPolicy ' +
    'admissionregistration.v1.ValidatingWebhook.sideEffects admissionregistration.v1.WebhookClientConfig.url admissionregistration.v1.ServiceReference.path admissionregistration.v1.RuleWithOperations.scope ' +
    'admissionregistration.v1.NamedRuleWithOperations.scope admissionregistration.v1.Validation.reason admissionregistration.v1.ParamRef.parameterNotFoundAction admissionregistration.v1.MatchResources.matchPolicy ' +
    'admissionregistration.v1.ValidatingAdmissionPolicySpec.failurePolicy apiextensions.v1.CustomResourceDefinitionVersion.deprecationWarning apiextensions.v1.CustomResourceSubresourceScale.labelSelectorPath ' +
    'apiextensions.v1.JSONSchemaProps.x-kubernetes-list-type apiextensions.v1.JSONSchemaProps.x-kubernetes-map-type apiextensions.v1.ValidationRule.reason apiextensions.v1.WebhookClientConfig.url apiextensions.v1.JSONSchemaProps.$ref').split(' '),
)

/** Written as null when absent, though OpenAPI calls them optional. */
export const nullWhenAbsent = new Set(
  ('core.v1.ContainerStateTerminated.startedAt core.v1.ContainerStateTerminated.finishedAt core.v1.ContainerStateRunning.startedAt meta.v1.Condition.lastTransitionTime rbac.v1.Role.rules rbac.v1.ClusterRole.rules discovery.v1.EndpointSlice.ports core.v1.ProjectedVolumeSource.sources core.v1.TypedLocalObjectReference.apiGroup core.v1.TypedObjectReference.apiGroup core.v1.Event.eventTime ' +
    'core.v1.Event.firstTimestamp core.v1.Event.lastTimestamp events.v1.Event.eventTime events.v1.Event.deprecatedFirstTimestamp events.v1.Event.deprecatedLastTimestamp core.v1.PodCondition.lastProbeTime ' +
    'core.v1.PodCondition.lastTransitionTime core.v1.NodeCondition.lastHeartbeatTime core.v1.NodeCondition.lastTransitionTime autoscaling.v2.HorizontalPodAutoscalerStatus.currentMetrics ' +
    'apiextensions.v1.CustomResourceDefinitionStatus.conditions apps.v1.DeploymentCondition.lastUpdateTime apps.v1.DeploymentCondition.lastTransitionTime apps.v1.ReplicaSetCondition.lastTransitionTime ' +
    'apps.v1.StatefulSetCondition.lastTransitionTime apps.v1.DaemonSetCondition.lastTransitionTime batch.v1.JobCondition.lastProbeTime batch.v1.JobCondition.lastTransitionTime ' +
    'certificates.v1.CertificateSigningRequestCondition.lastUpdateTime certificates.v1.CertificateSigningRequestCondition.lastTransitionTime').split(' '),
)

/** Defaults in OpenAPI that a decoded object does not show. */
export const noDefault = new Set(['core.v1.ReplicationControllerSpec.minReadySeconds', 'core.v1.ReplicationControllerSpec.replicas', 'core.v1.GRPCAction.service', 'core.v1.LocalObjectReference.name'])

/** Field → Go name of its string type (of its elements for lists). */
const named: Record<string, string> = {
  PullPolicy: 'core.v1.Container.imagePullPolicy core.v1.EphemeralContainer.imagePullPolicy core.v1.ImageVolumeSource.pullPolicy',
  ContainerRestartPolicy: 'core.v1.Container.restartPolicy core.v1.EphemeralContainer.restartPolicy',
  TerminationMessagePolicy: 'core.v1.Container.terminationMessagePolicy core.v1.EphemeralContainer.terminationMessagePolicy',
  Protocol: 'core.v1.ContainerPort.protocol core.v1.ServicePort.protocol core.v1.EndpointPort.protocol core.v1.PortStatus.protocol discovery.v1.EndpointPort.protocol networking.v1.NetworkPolicyPort.protocol networking.v1.IngressPortStatus.protocol',
  ResourceName: 'core.v1.ContainerResizePolicy.resourceName autoscaling.v2.ResourceMetricSource.name autoscaling.v2.ContainerResourceMetricSource.name',
  ResourceResizeRestartPolicy: 'core.v1.ContainerResizePolicy.restartPolicy',
  Capability: 'core.v1.Capabilities.add core.v1.Capabilities.drop',
  URIScheme: 'core.v1.HTTPGetAction.scheme',
  StorageMedium: 'core.v1.EmptyDirVolumeSource.medium',
  HostPathType: 'core.v1.HostPathVolumeSource.type',
  MountPropagationMode: 'core.v1.VolumeMount.mountPropagation',
  RecursiveReadOnlyMode: 'core.v1.VolumeMount.recursiveReadOnly',
  DNSPolicy: 'core.v1.PodSpec.dnsPolicy',
  RestartPolicy: 'core.v1.PodSpec.restartPolicy',
  PreemptionPolicy: 'core.v1.PodSpec.preemptionPolicy scheduling.v1.PriorityClass.preemptionPolicy',
  PodFSGroupChangePolicy: 'core.v1.PodSecurityContext.fsGroupChangePolicy',
  SupplementalGroupsPolicy: 'core.v1.PodSecurityContext.supplementalGroupsPolicy',
  PodSELinuxChangePolicy: 'core.v1.PodSecurityContext.seLinuxChangePolicy',
  SeccompProfileType: 'core.v1.SeccompProfile.type',
  AppArmorProfileType: 'core.v1.AppArmorProfile.type',
  ProcMountType: 'core.v1.SecurityContext.procMount',
  TolerationOperator: 'core.v1.Toleration.operator',
  TaintEffect: 'core.v1.Toleration.effect core.v1.Taint.effect',
  NodeSelectorOperator: 'core.v1.NodeSelectorRequirement.operator',
  LabelSelectorOperator: 'meta.v1.LabelSelectorRequirement.operator',
  UnsatisfiableConstraintAction: 'core.v1.TopologySpreadConstraint.whenUnsatisfiable',
  NodeInclusionPolicy: 'core.v1.TopologySpreadConstraint.nodeAffinityPolicy core.v1.TopologySpreadConstraint.nodeTaintsPolicy',
  PodConditionType: 'core.v1.PodReadinessGate.conditionType core.v1.PodCondition.type batch.v1.PodFailurePolicyOnPodConditionsPattern.type',
  ConditionStatus: 'core.v1.PodCondition.status core.v1.NodeCondition.status batch.v1.PodFailurePolicyOnPodConditionsPattern.status certificates.v1.CertificateSigningRequestCondition.status apps.v1.DeploymentCondition.status apps.v1.ReplicaSetCondition.status batch.v1.JobCondition.status',
  PodPhase: 'core.v1.PodStatus.phase',
  PodQOSClass: 'core.v1.PodStatus.qosClass',
  NodeConditionType: 'core.v1.NodeCondition.type',
  NodeAddressType: 'core.v1.NodeAddress.type',
  NodePhase: 'core.v1.NodeStatus.phase',
  NamespacePhase: 'core.v1.NamespaceStatus.phase',
  FinalizerName: 'core.v1.NamespaceSpec.finalizers',
  ServiceType: 'core.v1.ServiceSpec.type',
  ServiceAffinity: 'core.v1.ServiceSpec.sessionAffinity',
  ServiceExternalTrafficPolicy: 'core.v1.ServiceSpec.externalTrafficPolicy',
  ServiceInternalTrafficPolicy: 'core.v1.ServiceSpec.internalTrafficPolicy',
  IPFamily: 'core.v1.ServiceSpec.ipFamilies',
  IPFamilyPolicy: 'core.v1.ServiceSpec.ipFamilyPolicy',
  LoadBalancerIPMode: 'core.v1.LoadBalancerIngress.ipMode',
  PersistentVolumeAccessMode: 'core.v1.PersistentVolumeSpec.accessModes core.v1.PersistentVolumeClaimSpec.accessModes core.v1.PersistentVolumeClaimStatus.accessModes',
  PersistentVolumeReclaimPolicy: 'core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy storage.v1.StorageClass.reclaimPolicy',
  PersistentVolumeMode: 'core.v1.PersistentVolumeSpec.volumeMode core.v1.PersistentVolumeClaimSpec.volumeMode',
  PersistentVolumePhase: 'core.v1.PersistentVolumeStatus.phase',
  PersistentVolumeClaimPhase: 'core.v1.PersistentVolumeClaimStatus.phase',
  ResourceQuotaScope: 'core.v1.ResourceQuotaSpec.scopes core.v1.ScopedResourceSelectorRequirement.scopeName',
  ScopeSelectorOperator: 'core.v1.ScopedResourceSelectorRequirement.operator',
  LimitType: 'core.v1.LimitRangeItem.type',
  SecretType: 'core.v1.Secret.type',
  OSName: 'core.v1.PodOS.name',
  DeploymentStrategyType: 'apps.v1.DeploymentStrategy.type',
  StatefulSetUpdateStrategyType: 'apps.v1.StatefulSetUpdateStrategy.type',
  PodManagementPolicyType: 'apps.v1.StatefulSetSpec.podManagementPolicy',
  DaemonSetUpdateStrategyType: 'apps.v1.DaemonSetUpdateStrategy.type',
  PersistentVolumeClaimRetentionPolicyType: 'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled',
  ConcurrencyPolicy: 'batch.v1.CronJobSpec.concurrencyPolicy',
  CompletionMode: 'batch.v1.JobSpec.completionMode',
  PodReplacementPolicy: 'batch.v1.JobSpec.podReplacementPolicy',
  PodFailurePolicyAction: 'batch.v1.PodFailurePolicyRule.action',
  PodFailurePolicyOnExitCodesOperator: 'batch.v1.PodFailurePolicyOnExitCodesRequirement.operator',
  PathType: 'networking.v1.HTTPIngressPath.pathType',
  PolicyType: 'networking.v1.NetworkPolicySpec.policyTypes',
  AddressType: 'discovery.v1.EndpointSlice.addressType',
  MetricSourceType: 'autoscaling.v2.MetricSpec.type autoscaling.v2.MetricStatus.type',
  MetricTargetType: 'autoscaling.v2.MetricTarget.type',
  HPAScalingPolicyType: 'autoscaling.v2.HPAScalingPolicy.type',
  ScalingPolicySelect: 'autoscaling.v2.HPAScalingRules.selectPolicy',
  UnhealthyPodEvictionPolicyType: 'policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy',
  VolumeBindingMode: 'storage.v1.StorageClass.volumeBindingMode',
  FSGroupPolicy: 'storage.v1.CSIDriverSpec.fsGroupPolicy',
  VolumeLifecycleMode: 'storage.v1.CSIDriverSpec.volumeLifecycleModes',
  KeyUsage: 'certificates.v1.CertificateSigningRequestSpec.usages',
  RequestConditionType: 'certificates.v1.CertificateSigningRequestCondition.type',
  FailurePolicyType: 'admissionregistration.v1.MutatingWebhook.failurePolicy admissionregistration.v1.ValidatingWebhook.failurePolicy admissionregistration.v1.ValidatingAdmissionPolicySpec.failurePolicy',
  MatchPolicyType: 'admissionregistration.v1.MutatingWebhook.matchPolicy admissionregistration.v1.ValidatingWebhook.matchPolicy admissionregistration.v1.MatchResources.matchPolicy',
  SideEffectClass: 'admissionregistration.v1.MutatingWebhook.sideEffects admissionregistration.v1.ValidatingWebhook.sideEffects',
  ScopeType: 'admissionregistration.v1.RuleWithOperations.scope admissionregistration.v1.NamedRuleWithOperations.scope',
  OperationType: 'admissionregistration.v1.RuleWithOperations.operations admissionregistration.v1.NamedRuleWithOperations.operations',
  ReinvocationPolicyType: 'admissionregistration.v1.MutatingWebhook.reinvocationPolicy',
  ValidationAction: 'admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec.validationActions',
  ParameterNotFoundActionType: 'admissionregistration.v1.ParamRef.parameterNotFoundAction',
  StatusReason: 'admissionregistration.v1.Validation.reason',
  ResourceScope: 'apiextensions.v1.CustomResourceDefinitionSpec.scope',
  ConversionStrategyType: 'apiextensions.v1.CustomResourceConversion.strategy',
  FieldValueErrorReason: 'apiextensions.v1.ValidationRule.reason',
  CoordinatedLeaseStrategy: 'coordination.v1.LeaseSpec.strategy',
  UID: 'meta.v1.ObjectMeta.uid meta.v1.OwnerReference.uid core.v1.ObjectReference.uid',
}

export const goTypes = new Map<string, string>()
for (const [type, fields] of Object.entries(named)) {
  for (const field of fields.split(' ')) {
    const prefix = type === 'UID' ? 'types' : field.startsWith('autoscaling.v2') && type !== 'ResourceName' ? 'v2' : 'v1'
    goTypes.set(field, `${prefix}.${type}`)
  }
}

/** Struct → embedded struct → its fields ('*': all but the named ones). */
export const embedded: Record<string, { readonly name: string; readonly fields?: readonly string[]; readonly except?: readonly string[] }> = {
  'core.v1.Probe': { name: 'ProbeHandler', fields: ['exec', 'httpGet', 'tcpSocket', 'grpc'] },
  'core.v1.Volume': { name: 'VolumeSource', except: ['name'] },
  'core.v1.PersistentVolumeSpec': {
    name: 'PersistentVolumeSource',
    except: ['capacity', 'accessModes', 'claimRef', 'persistentVolumeReclaimPolicy', 'storageClassName', 'mountOptions', 'volumeMode', 'nodeAffinity', 'volumeAttributesClassName'],
  },
  'core.v1.EphemeralContainer': { name: 'EphemeralContainerCommon', except: ['targetContainerName'] },
  'networking.v1.IngressRule': { name: 'IngressRuleValue', fields: ['http'] },
  'admissionregistration.v1.RuleWithOperations': { name: 'Rule', except: ['operations'] },
  'admissionregistration.v1.NamedRuleWithOperations': { name: 'RuleWithOperations.Rule', except: ['operations', 'resourceNames'] },
  ...Object.fromEntries(['ConfigMapKeySelector', 'SecretKeySelector', 'ConfigMapEnvSource', 'SecretEnvSource', 'ConfigMapProjection', 'SecretProjection', 'ConfigMapVolumeSource'].map((t) => [`core.v1.${t}`, { name: 'LocalObjectReference', fields: ['name'] }])),
}
