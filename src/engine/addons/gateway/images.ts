/** Images of the gateway controller, its proxies, the address pool, and the backend of the conformance tests. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { gatewayController } from './controller.ts'
import { echoBasicImage } from './echo-basic.ts'
import { gatewayProxy } from './proxy.ts'

const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }

export const gatewayImages: readonly ImageBehaviour[] = [
  { repository: 'docker.io/drill/gateway-controller', tags: ['1.0', 'latest'], size: 24_000_000, entrypoint: ['/gateway-controller'], user: '65532', env, programs: { '/gateway-controller': gatewayController } },
  { repository: 'docker.io/drill/gateway-proxy', tags: ['1.0', 'latest'], size: 38_000_000, entrypoint: ['/gateway-proxy'], user: '65532', env, programs: { '/gateway-proxy': gatewayProxy } },
  echoBasicImage,
]
