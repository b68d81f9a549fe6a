/** registry.k8s.io/pause: holds a pod's namespaces and reaps nothing. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'

export const pause: ImageBehaviour = {
  repository: 'registry.k8s.io/pause',
  tags: ['3.10.1', '3.10', '3.9', '3.8', '3.7', '3.6', '3.5', '3.4.1', '3.3', '3.2', '3.1'],
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

/** The one of the first years, still used in examples. */
export const googlePause: ImageBehaviour = { ...pause, repository: 'docker.io/google/pause', tags: ['latest'], programs: { '/pause': (process) => process.forever() } }
