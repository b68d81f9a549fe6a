/**
 * Fills Secrets of type kubernetes.io/service-account-token that name an account, and deletes those whose account is gone
 * (pkg/controller/serviceaccount/tokens_controller.go). Accounts get no such Secrets by themselves any more.
 */
import { toBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { secrets, serviceaccounts } from '#engine/kinds/namespace/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const nameKey = 'kubernetes.io/service-account.name'
const uidKey = 'kubernetes.io/service-account.uid'

interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

export function startTokenController(context: ControllerContext): void {
  const { api, options } = context
  const { issueToken, rootCa } = options
  if (!issueToken) return
  const cache = api.informer<Secret>(secrets)
  const accounts = api.informer(serviceaccounts)
  const accountOf = (secret: Secret) => (secret.type === 'kubernetes.io/service-account-token' ? secret.metadata.annotations?.[nameKey] : undefined) ?? ''
  cache.addIndex('account', (secret) => (accountOf(secret) === '' ? [] : [`${secret.metadata.namespace}/${accountOf(secret)}`]))
  const queue = context.queue((key) => {
    const [namespace = '', name] = splitKey(key)
    const secret = cache.get(namespace, name)
    if (!secret || accountOf(secret) === '') return
    const account = accounts.get(namespace, accountOf(secret)) ?? tolerateGone(() => api.get(serviceaccounts, namespace, accountOf(secret)))
    const uid = account?.metadata.uid ?? ''
    const known = secret.metadata.annotations?.[uidKey] ?? ''
    if (!account || (known !== '' && known !== uid)) {
      tolerateGone(() => api.delete(secrets, namespace, name, { preconditions: { uid: secret.metadata.uid ?? '' } }))
      return
    }
    const data = {
      ...secret.data,
      ...(rootCa !== undefined ? { 'ca.crt': toBase64(rootCa) } : {}),
      namespace: toBase64(namespace),
      token: secret.data?.['token'] || toBase64(issueToken(namespace, account.metadata.name, uid, name)),
    }
    const full = known === uid && Object.entries(data).every(([k, v]) => secret.data?.[k] === v)
    if (!full) api.update<Secret>(secrets, { ...secret, metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, [nameKey]: account.metadata.name, [uidKey]: uid } }, data })
  })
  const add = (secret: Secret) => {
    if (accountOf(secret) !== '') queue.add(keyOf(secret))
  }
  cache.onAdd(add)
  cache.onUpdate(add)
  accounts.onDelete((account) => {
    for (const secret of cache.byIndex('account', keyOf(account))) queue.add(keyOf(secret))
  })
}
