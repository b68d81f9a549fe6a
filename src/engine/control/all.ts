/** kube-controller-manager's controllers in the order in which they start. */
import type { ClientFor, Controller, ControllerContext } from './controller.ts'
import { startClusterRoleAggregation } from './clusterrole-aggregation/controller.ts'
import { startDeploymentController } from './deployment/controller.ts'
import { startCronJobController } from './cronjob/controller.ts'
import { startDaemonSetController } from './daemonset/controller.ts'
import { startDisruptionController } from './disruption/controller.ts'
import { startEndpointsController } from './endpoints/controller.ts'
import { startEndpointSliceController } from './endpointslice/controller.ts'
import { startEndpointSliceMirroringController } from './endpointslice/mirroring.ts'
import { startGarbageCollector } from './garbage-collector/controller.ts'
import { startHorizontalPodAutoscaler } from './podautoscaler/controller.ts'
import { startJobController } from './job/controller.ts'
import { startNamespaceController } from './namespace/controller.ts'
import { startNodeIpamController } from './node-ipam/controller.ts'
import { startNodeLifecycleController } from './node-lifecycle/controller.ts'
import { startPodGarbageCollector } from './pod-gc/controller.ts'
import { startQuotaController } from './quota/controller.ts'
import { startRootCaController } from './root-ca/controller.ts'
import { startServiceAccountController } from './serviceaccount/controller.ts'
import { startTokenController } from './serviceaccount/tokens.ts'
import { startEphemeralVolumeController } from './ephemeral-volume/controller.ts'
import { startStatefulSetController } from './statefulset/controller.ts'
import { startTaintEvictionController } from './taint-eviction/controller.ts'
import { startTtlController } from './ttl/controller.ts'
import { startTtlAfterFinishedController } from './ttl-after-finished/controller.ts'
import { startBootstrapSigner } from './bootstrap/signer.ts'
import { startTokenCleaner } from './bootstrap/cleaner.ts'
import { startApprovingController } from './certificates/approver.ts'
import { startCertificateCleaner } from './certificates/cleaner.ts'
import { startSigningController } from './certificates/signer.ts'
import { startVolumeBinder } from './volume-binder/controller.ts'
import { startClaimProtection, startVolumeProtection } from './volume-protection/controller.ts'
import { startReplicaSetController, startReplicationController } from './replicaset/controller.ts'

interface Entry {
  readonly start: Controller
  /** Its service account in kube-system; '': it acts as the process itself. */
  readonly account: string
}

export const controllers: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['deployment-controller', { start: startDeploymentController, account: 'deployment-controller' }],
  ['replicaset-controller', { start: startReplicaSetController, account: 'replicaset-controller' }],
  ['daemonset-controller', { start: startDaemonSetController, account: 'daemon-set-controller' }],
  ['node-ipam-controller', { start: startNodeIpamController, account: 'node-controller' }],
  ['node-lifecycle-controller', { start: startNodeLifecycleController, account: 'node-controller' }],
  ['taint-eviction-controller', { start: startTaintEvictionController, account: 'node-controller' }],
  ['serviceaccount-controller', { start: startServiceAccountController, account: 'service-account-controller' }],
  ['serviceaccount-token-controller', { start: startTokenController, account: '' }],
  ['root-ca-certificate-publisher-controller', { start: startRootCaController, account: 'root-ca-cert-publisher' }],
  ['endpoints-controller', { start: startEndpointsController, account: 'endpoint-controller' }],
  ['endpointslice-controller', { start: startEndpointSliceController, account: 'endpointslice-controller' }],
  ['endpointslice-mirroring-controller', { start: startEndpointSliceMirroringController, account: 'endpointslicemirroring-controller' }],
  ['replicationcontroller-controller', { start: startReplicationController, account: 'replication-controller' }],
  ['ephemeral-volume-controller', { start: startEphemeralVolumeController, account: 'ephemeral-volume-controller' }],
  ['statefulset-controller', { start: startStatefulSetController, account: 'statefulset-controller' }],
  ['job-controller', { start: startJobController, account: 'job-controller' }],
  ['cronjob-controller', { start: startCronJobController, account: 'cronjob-controller' }],
  ['namespace-controller', { start: startNamespaceController, account: 'namespace-controller' }],
  ['garbage-collector-controller', { start: startGarbageCollector, account: 'generic-garbage-collector' }],
  ['pod-garbage-collector-controller', { start: startPodGarbageCollector, account: 'pod-garbage-collector' }],
  ['certificatesigningrequest-signing-controller', { start: startSigningController, account: 'certificate-controller' }],
  ['certificatesigningrequest-approving-controller', { start: startApprovingController, account: 'certificate-controller' }],
  ['bootstrap-signer-controller', { start: startBootstrapSigner, account: 'bootstrap-signer' }],
  ['token-cleaner-controller', { start: startTokenCleaner, account: 'token-cleaner' }],
  ['certificatesigningrequest-cleaner-controller', { start: startCertificateCleaner, account: 'certificate-controller' }],
  ['resourcequota-controller', { start: startQuotaController, account: 'resourcequota-controller' }],
  ['ttl-controller', { start: startTtlController, account: 'ttl-controller' }],
  ['ttl-after-finished-controller', { start: startTtlAfterFinishedController, account: 'ttl-after-finished-controller' }],
  ['persistentvolume-binder-controller', { start: startVolumeBinder, account: 'persistent-volume-binder' }],
  ['persistentvolumeclaim-protection-controller', { start: startClaimProtection, account: 'pvc-protection-controller' }],
  ['persistentvolume-protection-controller', { start: startVolumeProtection, account: 'pv-protection-controller' }],
  ['clusterrole-aggregation-controller', { start: startClusterRoleAggregation, account: 'clusterrole-aggregation-controller' }],
  ['horizontal-pod-autoscaler-controller', { start: startHorizontalPodAutoscaler, account: 'horizontal-pod-autoscaler' }],
  ['disruption-controller', { start: startDisruptionController, account: 'disruption-controller' }],
])

/** Off unless `--controllers` names them. */
export const offByDefault: ReadonlySet<string> = new Set(['bootstrap-signer-controller', 'token-cleaner-controller'])

/** Older names that the flag still knows. */
const aliases: Readonly<Record<string, string>> = { bootstrapsigner: 'bootstrap-signer-controller', tokencleaner: 'token-cleaner-controller', csrsigning: 'certificatesigningrequest-signing-controller', csrapproving: 'certificatesigningrequest-approving-controller' }

/** The controllers that a value of `--controllers` starts. */
export function chosenControllers(flag = '*'): string[] {
  const words = new Set(flag.split(',').map((w) => (w.startsWith('-') ? `-${aliases[w.slice(1)] ?? w.slice(1)}` : (aliases[w] ?? w))))
  return [...controllers.keys()].filter((name) => words.has(name) || (!words.has(`-${name}`) && words.has('*') && !offByDefault.has(name)))
}

/** `clientFor`: where each controller acts under its own account; else all act as the context's user. */
export function startControllers(context: ControllerContext, clientFor?: ClientFor, names: Iterable<string> = chosenControllers()): void {
  const contexts = new Map<string, ControllerContext>()
  for (const name of names) {
    const entry = controllers.get(name)
    if (!entry) continue
    let own = clientFor && entry.account !== '' ? contexts.get(entry.account) : context
    if (!own) contexts.set(entry.account, (own = context.as(clientFor!(entry.account))))
    entry.start(own)
  }
}
