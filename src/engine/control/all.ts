/** kube-controller-manager's controllers in the order in which they start. */
import type { Controller, ControllerContext } from './controller.ts'
import { startDeploymentController } from './deployment/controller.ts'
import { startReplicaSetController } from './replicaset/controller.ts'

export const controllers: ReadonlyMap<string, Controller> = new Map<string, Controller>([
  ['deployment-controller', startDeploymentController],
  ['replicaset-controller', startReplicaSetController],
])

export function startControllers(context: ControllerContext, names: Iterable<string> = controllers.keys()): void {
  for (const name of names) controllers.get(name)?.(context)
}
