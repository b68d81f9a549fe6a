/**
 * A pod template (or a part of Endpoints) as Go prints it for hashing (dump.ForHash: spew's %#v with sorted keys): type names, every field in the order of the Go types, nil
 * where nothing is set. Volume sources other than the usual ones are dumped as nil.
 */
import { parseQuantity } from '#base/quantity.ts'

/** `Go field:type[=json name]`; `!` before a type: the struct is inlined in JSON; `*` pointer; `[]` slice; `{}` map of strings. */
const structs: Readonly<Record<string, string>> = {
  'v1.PodTemplateSpec': 'ObjectMeta:v1.ObjectMeta=metadata Spec:v1.PodSpec',
  'v1.ObjectMeta':
    'Name:string GenerateName:string Namespace:string SelfLink:string UID:types.UID ResourceVersion:string Generation:int64 CreationTimestamp:v1.Time DeletionTimestamp:*v1.Time DeletionGracePeriodSeconds:*int64 Labels:{string} Annotations:{string} OwnerReferences:[]v1.OwnerReference Finalizers:[]string ManagedFields:[]v1.ManagedFieldsEntry',
  'v1.PodSpec':
    'Volumes:[]v1.Volume InitContainers:[]v1.Container Containers:[]v1.Container EphemeralContainers:[]v1.EphemeralContainer RestartPolicy:v1.RestartPolicy TerminationGracePeriodSeconds:*int64 ActiveDeadlineSeconds:*int64 DNSPolicy:v1.DNSPolicy=dnsPolicy NodeSelector:{string} ServiceAccountName:string DeprecatedServiceAccount:string=serviceAccount AutomountServiceAccountToken:*bool NodeName:string HostNetwork:bool HostPID:bool=hostPID HostIPC:bool=hostIPC ShareProcessNamespace:*bool SecurityContext:*v1.PodSecurityContext ImagePullSecrets:[]v1.LocalObjectReference Hostname:string Subdomain:string Affinity:*v1.Affinity SchedulerName:string Tolerations:[]v1.Toleration HostAliases:[]v1.HostAlias PriorityClassName:string Priority:*int32 DNSConfig:*v1.PodDNSConfig=dnsConfig ReadinessGates:[]v1.PodReadinessGate RuntimeClassName:*string EnableServiceLinks:*bool PreemptionPolicy:*v1.PreemptionPolicy Overhead:v1.ResourceList TopologySpreadConstraints:[]v1.TopologySpreadConstraint SetHostnameAsFQDN:*bool OS:*v1.PodOS=os HostUsers:*bool SchedulingGates:[]v1.PodSchedulingGate ResourceClaims:[]v1.PodResourceClaim Resources:*v1.ResourceRequirements HostnameOverride:*string WorkloadRef:*v1.WorkloadReference',
  'v1.Container':
    'Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]v1.ContainerPort EnvFrom:[]v1.EnvFromSource Env:[]v1.EnvVar Resources:v1.ResourceRequirements ResizePolicy:[]v1.ContainerResizePolicy RestartPolicy:*v1.ContainerRestartPolicy RestartPolicyRules:[]v1.ContainerRestartRule VolumeMounts:[]v1.VolumeMount VolumeDevices:[]v1.VolumeDevice LivenessProbe:*v1.Probe ReadinessProbe:*v1.Probe StartupProbe:*v1.Probe Lifecycle:*v1.Lifecycle TerminationMessagePath:string TerminationMessagePolicy:v1.TerminationMessagePolicy ImagePullPolicy:v1.PullPolicy SecurityContext:*v1.SecurityContext Stdin:bool StdinOnce:bool TTY:bool=tty',
  'v1.ContainerPort': 'Name:string HostPort:int32 ContainerPort:int32 Protocol:v1.Protocol HostIP:string=hostIP',
  'v1.EnvFromSource': 'Prefix:string ConfigMapRef:*v1.ConfigMapEnvSource SecretRef:*v1.SecretEnvSource',
  'v1.ConfigMapEnvSource': 'LocalObjectReference:!v1.LocalObjectReference Optional:*bool',
  'v1.SecretEnvSource': 'LocalObjectReference:!v1.LocalObjectReference Optional:*bool',
  'v1.LocalObjectReference': 'Name:string',
  'v1.EnvVar': 'Name:string Value:string ValueFrom:*v1.EnvVarSource',
  'v1.EnvVarSource': 'FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector ConfigMapKeyRef:*v1.ConfigMapKeySelector SecretKeyRef:*v1.SecretKeySelector FileKeyRef:*v1.FileKeySelector',
  'v1.ObjectFieldSelector': 'APIVersion:string=apiVersion FieldPath:string',
  'v1.ResourceFieldSelector': 'ContainerName:string Resource:string Divisor:resource.Quantity',
  'v1.ConfigMapKeySelector': 'LocalObjectReference:!v1.LocalObjectReference Key:string Optional:*bool',
  'v1.SecretKeySelector': 'LocalObjectReference:!v1.LocalObjectReference Key:string Optional:*bool',
  'v1.ResourceRequirements': 'Limits:v1.ResourceList Requests:v1.ResourceList Claims:[]v1.ResourceClaim',
  'v1.VolumeMount': 'Name:string ReadOnly:bool RecursiveReadOnly:*v1.RecursiveReadOnlyMode MountPath:string SubPath:string MountPropagation:*v1.MountPropagationMode SubPathExpr:string',
  'v1.Probe': 'ProbeHandler:!v1.ProbeHandler InitialDelaySeconds:int32 TimeoutSeconds:int32 PeriodSeconds:int32 SuccessThreshold:int32 FailureThreshold:int32 TerminationGracePeriodSeconds:*int64',
  'v1.ProbeHandler': 'Exec:*v1.ExecAction HTTPGet:*v1.HTTPGetAction=httpGet TCPSocket:*v1.TCPSocketAction=tcpSocket GRPC:*v1.GRPCAction=grpc',
  'v1.Lifecycle': 'PostStart:*v1.LifecycleHandler PreStop:*v1.LifecycleHandler StopSignal:*v1.Signal',
  'v1.LifecycleHandler': 'Exec:*v1.ExecAction HTTPGet:*v1.HTTPGetAction=httpGet TCPSocket:*v1.TCPSocketAction=tcpSocket Sleep:*v1.SleepAction',
  'v1.ExecAction': 'Command:[]string',
  'v1.HTTPGetAction': 'Path:string Port:intstr.IntOrString Host:string Scheme:v1.URIScheme HTTPHeaders:[]v1.HTTPHeader=httpHeaders',
  'v1.HTTPHeader': 'Name:string Value:string',
  'v1.TCPSocketAction': 'Port:intstr.IntOrString Host:string',
  'v1.GRPCAction': 'Port:int32 Service:*string',
  'v1.SleepAction': 'Seconds:int64',
  'v1.SecurityContext':
    'Capabilities:*v1.Capabilities Privileged:*bool SELinuxOptions:*v1.SELinuxOptions=seLinuxOptions WindowsOptions:*v1.WindowsSecurityContextOptions RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*v1.ProcMountType SeccompProfile:*v1.SeccompProfile AppArmorProfile:*v1.AppArmorProfile',
  'v1.Capabilities': 'Add:[]v1.Capability Drop:[]v1.Capability',
  'v1.SeccompProfile': 'Type:v1.SeccompProfileType LocalhostProfile:*string',
  'v1.PodSecurityContext':
    'SELinuxOptions:*v1.SELinuxOptions=seLinuxOptions WindowsOptions:*v1.WindowsSecurityContextOptions RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool SupplementalGroups:[]int64 SupplementalGroupsPolicy:*v1.SupplementalGroupsPolicy FSGroup:*int64=fsGroup Sysctls:[]v1.Sysctl FSGroupChangePolicy:*v1.PodFSGroupChangePolicy=fsGroupChangePolicy SeccompProfile:*v1.SeccompProfile AppArmorProfile:*v1.AppArmorProfile SELinuxChangePolicy:*v1.PodSELinuxChangePolicy=seLinuxChangePolicy',
  'v1.Sysctl': 'Name:string Value:string',
  'v1.Toleration': 'Key:string Operator:v1.TolerationOperator Value:string Effect:v1.TaintEffect TolerationSeconds:*int64',
  'v1.HostAlias': 'IP:string=ip Hostnames:[]string',
  'v1.PodDNSConfig': 'Nameservers:[]string Searches:[]string Options:[]v1.PodDNSConfigOption',
  'v1.PodDNSConfigOption': 'Name:string Value:*string',
  'v1.PodReadinessGate': 'ConditionType:v1.PodConditionType',
  'v1.PodSchedulingGate': 'Name:string',
  'v1.PodOS': 'Name:v1.OSName',
  'v1.TopologySpreadConstraint':
    'MaxSkew:int32 TopologyKey:string WhenUnsatisfiable:v1.UnsatisfiableConstraintAction LabelSelector:*v1.LabelSelector MinDomains:*int32 NodeAffinityPolicy:*v1.NodeInclusionPolicy NodeTaintsPolicy:*v1.NodeInclusionPolicy MatchLabelKeys:[]string',
  'v1.LabelSelector': 'MatchLabels:{string} MatchExpressions:[]v1.LabelSelectorRequirement',
  'v1.LabelSelectorRequirement': 'Key:string Operator:v1.LabelSelectorOperator Values:[]string',
  'v1.Affinity': 'NodeAffinity:*v1.NodeAffinity PodAffinity:*v1.PodAffinity PodAntiAffinity:*v1.PodAntiAffinity',
  'v1.NodeAffinity': 'RequiredDuringSchedulingIgnoredDuringExecution:*v1.NodeSelector PreferredDuringSchedulingIgnoredDuringExecution:[]v1.PreferredSchedulingTerm',
  'v1.NodeSelector': 'NodeSelectorTerms:[]v1.NodeSelectorTerm',
  'v1.NodeSelectorTerm': 'MatchExpressions:[]v1.NodeSelectorRequirement MatchFields:[]v1.NodeSelectorRequirement',
  'v1.NodeSelectorRequirement': 'Key:string Operator:v1.NodeSelectorOperator Values:[]string',
  'v1.PreferredSchedulingTerm': 'Weight:int32 Preference:v1.NodeSelectorTerm',
  'v1.PodAffinity': 'RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm',
  'v1.PodAntiAffinity': 'RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm',
  'v1.WeightedPodAffinityTerm': 'Weight:int32 PodAffinityTerm:v1.PodAffinityTerm',
  'v1.PodAffinityTerm': 'LabelSelector:*v1.LabelSelector Namespaces:[]string TopologyKey:string NamespaceSelector:*v1.LabelSelector MatchLabelKeys:[]string MismatchLabelKeys:[]string',
  'v1.Volume': 'Name:string VolumeSource:!v1.VolumeSource',
  'v1.VolumeSource':
    'HostPath:*v1.HostPathVolumeSource EmptyDir:*v1.EmptyDirVolumeSource GCEPersistentDisk:*v1.GCEPersistentDiskVolumeSource AWSElasticBlockStore:*v1.AWSElasticBlockStoreVolumeSource GitRepo:*v1.GitRepoVolumeSource Secret:*v1.SecretVolumeSource NFS:*v1.NFSVolumeSource=nfs ISCSI:*v1.ISCSIVolumeSource Glusterfs:*v1.GlusterfsVolumeSource PersistentVolumeClaim:*v1.PersistentVolumeClaimVolumeSource RBD:*v1.RBDVolumeSource FlexVolume:*v1.FlexVolumeSource Cinder:*v1.CinderVolumeSource CephFS:*v1.CephFSVolumeSource Flocker:*v1.FlockerVolumeSource DownwardAPI:*v1.DownwardAPIVolumeSource=downwardAPI FC:*v1.FCVolumeSource AzureFile:*v1.AzureFileVolumeSource ConfigMap:*v1.ConfigMapVolumeSource VsphereVolume:*v1.VsphereVirtualDiskVolumeSource Quobyte:*v1.QuobyteVolumeSource AzureDisk:*v1.AzureDiskVolumeSource PhotonPersistentDisk:*v1.PhotonPersistentDiskVolumeSource Projected:*v1.ProjectedVolumeSource PortworxVolume:*v1.PortworxVolumeSource ScaleIO:*v1.ScaleIOVolumeSource StorageOS:*v1.StorageOSVolumeSource CSI:*v1.CSIVolumeSource Ephemeral:*v1.EphemeralVolumeSource Image:*v1.ImageVolumeSource',
  'v1.HostPathVolumeSource': 'Path:string Type:*v1.HostPathType',
  'v1.EmptyDirVolumeSource': 'Medium:v1.StorageMedium SizeLimit:*resource.Quantity',
  'v1.SecretVolumeSource': 'SecretName:string Items:[]v1.KeyToPath DefaultMode:*int32 Optional:*bool',
  'v1.ConfigMapVolumeSource': 'LocalObjectReference:!v1.LocalObjectReference Items:[]v1.KeyToPath DefaultMode:*int32 Optional:*bool',
  'v1.KeyToPath': 'Key:string Path:string Mode:*int32',
  'v1.NFSVolumeSource': 'Server:string Path:string ReadOnly:bool',
  'v1.PersistentVolumeClaimVolumeSource': 'ClaimName:string ReadOnly:bool',
  'v1.DownwardAPIVolumeSource': 'Items:[]v1.DownwardAPIVolumeFile DefaultMode:*int32',
  'v1.DownwardAPIVolumeFile': 'Path:string FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector Mode:*int32',
  'v1.ProjectedVolumeSource': 'Sources:[]v1.VolumeProjection DefaultMode:*int32',
  'v1.VolumeProjection': 'Secret:*v1.SecretProjection DownwardAPI:*v1.DownwardAPIProjection=downwardAPI ConfigMap:*v1.ConfigMapProjection ServiceAccountToken:*v1.ServiceAccountTokenProjection ClusterTrustBundle:*v1.ClusterTrustBundleProjection PodCertificate:*v1.PodCertificateProjection',
  'v1.SecretProjection': 'LocalObjectReference:!v1.LocalObjectReference Items:[]v1.KeyToPath Optional:*bool',
  'v1.ConfigMapProjection': 'LocalObjectReference:!v1.LocalObjectReference Items:[]v1.KeyToPath Optional:*bool',
  'v1.DownwardAPIProjection': 'Items:[]v1.DownwardAPIVolumeFile',
  'v1.ServiceAccountTokenProjection': 'Audience:string ExpirationSeconds:*int64 Path:string',
  'v1.EndpointPort': 'Name:string Port:int32 Protocol:v1.Protocol AppProtocol:*string',
  // Of discovery.k8s.io, whose Go package is called v1 too.
  'discovery.EndpointPort': 'Name:*string Protocol:*v1.Protocol Port:*int32 AppProtocol:*string',
  'v1.EndpointAddress': 'IP:string=ip Hostname:string NodeName:*string TargetRef:*v1.ObjectReference',
  'v1.ObjectReference': 'Kind:string Namespace:string Name:string UID:types.UID=uid APIVersion:string=apiVersion ResourceVersion:string FieldPath:string',
  'v1.EndpointSubset': 'Addresses:[]v1.EndpointAddress NotReadyAddresses:[]v1.EndpointAddress Ports:[]v1.EndpointPort',
}

interface Field {
  readonly name: string
  readonly type: string
  readonly json: string
  readonly inline: boolean
}

const parsed = new Map<string, readonly Field[]>()

function fieldsOf(type: string): readonly Field[] | undefined {
  const known = parsed.get(type)
  if (known) return known
  const text = structs[type]
  if (text === undefined) return undefined
  const fields = text.split(' ').map((word): Field => {
    const [head = '', json] = word.split('=')
    const colon = head.indexOf(':')
    const name = head.slice(0, colon)
    const inline = head[colon + 1] === '!'
    return { name, type: head.slice(colon + (inline ? 2 : 1)), json: json ?? name[0]!.toLowerCase() + name.slice(1), inline }
  })
  parsed.set(type, fields)
  return fields
}

const simple = /^(?:bool|string|u?int\d+|resource\.Quantity|v1\.(?:Protocol|PreemptionPolicy|ContainerRestartPolicy|HostPathType|RecursiveReadOnlyMode|MountPropagationMode|ProcMountType|SupplementalGroupsPolicy|PodFSGroupChangePolicy|PodSELinuxChangePolicy|NodeInclusionPolicy|Signal|Time))$/

/** `typed`: print the type before the value. */
function dump(type: string, value: unknown, typed: boolean): string {
  if (type.startsWith('*')) {
    const inner = type.slice(1)
    if (value === undefined || value === null || !(inner in structs || simple.test(inner))) return `${typed ? `(*${inner})` : ''}<nil>`
    return `${typed ? `(*${inner})` : '<*>'}${dump(inner, value, false)}`
  }
  const prefix = (name: string) => (typed ? `(${name})` : '')
  if (type.startsWith('[]')) {
    const inner = type.slice(2)
    if (!Array.isArray(value) || value.length === 0) return `${prefix(type)}<nil>`
    return `${prefix(type)}[${value.map((v) => dump(inner, v, false)).join(' ')}]`
  }
  if (type.startsWith('{')) return `${prefix('map[string]string')}${dumpMap(value, (v) => String(v))}`
  if (type === 'v1.ResourceList') return `${prefix(type)}${dumpMap(value, (v) => dump('resource.Quantity', v, false))}`
  if (type === 'resource.Quantity') return `${prefix(type)}${dumpQuantity(value)}`
  if (type === 'intstr.IntOrString') return `${prefix(type)}{Type:(intstr.Type)${typeof value === 'string' ? 1 : 0} IntVal:(int32)${typeof value === 'number' ? value : 0} StrVal:(string)${typeof value === 'string' ? value : ''}}`
  if (type === 'v1.Time') return `${prefix(type)}{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}`
  const fields = fieldsOf(type)
  if (fields) {
    const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    return `${prefix(type)}{${fields.map((f) => `${f.name}:${dump(f.type, f.inline ? object : object[f.json], true)}`).join(' ')}}`
  }
  const zero = type === 'bool' ? 'false' : /^u?int\d+$/.test(type) ? '0' : ''
  return `${prefix(type)}${value === undefined || value === null ? zero : String(value)}`
}

function dumpMap(value: unknown, one: (value: unknown) => string): string {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? '<nil>' : `map[${entries.map(([k, v]) => `${k}:${one(v)}`).join(' ')}]`
}

function dumpQuantity(value: unknown): string {
  const quantity = parseQuantity(String(value ?? '0'))
  const amount = quantity ? { value: quantity.unscaled, scale: quantity.scale } : { value: 0n, scale: 0 }
  return `{i:(resource.int64Amount){value:(int64)${amount.value} scale:(resource.Scale)${amount.scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${String(value ?? '')} Format:(resource.Format)${quantity?.format ?? ''}}`
}

export function dumpTemplate(template: unknown): string {
  return dump('v1.PodTemplateSpec', template, true)
}

/** Any of the types above. */
export function dumpObject(type: string, value: unknown): string {
  return dump(type, value, true).replace('(discovery.', '(v1.')
}
