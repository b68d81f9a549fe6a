/** Deletes bootstrap tokens that have ended (pkg/controller/bootstrap/tokencleaner.go). */
import { secrets, type Secret } from '#engine/kinds/namespace/types.ts'
import { splitKey, keyOf, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'
import { isTokenSecret, readToken } from './tokens.ts'

export function startTokenCleaner(context: ControllerContext): void {
  const { api, sim } = context
  const tokens = api.informer<Secret>(secrets)
  const queue = context.queue((key) => {
    const [namespace, name] = splitKey(key)
    const secret = tokens.get(namespace, name)
    const expires = secret && readToken(secret)?.expires
    if (expires === undefined) return
    if (expires > sim.now) {
      context.after(expires - sim.now, () => queue.add(key), { background: true })
      return
    }
    tolerateGone(() => api.delete(secrets, namespace, name))
  })
  const look = (secret: Secret) => {
    if (isTokenSecret(secret)) queue.add(keyOf(secret))
  }
  tokens.onAdd(look)
  tokens.onUpdate(look)
}
