/** registry.k8s.io/pause: holds a pod's namespaces and reaps nothing. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'

export const pause: ImageBehaviour = {
  repository: 'registry.k8s.io/pause',
  tags: ['3.10.1', '3.10', '3.9'],
  size: 320_448,
  entrypoint: ['/pause'],
  user: '65535',
  programs: {
    '/pause': async (process) => {
      if (process.argv[1] !== '-v') return process.forever()
      await process.stdout.write('pause.c 3.10.1\n')
      return 0
    },
  },
}
