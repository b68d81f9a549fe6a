/** Every active namespace has the service account `default` (pkg/controller/serviceaccount). */
import { StatusError } from '#engine/api/types.ts'
import { namespaces, serviceaccounts, type Namespace } from '#engine/kinds/namespace/types.ts'
import type { ControllerContext } from '../controller.ts'
import { isNamespaceTerminating } from '../pod-control.ts'

export function startServiceAccountController(context: ControllerContext): void {
  const { api } = context
  const spaces = api.informer<Namespace>(namespaces)
  const accounts = api.informer(serviceaccounts)
  const queue = context.queue((name) => {
    const namespace = spaces.get(undefined, name)
    if (!namespace || namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined || accounts.get(name, 'default')) return
    try {
      api.create(serviceaccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } })
    } catch (error) {
      if (error instanceof StatusError && (error.status.reason === 'AlreadyExists' || isNamespaceTerminating(error))) return
      throw error
    }
  })
  spaces.onAdd((n) => queue.add(n.metadata.name))
  spaces.onUpdate((n) => queue.add(n.metadata.name))
  accounts.onDelete((a) => {
    if (a.metadata.name === 'default') queue.add(a.metadata.namespace ?? '')
  })
}
