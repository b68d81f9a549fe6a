/** Every image that labs use, by repository. */
import type { ImageBehaviour, ImageTable } from '#engine/node/runtime/image.ts'
import { agnhost } from './agnhost.ts'
import { busybox } from './busybox.ts'
import { alpine, curlImage, debian, netshoot, ubuntu } from './clients.ts'
import { mysql, postgres, redis } from './databases.ts'
import { echo } from './echo.ts'
import { httpEchoImage } from './http-echo.ts'
import { httpd } from './httpd.ts'
import { hpaExample, polinuxStress, vishStress } from './load.ts'
import { nginx } from './nginx/image.ts'
import { perl } from './perl.ts'
import { googlePause, pause } from './pause.ts'

const all: readonly ImageBehaviour[] = [agnhost, alpine, busybox, curlImage, debian, echo, hpaExample, httpEchoImage, httpd, mysql, netshoot, nginx, pause, googlePause, perl, polinuxStress, postgres, redis, ubuntu, vishStress]

export const commonImages: ImageTable = new Map(all.map((image) => [image.repository, image]))
