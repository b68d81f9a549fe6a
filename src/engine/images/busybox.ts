/** docker.io/library/busybox: a static busybox; every applet that the host's program table knows. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { busyboxTools } from './busybox-tools.ts'

const onGlibc: ImageBehaviour = {
  repository: 'docker.io/library/busybox',
  tags: ['1.37', '1.36', '1.36.1', '1.35', '1.34', '1.28', 'latest', 'stable', 'musl', 'glibc'],
  size: 2_223_685,
  command: ['sh'],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  tools: busyboxTools,
}

export const busybox: ImageBehaviour = { ...onGlibc, builds: { musl: { ...onGlibc, files: { '/lib/ld-musl-x86_64.so.1': '' } } } }
