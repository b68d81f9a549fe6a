/** Images that bring only tools: curl, netshoot, Alpine, Debian, Ubuntu. */
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { servicesFile } from '#engine/machine/base-files.ts'
import { busyboxTools } from './busybox-tools.ts'
import { curlTool, debianTools, networkTools } from './tools.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const alpineRelease = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.2\nPRETTY_NAME="Alpine Linux v3.22"\nHOME_URL="https://alpinelinux.org/"\n'

/** What alpine-baselayout and musl bring; busybox tells by the loader which C library it speaks for. */
export const alpineFiles = { '/etc/os-release': alpineRelease, '/etc/alpine-release': '3.22.2\n', '/etc/services': servicesFile, '/etc/protocols': 'ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\nsctp\t132\tSCTP\n', '/lib/ld-musl-x86_64.so.1': '' } as const

export const curlImage: ImageBehaviour = {
  repository: 'docker.io/curlimages/curl',
  tags: ['8.17.0', '8.16.0', '8.10.1', '8.9.1', '8.8.0', '8.5.0', '8.4.0', '7.88.1', 'latest'],
  size: 9_230_112,
  entrypoint: ['/entrypoint.sh'],
  command: ['curl'],
  env: { PATH: path, CURL_VERSION: '8_17_0' },
  user: 'curl_user',
  users: [{ name: 'curl_user', uid: 100, gid: 101, home: '/home/curl_user', shell: '/sbin/nologin' }],
  workdir: '/home/curl_user',
  files: { '/home/curl_user/': '', ...alpineFiles },
  tools: { ...busyboxTools, ...curlTool },
  programs: {
    // With options or a URL it runs curl, else what it was given.
    '/entrypoint.sh': async (process) => {
      const rest = process.argv.slice(1)
      const first = rest[0] ?? 'curl'
      const argv = first.startsWith('-') || /:\/\//.test(first) ? ['curl', ...rest] : rest.length === 0 ? ['curl'] : rest
      return process.exec ? process.exec({ argv }) : (await process.spawn({ argv }).wait()).code
    },
  },
}

export const netshoot: ImageBehaviour = {
  repository: 'docker.io/nicolaka/netshoot',
  tags: ['v0.14', 'v0.13', 'v0.12', 'v0.11', 'latest'],
  size: 208_900_113,
  command: ['zsh'],
  env: { PATH: path },
  workdir: '/root',
  files: { '/root/': '', ...alpineFiles },
  tools: { ...busyboxTools, ...debianTools, ...networkTools, '/bin/zsh': 'bash', '/bin/bash': 'bash', '/bin/sh': 'sh' },
}

export const alpine: ImageBehaviour = {
  repository: 'docker.io/library/alpine',
  tags: ['3.22', '3.21', '3.20', '3.19', '3.18', 'latest', '3'],
  versions: { '3.8': 5, '3.9': 6, '3.10': 9, '3.11': 13, '3.12': 12, '3.13': 12, '3.14': 10, '3.15': 11, '3.16': 9, '3.17': 10, '3.18': 12, '3.19': 9, '3.20': 8, '3.21': 5, '3.22': 2 },
  size: 3_802_452,
  command: ['/bin/sh'],
  env: { PATH: path },
  files: alpineFiles,
  tools: busyboxTools,
}

export const debian: ImageBehaviour = {
  repository: 'docker.io/library/debian',
  tags: ['12', 'bookworm', 'bookworm-slim', '12-slim', 'latest', 'stable-slim'],
  size: 48_480_011,
  command: ['bash'],
  env: { PATH: path },
  files: { '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n' },
  tools: debianTools,
}

export const ubuntu: ImageBehaviour = {
  ...debian,
  repository: 'docker.io/library/ubuntu',
  tags: ['24.04', '22.04', 'noble', 'jammy', 'latest'],
  size: 29_723_000,
  command: ['/bin/bash'],
  files: { '/etc/os-release': 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\n' },
}
