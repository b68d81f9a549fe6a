/** Publishes the cluster's authority as ConfigMap kube-root-ca.crt in every namespace (pkg/controller/certificates/rootcacertpublisher). */
import { StatusError } from '#engine/api/types.ts'
import { configmaps, namespaces, type ConfigMap, type Namespace } from '#engine/kinds/namespace/types.ts'
import type { ControllerContext } from '../controller.ts'
import { isNamespaceTerminating } from '../pod-control.ts'

const name = 'kube-root-ca.crt'
const note = 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

export function startRootCaController(context: ControllerContext): void {
  const { api, options } = context
  const bundle = options.rootCa
  if (bundle === undefined) return
  const spaces = api.informer<Namespace>(namespaces)
  const maps = api.informer<ConfigMap>(configmaps)
  const queue = context.queue((namespace) => {
    const space = spaces.get(undefined, namespace)
    if (!space || space.status?.phase === 'Terminating' || space.metadata.deletionTimestamp !== undefined) return
    const known = maps.get(namespace, name)
    const metadata = { name, namespace, annotations: { 'kubernetes.io/description': note } }
    try {
      if (!known) api.create<ConfigMap>(configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': bundle } })
      else if (known.data?.['ca.crt'] !== bundle || Object.keys(known.data).length !== 1 || known.metadata.annotations?.['kubernetes.io/description'] !== note) {
        api.update<ConfigMap>(configmaps, { ...known, metadata: { ...known.metadata, annotations: { ...known.metadata.annotations, 'kubernetes.io/description': note } }, data: { 'ca.crt': bundle } })
      }
    } catch (error) {
      if (error instanceof StatusError && (error.status.reason === 'AlreadyExists' || isNamespaceTerminating(error))) return
      throw error
    }
  })
  spaces.onAdd((n) => queue.add(n.metadata.name))
  spaces.onUpdate((n) => queue.add(n.metadata.name))
  maps.onUpdate((m) => {
    if (m.metadata.name === name) queue.add(m.metadata.namespace ?? '')
  })
  maps.onDelete((m) => {
    if (m.metadata.name === name) queue.add(m.metadata.namespace ?? '')
  })
}
