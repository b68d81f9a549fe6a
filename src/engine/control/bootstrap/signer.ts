/** Signs ConfigMap cluster-info with every bootstrap token that is for signing, so that a joining node can trust it (pkg/controller/bootstrap/bootstrapsigner.go). */
import { detachedSignature } from '#base/hmac.ts'
import { configmaps, secrets, type ConfigMap, type Secret } from '#engine/kinds/namespace/types.ts'
import type { ControllerContext } from '../controller.ts'
import { isTokenSecret, readToken, tokenNamespace } from './tokens.ts'

const [space, name] = ['kube-public', 'cluster-info']
const prefix = 'jws-kubeconfig-'

export function startBootstrapSigner(context: ControllerContext): void {
  const { api, sim } = context
  const maps = api.informer<ConfigMap>(configmaps)
  const tokens = api.informer<Secret>(secrets)
  const queue = context.queue(() => {
    const map = maps.get(space, name)
    const text = map?.data?.['kubeconfig']
    if (!map || text === undefined) return
    const data: Record<string, string> = Object.fromEntries(Object.entries(map.data ?? {}).filter(([k]) => !k.startsWith(prefix)))
    for (const secret of tokens.list(tokenNamespace)) {
      const token = readToken(secret)
      if (token && token.uses.has('signing') && (token.expires === undefined || token.expires > sim.now)) data[`${prefix}${token.id}`] = detachedSignature(text, token.id, token.secret)
    }
    const same = Object.keys(data).length === Object.keys(map.data ?? {}).length && Object.entries(data).every(([k, v]) => map.data?.[k] === v)
    if (!same) api.update<ConfigMap>(configmaps, { ...map, data })
  })
  const look = (secret: Secret) => {
    if (isTokenSecret(secret)) queue.add(name)
  }
  tokens.onAdd(look)
  tokens.onUpdate(look)
  tokens.onDelete(look)
  const hear = (map: ConfigMap) => {
    if (map.metadata.namespace === space && map.metadata.name === name) queue.add(name)
  }
  maps.onAdd(hear)
  maps.onUpdate(hear)
}
