/** Images that make load: the web server of the autoscaling walkthrough, whose page computes, and two that fill CPUs and memory. */
import { httpDate } from '#base/http.ts'
import { parseQuantity, quantityValue } from '#base/quantity.ts'
import { parseGoDuration } from '#base/duration.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { klogLine } from './klog.ts'
import { busyboxTools } from './busybox-tools.ts'
import { debianTools } from './tools.ts'
import { lineWriter, serveWeb, untilStopped } from './web-server.ts'

/** CPU time of a million square roots in PHP, ms. */
const pageTime = 40
const mebi = 1024 * 1024

export const hpaExample: ImageBehaviour = {
  repository: 'registry.k8s.io/hpa-example', tags: ['latest'], size: 171_000_000, command: ['apache2-foreground'], workdir: '/var/www/html', exposedPorts: [80],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', PHP_VERSION: '5.6.14' },
  files: { '/var/www/html/index.php': '<?php\n  $x = 0.0001;\n  for ($i = 0; $i <= 1000000; $i++) {\n    $x += sqrt($x);\n  }\n  echo "OK!";\n?>\n' },
  programs: { '/usr/local/bin/apache2-foreground': page }, tools: debianTools,
}

async function page(process: Process): Promise<number> {
  const access = lineWriter(process, 'stdout')
  serveWeb(process, '0.0.0.0', 80, async () => {
    await process.compute?.(pageTime)
    return { status: 200, headers: [['Date', httpDate(Math.floor(process.now()))], ['Server', 'Apache/2.4.10 (Debian) PHP/5.6.14'], ['X-Powered-By', 'PHP/5.6.14'], ['Content-Type', 'text/html; charset=UTF-8']], body: 'OK!' }
  }, (request) => access(`${request.client.host} - - [${httpDate(Math.floor(process.now())).slice(5, 16).replaceAll(' ', '/')}:${httpDate(Math.floor(process.now())).slice(17, 25)} +0000] "${request.method} ${request.target} ${request.version}" 200 3 "-" "${request.headers.get('user-agent') ?? '-'}"`))
  return untilStopped(process)
}

async function burn(process: Process): Promise<never> {
  for (;;) await process.yield()
}

/** `stress --cpu N --vm N --vm-bytes B --vm-hang N --timeout N`. */
async function stress(process: Process): Promise<number> {
  const options = new Map<string, string>()
  const args = process.argv.slice(1)
  const names: Readonly<Record<string, string>> = { '-c': 'cpu', '-i': 'io', '-m': 'vm', '-d': 'hdd', '-t': 'timeout', '-v': 'verbose', '-q': 'quiet' }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    const name = names[arg] ?? /^--([a-z-]+)/.exec(arg)?.[1] ?? ''
    if (name === 'verbose' || name === 'quiet' || name === 'vm-keep') continue
    if (!['cpu', 'io', 'vm', 'hdd', 'timeout', 'vm-bytes', 'vm-hang', 'vm-stride', 'hdd-bytes', 'backoff'].includes(name)) {
      await process.stderr.write(`stress: FAIL: [${process.pid}] (244) unrecognized option: ${arg}\n`)
      return 1
    }
    options.set(name, arg.includes('=') ? arg.slice(arg.indexOf('=') + 1) : (args[++i] ?? ''))
  }
  const count = (name: string) => Number(options.get(name) ?? 0)
  if (options.size === 0) {
    await process.stdout.write("`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ...\n")
    return 0
  }
  await process.stdout.write(`stress: info: [${process.pid}] dispatching hogs: ${count('cpu')} cpu, ${count('io')} io, ${count('vm')} vm, ${count('hdd')} hdd\n`)
  for (let i = 0; i < count('cpu') + count('io') + count('hdd'); i++) void burn(process)
  const size = /^(\d+)([bkmg]?)$/i.exec(options.get('vm-bytes') ?? '256M')
  const bytes = size ? Number(size[1]) * { b: 1, k: 1024, m: mebi, g: 1024 * mebi, '': 1 }[size[2]!.toLowerCase()]! : 256 * mebi
  for (let i = 0; i < count('vm'); i++) {
    await process.compute?.(100)
    process.machine.memory?.take(bytes)
    if (!options.has('vm-hang')) void burn(process)
  }
  const seconds = /^(\d+)([smhd]?)$/.exec(options.get('timeout') ?? '')
  if (!seconds) return process.forever()
  const time = Number(seconds[1]) * { s: 1, m: 60, h: 3600, d: 86_400, '': 1 }[seconds[2]!]!
  await process.sleep(time * 1000)
  await process.stdout.write(`stress: info: [${process.pid}] successful run completed in ${time}s\n`)
  return 0
}

/** `-cpus N -mem-total Q -mem-alloc-size Q -mem-alloc-sleep D`. */
async function vish(process: Process): Promise<number> {
  const option = (name: string, otherwise: string) => {
    const at = process.argv.findIndex((a) => a.replace(/^--?/, '').replace(/=.*/, '') === name)
    if (at < 0) return otherwise
    return process.argv[at]!.includes('=') ? process.argv[at]!.slice(process.argv[at]!.indexOf('=') + 1) : (process.argv[at + 1] ?? otherwise)
  }
  const log = (at: string, text: string) => process.stderr.write(klogLine('I', process.now(), process.pid, at, text))
  const bytes = (text: string) => Number(quantityValue(parseQuantity(text) ?? parseQuantity('0')!))
  const total = bytes(option('mem-total', '0'))
  const chunk = bytes(option('mem-alloc-size', '4Ki'))
  const pause = option('mem-alloc-sleep', '1ms')
  await log('main.go:26', `Allocating ${JSON.stringify(option('mem-total', '0'))} memory, in ${JSON.stringify(option('mem-alloc-size', '4Ki'))} chunks, with a ${pause} sleep between allocations`)
  const cpus = Number(option('cpus', '0'))
  for (let i = 0; i < cpus; i++) {
    await log('main.go:39', 'Spawning a thread to consume CPU')
    void burn(process)
  }
  // A hundred steps at most, each as long as its chunks would take.
  const steps = Math.min(100, Math.ceil(total / Math.max(1, chunk)))
  for (let i = 0; i < steps; i++) {
    process.machine.memory?.take(total / steps)
    await process.sleep(((parseGoDuration(pause) ?? 1) * (total / Math.max(1, chunk))) / steps)
  }
  if (total > 0) await log('main.go:29', `Allocated ${JSON.stringify(option('mem-total', '0'))} memory`)
  return process.forever()
}

export const polinuxStress: ImageBehaviour = {
  repository: 'docker.io/polinux/stress', tags: ['latest', '1.0.4'], size: 4_041_495, command: ['/usr/local/bin/stress'], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }, programs: { '/usr/local/bin/stress': stress }, tools: busyboxTools,
}

export const vishStress: ImageBehaviour = {
  repository: 'docker.io/vish/stress', tags: ['latest'], size: 1_557_504, entrypoint: ['/stress'], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }, programs: { '/stress': vish },
}
