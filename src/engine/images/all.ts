/** Every image that labs use, by repository. */
import type { ImageBehaviour, ImageTable } from '#engine/node/runtime/image.ts'
import { busybox } from './busybox.ts'
import { pause } from './pause.ts'

const all: readonly ImageBehaviour[] = [busybox, pause]

export const commonImages: ImageTable = new Map(all.map((image) => [image.repository, image]))
