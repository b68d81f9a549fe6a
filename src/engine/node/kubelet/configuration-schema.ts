/** The fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1, v1.35) with the Go types that decoding knows, and its defaults where validation needs them. */
export type FieldKind = 'string' | 'bool' | 'int32' | 'int64' | 'float32' | 'float64' | 'uint64' | 'duration' | '[]string' | 'map[string]string' | 'map[string]bool' | 'any' | StructKind

export interface StructKind {
  readonly fields: Readonly<Record<string, FieldKind>>
  /** Of what there is a list. */
  readonly list?: boolean
}

const of = (kind: FieldKind, names: string): Record<string, FieldKind> => Object.fromEntries(names.split(' ').map((n) => [n, kind]))
const struct = (fields: Record<string, FieldKind>): StructKind => ({ fields })
const listOf = (fields: Record<string, FieldKind>): StructKind => ({ fields, list: true })

const reserved = { numaNode: 'int32', limits: 'any' } as const
const options = struct({ infoBufferSize: 'any', splitStream: 'bool' })

export const kubeletConfigurationFields: StructKind = struct({
  ...of('string', 'kind apiVersion staticPodPath staticPodURL podLogsDir address tlsCertFile tlsPrivateKeyFile tlsMinVersion clusterDomain healthzBindAddress kubeletCgroups systemCgroups cgroupRoot cgroupDriver cpuManagerPolicy memoryManagerPolicy topologyManagerPolicy topologyManagerScope hairpinMode podCIDR resolvConf containerLogMaxSize systemReservedCgroup kubeReservedCgroup reservedSystemCPUs showHiddenMetricsForVersion providerID configMapAndSecretChangeDetectionStrategy volumePluginDir kernelMemcgNotification singleProcessOOMKillPolicy containerRuntimeEndpoint imageServiceEndpoint imagePullCredentialsVerificationPolicy contentType'),
  ...of('bool', 'serverTLSBootstrap rotateCertificates enableServer cgroupsPerQOS runOnce cpuCFSQuota failSwapOn serializeImagePulls makeIPTablesUtilChains enableControllerAttachDetach protectKernelDefaults enableDebuggingHandlers enableContentionProfiling enableProfilingHandler enableDebugFlagsHandler enableSystemLogHandler enableSystemLogQuery seccompDefault registerNode localStorageCapacityIsolation kernelMemcgNotification singleProcessOOMKill failCgroupV1'),
  ...of('int32', 'port readOnlyPort registryPullQPS registryBurst eventRecordQPS eventBurst healthzPort oomScoreAdj nodeLeaseDurationSeconds imageGCHighThresholdPercent imageGCLowThresholdPercent maxPods podsPerCore nodeStatusMaxImages kubeAPIQPS kubeAPIBurst evictionMaxPodGracePeriod iptablesMasqueradeBit iptablesDropBit containerLogMaxFiles containerLogMaxWorkers maxParallelImagePulls'),
  ...of('int64', 'podPidsLimit maxOpenFiles'),
  memoryThrottlingFactor: 'float64',
  ...of('duration', 'syncFrequency fileCheckFrequency httpCheckFrequency streamingConnectionIdleTimeout nodeStatusUpdateFrequency nodeStatusReportFrequency imageMinimumGCAge imageMaximumGCAge volumeStatsAggPeriod cpuManagerReconcilePeriod runtimeRequestTimeout cpuCFSQuotaPeriod evictionPressureTransitionPeriod containerLogMonitorInterval shutdownGracePeriod shutdownGracePeriodCriticalPods'),
  ...of('[]string', 'tlsCipherSuites clusterDNS enforceNodeAllocatable allowedUnsafeSysctls preloadedImagesVerificationAllowlist'),
  ...of('map[string]string', 'staticPodURLHeader cpuManagerPolicyOptions topologyManagerPolicyOptions qosReserved evictionHard evictionSoft evictionSoftGracePeriod evictionMinimumReclaim systemReserved kubeReserved'),
  staticPodURLHeader: 'any',
  featureGates: 'map[string]bool',
  authentication: struct({ x509: struct({ clientCAFile: 'string' }), webhook: struct({ enabled: 'bool', cacheTTL: 'duration' }), anonymous: struct({ enabled: 'bool' }) }),
  authorization: struct({ mode: 'string', webhook: struct({ cacheAuthorizedTTL: 'duration', cacheUnauthorizedTTL: 'duration' }) }),
  memorySwap: struct({ swapBehavior: 'string' }),
  logging: struct({ format: 'string', flushFrequency: 'any', verbosity: 'int32', vmodule: 'any', options: struct({ text: options, json: options }) }),
  shutdownGracePeriodByPodPriority: listOf({ priority: 'int32', shutdownGracePeriodSeconds: 'int64' }),
  crashLoopBackOff: struct({ maxContainerRestartPeriod: 'duration' }),
  reservedMemory: listOf(reserved),
  registerWithTaints: listOf({ key: 'string', value: 'string', effect: 'string', timeAdded: 'any' }),
  tracing: struct({ endpoint: 'string', samplingRatePerMillion: 'int32' }),
  userNamespaces: struct({ idsPerPod: 'int64' }),
})

/** SetDefaults_KubeletConfiguration, of what is validated. */
export const kubeletDefaults: Readonly<Record<string, unknown>> = {
  nodeLeaseDurationSeconds: 40, eventBurst: 100, eventRecordQPS: 50, healthzPort: 10248, imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 80, iptablesDropBit: 15, iptablesMasqueradeBit: 14, kubeAPIBurst: 100, kubeAPIQPS: 50,
  nodeStatusMaxImages: 50, maxOpenFiles: 1_000_000, maxPods: 110, oomScoreAdj: -999, podsPerCore: 0, port: 10250, readOnlyPort: 0, registryBurst: 10, registryPullQPS: 5, topologyManagerPolicy: 'none', topologyManagerScope: 'container',
  enforceNodeAllocatable: ['pods'], cgroupsPerQOS: true, hairpinMode: 'promiscuous-bridge', containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock', containerLogMaxWorkers: 1, containerLogMonitorInterval: '10s', containerLogMaxFiles: 5,
  podLogsDir: '/var/log/pods', cpuCFSQuotaPeriod: '100ms', serializeImagePulls: true, enableSystemLogHandler: true, memoryThrottlingFactor: 0.9,
}
