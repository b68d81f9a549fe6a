/** kube-controller-manager's controllers in the order in which they start. */
import type { Controller, ControllerContext } from './controller.ts'
import { startDeploymentController } from './deployment/controller.ts'
import { startDaemonSetController } from './daemonset/controller.ts'
import { startEndpointsController } from './endpoints/controller.ts'
import { startEndpointSliceController } from './endpointslice/controller.ts'
import { startEndpointSliceMirroringController } from './endpointslice/mirroring.ts'
import { startNodeIpamController } from './node-ipam/controller.ts'
import { startNodeLifecycleController } from './node-lifecycle/controller.ts'
import { startRootCaController } from './root-ca/controller.ts'
import { startServiceAccountController } from './serviceaccount/controller.ts'
import { startTaintEvictionController } from './taint-eviction/controller.ts'
import { startReplicaSetController } from './replicaset/controller.ts'

export const controllers: ReadonlyMap<string, Controller> = new Map<string, Controller>([
  ['deployment-controller', startDeploymentController],
  ['replicaset-controller', startReplicaSetController],
  ['daemonset-controller', startDaemonSetController],
  ['node-ipam-controller', startNodeIpamController],
  ['node-lifecycle-controller', startNodeLifecycleController],
  ['taint-eviction-controller', startTaintEvictionController],
  ['serviceaccount-controller', startServiceAccountController],
  ['root-ca-certificate-publisher-controller', startRootCaController],
  ['endpoints-controller', startEndpointsController],
  ['endpointslice-controller', startEndpointSliceController],
  ['endpointslice-mirroring-controller', startEndpointSliceMirroringController],
])

export function startControllers(context: ControllerContext, names: Iterable<string> = controllers.keys()): void {
  for (const name of names) controllers.get(name)?.(context)
}
