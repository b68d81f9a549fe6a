/** The world of the kubelet recordings: one node, the registry's images as the recorder had them, commands typed on the node as root. */
import { createCluster, type Cluster } from '#engine/cluster/create.ts'
import { singleNode } from '#engine/cluster/shapes.ts'
import { busybox } from '#engine/images/busybox.ts'
import { nginx } from '#engine/images/nginx/image.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { sittingPrograms } from '#session/programs.ts'

const environment = { HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'dumb', USER: 'root', LOGNAME: 'root', SHELL: '/bin/bash' }
const limit = 400_000

export interface Output {
  readonly stdout: string
  readonly stderr: string
  readonly exit: number | string
}

/** The lab's images: nginx without its entry point script, busybox whose user has a name or a number. */
function labImages(): ImageBehaviour[] {
  const { entrypoint: _entry, ...plainNginx } = nginx
  return [
    plainNginx,
    { ...busybox, repository: 'docker.io/library/named-user', tags: ['1.0'], user: 'www-data', users: [{ name: 'www-data', uid: 33, gid: 33, home: '/var/www' }] },
    { ...busybox, repository: 'docker.io/library/numbered-user', tags: ['1.0'], user: '1001', entrypoint: ['sleep'], command: ['3600'] },
  ]
}

export class NodeWorld {
  readonly runner: Runner
  readonly cluster: Cluster

  private constructor(runner: Runner, cluster: Cluster) {
    this.runner = runner
    this.cluster = cluster
  }

  static async start(seed: string): Promise<NodeWorld> {
    const sim = new Sim({ seed, start: Date.UTC(2026, 10, 21, 14, 0, 0) })
    const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
    const images = labImages()
    const cluster = createCluster({ sim, spec: singleNode, programs: sittingPrograms, images: [new Map(images.map((i) => [i.repository, i]))] })
    // The recorded control plane answered at the gateway's address too.
    const gateway = cluster.network.namespaces.get('gateway')!
    gateway.setSysctl('net.ipv4.ip_forward', '1')
    gateway.addRoute({ to: 'default', type: 'blackhole' })
    gateway.netfilter.restore('*nat\n-A PREROUTING -d 172.30.1.1/32 -p tcp -m tcp --dport 6443 -j DNAT --to-destination 172.30.1.2:6443\n-A POSTROUTING -d 172.30.1.2/32 -j MASQUERADE\nCOMMIT\n')
    await cluster.ready(runner)
    const { runtime } = cluster.nodes.get('node01')!
    for (const image of ['busybox:1.36', 'nginx:1.27', 'nginx:1.26', 'named-user:1.0', 'numbered-user:1.0']) runtime.load(image)
    await runner.runFor(120_000)
    return new NodeWorld(runner, cluster)
  }

  get host() {
    return this.cluster.workstation
  }

  async perform(cmd: string): Promise<Output> {
    let [stdout, stderr] = ['', '']
    const child = this.host.start({ argv: ['bash', '-c', `k() { kubectl "$@"; }\n${cmd}`], env: environment, cwd: '/root/lab', output: { stdin: '', stdout: (t) => (stdout += t), stderr: (t) => (stderr += t) } })
    const done = await this.runner.runWhile(() => child.status === undefined, limit)
    return { stdout, stderr, exit: done ? child.status!.code : 'timed out' }
  }

  writeFile(name: string, content: string): void {
    const path = name.startsWith('/') ? name : `/root/lab/${name}`
    this.host.fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    this.host.fs.writeFile(path, content)
  }

  async sleep(seconds: number): Promise<void> {
    await this.runner.runFor(seconds * 1000)
  }
}
