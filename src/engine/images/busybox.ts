/** docker.io/library/busybox: a static busybox; every applet that the host's program table knows. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { busyboxTools } from './busybox-tools.ts'

const onGlibc: ImageBehaviour = {
  repository: 'docker.io/library/busybox',
  tags: ['1.37', '1.36', '1.36.1', '1.35', '1.34', '1.28', 'latest', 'stable', 'musl', 'glibc'],
  versions: { '1.24': 2, '1.25': 1, '1.26': 2, '1.27': 2, '1.28': 4, '1.29': 3, '1.30': 1, '1.31': 1, '1.32': 1, '1.33': 1, '1.34': 1, '1.35': 0, '1.36': 1, '1.37': 0 },
  variants: ['-glibc', '-musl', '-uclibc'],
  size: 2_223_685,
  command: ['sh'],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  tools: busyboxTools,
}

export const busybox: ImageBehaviour = { ...onGlibc, builds: { musl: { ...onGlibc, files: { '/lib/ld-musl-x86_64.so.1': '' } } } }
