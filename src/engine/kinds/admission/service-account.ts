/** ServiceAccount: a pod runs as a service account that exists and gets its token, the cluster's CA and its namespace mounted; pull secrets come along. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'
import { each } from '../shared/defaults.ts'

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const MIRROR = 'kubernetes.io/config.mirror'

function tokenVolume(name: string): Loose {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
      defaultMode: 420,
    },
  }
}

export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  admit({ operation, kind, subresource, namespace, object, name, context }) {
    if (kind.kind !== 'Pod' || kind.group !== '' || operation !== 'CREATE' || subresource !== '') return
    const pod = object
    const { spec } = pod
    const refuse = (text: string) => status.forbidden({ group: '', resource: 'pods' }, name, text)
    if (pod.metadata.annotations?.[MIRROR] !== undefined) {
      if (spec.serviceAccountName) throw refuse('a mirror pod may not reference service accounts')
      return
    }
    if (!spec.serviceAccountName) spec.serviceAccountName = 'default'
    spec.serviceAccount = spec.serviceAccountName
    const account = context.find('serviceaccounts', namespace, spec.serviceAccountName) as Loose
    if (!account) throw refuse(`error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount ${JSON.stringify(spec.serviceAccountName)} not found`)
    const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true
    if (automount) {
      const containers: Loose[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
      const lacking = containers.filter((c) => !(c.volumeMounts ?? []).some((m: Loose) => m.mountPath === MOUNT))
      let volume: string | undefined = (spec.volumes ?? []).find((v: Loose) => v.name?.startsWith('kube-api-access-'))?.name
      if (lacking.length > 0) {
        if (!volume) {
          volume = `kube-api-access-${context.suffix()}`
          spec.volumes = [...(spec.volumes ?? []), tokenVolume(volume)]
        }
        each(lacking, (c) => (c.volumeMounts = [...(c.volumeMounts ?? []), { name: volume, readOnly: true, mountPath: MOUNT }]))
      }
    }
    if (!(spec.imagePullSecrets?.length > 0) && account.imagePullSecrets?.length > 0) spec.imagePullSecrets = account.imagePullSecrets.map((s: Loose) => ({ name: s.name }))
  },
}
