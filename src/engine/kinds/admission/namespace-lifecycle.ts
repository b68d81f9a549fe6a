/** NamespaceLifecycle: nothing is created in a namespace that is missing or going away; three namespaces cannot be deleted. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import * as status from '#engine/api/status.ts'

const immortal = new Set(['default', 'kube-system', 'kube-public'])

export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  admit({ operation, kind, namespace, name, old, context }) {
    const resource = { group: kind.group, resource: kind.plural }
    if (kind.kind === 'Namespace' && kind.group === '' && operation === 'DELETE' && immortal.has(name)) throw status.forbidden(resource, name, 'this namespace may not be deleted')
    if (operation !== 'CREATE' || namespace === '' || !kind.namespaced) return
    void old
    const found = context.find('namespaces', '', namespace)
    if (!found) throw status.notFound({ group: '', resource: 'namespaces' }, namespace)
    if (!found.metadata.deletionTimestamp) return
    const error = status.forbidden(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`)
    const { details } = error.status
    throw status.failure(403, 'Forbidden', error.status.message!, { ...details, causes: [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }] })
  },
}
