/**
 * How the server prints its internal Go structs: in refusals that show a whole pod template, and as a unified diff where a spec may not change. Field order and
 * Go names are facts about the internal types; the JSON name of a field follows from its Go name.
 *
 *     field = name [":" json name] kind      kind: ' text  # number  ? boolean  * pointer or list  @ resource list  > struct or null  = struct  [ list of structs  ~ label selector
 */
import { isObject, type Loose } from '#engine/api/loose.ts'
import { unifiedDiff } from './unified-diff.ts'

const structs: Record<string, string> = {
  PodSpec:
    "Volumes[Volume InitContainers[Container Containers[Container EphemeralContainers[EphemeralContainer RestartPolicy' TerminationGracePeriodSeconds* ActiveDeadlineSeconds* DNSPolicy' NodeSelector* ServiceAccountName' AutomountServiceAccountToken* NodeName' SecurityContext>PodSecurityContext ImagePullSecrets[LocalObjectReference Hostname' Subdomain' SetHostnameAsFQDN* Affinity>Affinity SchedulerName' Tolerations[Toleration HostAliases[HostAlias PriorityClassName' Priority* PreemptionPolicy* DNSConfig>PodDNSConfig ReadinessGates[PodReadinessGate RuntimeClassName* Overhead* EnableServiceLinks* TopologySpreadConstraints[TopologySpreadConstraint OS>PodOS SchedulingGates[PodSchedulingGate ResourceClaims* Resources>ResourceRequirements HostnameOverride* WorkloadRef*",
  PodSecurityContext:
    'HostNetwork? HostPID? HostIPC? ShareProcessNamespace* HostUsers* SELinuxOptions* WindowsOptions* RunAsUser* RunAsGroup* RunAsNonRoot* SupplementalGroups* SupplementalGroupsPolicy* FSGroup* FSGroupChangePolicy* Sysctls[Sysctl SeccompProfile>SeccompProfile AppArmorProfile>SeccompProfile SELinuxChangePolicy*',
  Container:
    "Name' Image' Command* Args* WorkingDir' Ports[ContainerPort EnvFrom[EnvFromSource Env[EnvVar Resources=ResourceRequirements ResizePolicy[ContainerResizePolicy RestartPolicy* RestartPolicyRules* VolumeMounts[VolumeMount VolumeDevices[VolumeDevice LivenessProbe>Probe ReadinessProbe>Probe StartupProbe>Probe Lifecycle>Lifecycle TerminationMessagePath' TerminationMessagePolicy' ImagePullPolicy' SecurityContext>SecurityContext Stdin? StdinOnce? TTY?",
  EphemeralContainer: "Name' Image' Command* Args* WorkingDir' Ports[ContainerPort EnvFrom[EnvFromSource Env[EnvVar Resources=ResourceRequirements ResizePolicy[ContainerResizePolicy RestartPolicy* RestartPolicyRules* VolumeMounts[VolumeMount VolumeDevices[VolumeDevice LivenessProbe>Probe ReadinessProbe>Probe StartupProbe>Probe Lifecycle>Lifecycle TerminationMessagePath' TerminationMessagePolicy' ImagePullPolicy' SecurityContext>SecurityContext Stdin? StdinOnce? TTY? TargetContainerName'",
  ContainerPort: "Name' HostPort# ContainerPort# Protocol' HostIP'",
  EnvFromSource: "Prefix' ConfigMapRef>OptionalName SecretRef>OptionalName",
  OptionalName: "Name' Optional*",
  EnvVar: "Name' Value' ValueFrom>EnvVarSource",
  EnvVarSource: 'FieldRef>ObjectFieldSelector ResourceFieldRef>ResourceFieldSelector ConfigMapKeyRef>KeySelector SecretKeyRef>KeySelector FileKeyRef*',
  ObjectFieldSelector: "APIVersion' FieldPath'",
  ResourceFieldSelector: "ContainerName' Resource' Divisor'",
  KeySelector: "Name' Key' Optional*",
  ResourceRequirements: 'Limits@ Requests@ Claims*',
  ContainerResizePolicy: "ResourceName' RestartPolicy'",
  VolumeMount: "Name' ReadOnly? RecursiveReadOnly* MountPath' SubPath' MountPropagation* SubPathExpr'",
  VolumeDevice: "Name' DevicePath'",
  Probe: 'Exec>ExecAction HTTPGet>HTTPGetAction TCPSocket>TCPSocketAction GRPC>GRPCAction InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# TerminationGracePeriodSeconds*',
  ExecAction: 'Command*',
  HTTPGetAction: "Path' Port# Host' Scheme' HTTPHeaders[HTTPHeader",
  HTTPHeader: "Name' Value'",
  TCPSocketAction: "Port# Host'",
  GRPCAction: 'Port# Service*',
  Lifecycle: 'PostStart>LifecycleHandler PreStop>LifecycleHandler StopSignal*',
  LifecycleHandler: 'Exec>ExecAction HTTPGet>HTTPGetAction TCPSocket>TCPSocketAction Sleep>SleepAction',
  SleepAction: 'Seconds#',
  SecurityContext: 'Capabilities>Capabilities Privileged* SELinuxOptions* WindowsOptions* RunAsUser* RunAsGroup* RunAsNonRoot* ReadOnlyRootFilesystem* AllowPrivilegeEscalation* ProcMount* SeccompProfile>SeccompProfile AppArmorProfile>SeccompProfile',
  Capabilities: 'Add* Drop*',
  SeccompProfile: "Type' LocalhostProfile*",
  LocalObjectReference: "Name'",
  Sysctl: "Name' Value'",
  Toleration: "Key' Operator' Value' Effect' TolerationSeconds*",
  HostAlias: "IP' Hostnames*",
  PodDNSConfig: 'Nameservers* Searches* Options[PodDNSConfigOption',
  PodDNSConfigOption: "Name' Value*",
  PodReadinessGate: "ConditionType'",
  PodOS: "Name'",
  PodSchedulingGate: "Name'",
  TopologySpreadConstraint: "MaxSkew# TopologyKey' WhenUnsatisfiable' LabelSelector~ MinDomains* NodeAffinityPolicy* NodeTaintsPolicy* MatchLabelKeys*",
  Affinity: 'NodeAffinity>NodeAffinity PodAffinity>PodAffinity PodAntiAffinity>PodAffinity',
  NodeAffinity: 'RequiredDuringSchedulingIgnoredDuringExecution>NodeSelector PreferredDuringSchedulingIgnoredDuringExecution[PreferredSchedulingTerm',
  NodeSelector: 'NodeSelectorTerms[NodeSelectorTerm',
  NodeSelectorTerm: 'MatchExpressions[NodeSelectorRequirement MatchFields[NodeSelectorRequirement',
  NodeSelectorRequirement: "Key' Operator' Values*",
  PreferredSchedulingTerm: 'Weight# Preference=NodeSelectorTerm',
  PodAffinity: 'RequiredDuringSchedulingIgnoredDuringExecution[PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution[WeightedPodAffinityTerm',
  WeightedPodAffinityTerm: 'Weight# PodAffinityTerm=PodAffinityTerm',
  PodAffinityTerm: "LabelSelector~ Namespaces* TopologyKey' NamespaceSelector~ MatchLabelKeys* MismatchLabelKeys*",
  Volume:
    "Name' HostPath>HostPathVolumeSource EmptyDir>EmptyDirVolumeSource GCEPersistentDisk* AWSElasticBlockStore* GitRepo* Secret>SecretVolumeSource NFS>NFSVolumeSource ISCSI* Glusterfs* PersistentVolumeClaim>ClaimSource RBD* Quobyte* FlexVolume* Cinder* CephFS:cephfs* Flocker* DownwardAPI>DownwardAPIVolumeSource FC* AzureFile* ConfigMap>ConfigMapVolumeSource VsphereVolume* AzureDisk* PhotonPersistentDisk* Projected>ProjectedVolumeSource PortworxVolume* ScaleIO* StorageOS:storageos* CSI>CSIVolumeSource Ephemeral>EphemeralVolumeSource Image*",
  HostPathVolumeSource: "Path' Type*",
  EmptyDirVolumeSource: "Medium' SizeLimit*",
  SecretVolumeSource: "SecretName' Items[KeyToPath DefaultMode* Optional*",
  ConfigMapVolumeSource: "Name' Items[KeyToPath DefaultMode* Optional*",
  KeyToPath: "Key' Path' Mode*",
  NFSVolumeSource: "Server' Path' ReadOnly?",
  ClaimSource: "ClaimName' ReadOnly?",
  DownwardAPIVolumeSource: 'Items[DownwardAPIVolumeFile DefaultMode*',
  DownwardAPIVolumeFile: "Path' FieldRef>ObjectFieldSelector ResourceFieldRef>ResourceFieldSelector Mode*",
  ProjectedVolumeSource: 'Sources[VolumeProjection DefaultMode*',
  VolumeProjection: 'Secret>ProjectedName DownwardAPI>DownwardAPIProjection ConfigMap>ProjectedName ServiceAccountToken>TokenProjection ClusterTrustBundle* PodCertificate*',
  ProjectedName: "Name' Items[KeyToPath Optional*",
  DownwardAPIProjection: 'Items[DownwardAPIVolumeFile',
  TokenProjection: "Audience' ExpirationSeconds# Path'",
  CSIVolumeSource: 'Driver\' ReadOnly* FSType* VolumeAttributes* NodePublishSecretRef>LocalObjectReference',
  EphemeralVolumeSource: 'VolumeClaimTemplate>ClaimTemplate',
  ClaimTemplate: 'Spec=ClaimSpec',
  ClaimSpec: "AccessModes* Selector~ Resources=ClaimResources VolumeName' StorageClassName* VolumeMode* DataSource>TypedReference DataSourceRef>TypedReferenceNamespace VolumeAttributesClassName*",
  ClaimResources: 'Limits@ Requests@',
  TypedReference: "APIGroup* Kind' Name'",
  TypedReferenceNamespace: "APIGroup* Kind' Name' Namespace*",
  PersistentVolumeSource:
    'GCEPersistentDisk* AWSElasticBlockStore* HostPath>HostPathVolumeSource Glusterfs* NFS>NFSVolumeSource RBD* Quobyte* ISCSI* FlexVolume* Cinder* CephFS:cephfs* FC* Flocker* AzureFile* VsphereVolume* AzureDisk* PhotonPersistentDisk* PortworxVolume* ScaleIO* Local>LocalVolumeSource StorageOS:storageos* CSI>CSIPersistentVolumeSource',
  LocalVolumeSource: "Path' FSType*",
  CSIPersistentVolumeSource: "Driver' VolumeHandle' ReadOnly? FSType' VolumeAttributes* ControllerPublishSecretRef>SecretReference NodeStageSecretRef>SecretReference NodePublishSecretRef>SecretReference ControllerExpandSecretRef>SecretReference NodeExpandSecretRef>SecretReference",
  SecretReference: "Name' Namespace'",
  PodFailurePolicy: 'Rules[PodFailurePolicyRule',
  PodFailurePolicyRule: "Action' OnExitCodes>OnExitCodes OnPodConditions[OnPodCondition",
  OnExitCodes: "ContainerName* Operator' Values*",
  OnPodCondition: "Type' Status'",
  RollingUpdateStatefulSet: 'Partition# MaxUnavailable*',
  StatefulSetUpdateStrategy: "Type' RollingUpdate>RollingUpdateStatefulSet",
  SuccessPolicy: 'Rules[SuccessPolicyRule',
  SuccessPolicyRule: 'SucceededIndexes* SucceededCount*',
}

interface Member {
  readonly go: string
  readonly json: string
  readonly kind: string
  readonly struct: string
}

/** `HTTPGet` → `httpGet`, `SELinuxOptions` → `seLinuxOptions`, `NFS` → `nfs`. */
function jsonName(go: string): string {
  const run = /^[A-Z]+/.exec(go)![0]
  const head = run.length === go.length || run.length === 1 ? run : run.slice(0, -1)
  return head.toLowerCase() + go.slice(head.length)
}

const parsed = new Map<string, readonly Member[]>()

function members(struct: string): readonly Member[] {
  let list = parsed.get(struct)
  if (!list) {
    list = structs[struct]!.split(' ').map((text) => {
      const m = /^([A-Za-z]+)(?::([a-z]+))?(['#?*@>=[~])(\w*)$/.exec(text)!
      return { go: m[1]!, json: m[2] ?? jsonName(m[1]!), kind: m[3]!, struct: m[4]! }
    })
    parsed.set(struct, list)
  }
  return list
}

const sorted = (value: Loose): Loose => (isObject(value) ? Object.fromEntries(Object.keys(value).sort().map((k) => [k, value[k]])) : value)

/** A label selector as Go prints it: its own order of members, nothing empty but the operator. */
export function selectorForm(s: Loose): Loose {
  const expressions = ((s.matchExpressions ?? []) as Loose[]).map((e) => ({ key: e.key ?? '', operator: e.operator ?? '', ...(e.values?.length > 0 ? { values: e.values } : {}) }))
  return { ...(Object.keys(s.matchLabels ?? {}).length > 0 ? { matchLabels: sorted(s.matchLabels) } : {}), ...(expressions.length > 0 ? { matchExpressions: expressions } : {}) }
}

/** The internal form of an object as JSON data with Go's names and order. */
export function internalForm(struct: string, value: Loose): Loose {
  const out: Record<string, Loose> = {}
  for (const { go, json, kind, struct: inner } of members(struct)) {
    const v = value?.[json]
    switch (kind) {
      case "'":
        out[go] = v ?? ''
        break
      case '#':
        out[go] = v ?? 0
        break
      case '?':
        out[go] = v ?? false
        break
      case '@':
        out[go] = v === undefined ? null : sorted(v)
        break
      case '>':
        out[go] = v === undefined || v === null ? null : internalForm(inner, v)
        break
      case '~':
        out[go] = v === undefined || v === null ? null : selectorForm(v)
        break
      case '=':
        out[go] = internalForm(inner, v ?? {})
        break
      case '[':
        out[go] = Array.isArray(v) ? v.map((x) => internalForm(inner, x)) : null
        break
      default:
        out[go] = v ?? null
    }
  }
  return out
}

/** A pod spec: host namespaces live in the security context there. */
export function internalPodSpec(spec: Loose): Loose {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec ?? {}
  return internalForm('PodSpec', { ...spec, securityContext: spec?.securityContext && { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, ...spec.securityContext } })
}

export function internalPodTemplate(template: Loose): Loose {
  const { labels, annotations } = template?.metadata ?? {}
  return { ...(labels ? { labels: sorted(labels) } : {}), ...(annotations ? { annotations: sorted(annotations) } : {}), Spec: internalPodSpec(template?.spec) }
}

/** Unified diff of two values as indented JSON. */
export function internalDiff(before: Loose, after: Loose): string {
  return unifiedDiff(JSON.stringify(before, null, 1), JSON.stringify(after, null, 1))
}
