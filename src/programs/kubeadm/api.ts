/** Calls to the API server as kubeadm makes them: create or update, with paths made from the object (cmd/kubeadm/app/util/apiclient). */
import type { KubeObject } from '#engine/api/types.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { ApiError } from './run.ts'

const plurals: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps', Secret: 'secrets', ServiceAccount: 'serviceaccounts', Service: 'services', Role: 'roles', RoleBinding: 'rolebindings', ClusterRole: 'clusterroles', ClusterRoleBinding: 'clusterrolebindings', DaemonSet: 'daemonsets',
  Deployment: 'deployments', Node: 'nodes', Pod: 'pods', Job: 'jobs',
}

export function pathOf(apiVersion: string, kind: string, namespace?: string, name?: string): string {
  return `${apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`}${namespace ? `/namespaces/${namespace}` : ''}/${plurals[kind] ?? `${kind.toLowerCase()}s`}${name ? `/${name}` : ''}`
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.reason === 'NotFound'

/** Creates, or replaces what is there; a Service keeps its addresses. */
export async function createOrUpdate(client: RestClient, object: KubeObject): Promise<void> {
  const { namespace, name } = object.metadata
  try {
    const { resourceVersion: _, ...metadata } = object.metadata
    await client.call('POST', pathOf(object.apiVersion!, object.kind!, namespace), { body: { ...object, metadata } })
  } catch (error) {
    if (!(error instanceof ApiError) || (error.reason !== 'AlreadyExists' && !(object.kind === 'Service' && error.reason === 'Invalid'))) throw error
    const old = await client.json<KubeObject>('GET', pathOf(object.apiVersion!, object.kind!, namespace, name))
    await client.call('PUT', pathOf(object.apiVersion!, object.kind!, namespace, name), { body: { ...object, metadata: { ...object.metadata, resourceVersion: old.metadata.resourceVersion } } })
  }
}

export async function find<T extends object = KubeObject>(client: RestClient, apiVersion: string, kind: string, namespace: string | undefined, name: string): Promise<T | undefined> {
  try {
    return await client.json<T>('GET', pathOf(apiVersion, kind, namespace, name))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}
