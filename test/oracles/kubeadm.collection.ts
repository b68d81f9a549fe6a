/**
 * What the real kubeadm printed and wrote (kube-proxy/kubeadm), in the order of the recording: one machine without a container runtime, a service manager and control groups; etcd, the API
 * server and a controller manager are started as plain processes once their certificates are there, the Node and the mirror Pods are made by hand, as the recorder did.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBase64 } from '#base/bytes.ts'
import { parseYaml } from '#base/yaml.ts'
import { createCluster, type Cluster } from '#engine/cluster/create.ts'
import { startBootstrapSigner } from '#engine/control/bootstrap/signer.ts'
import { ControllerContext } from '#engine/control/controller.ts'
import { trio } from '#engine/cluster/shapes.ts'
import type { ClusterSpec } from '#engine/cluster/spec.ts'
import { decodeCertificates, type Certificate } from '#engine/machine/certificates.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { sittingPrograms } from '#session/programs.ts'
import { collection, type Outcome } from './collection.ts'

interface WrittenFile {
  readonly mode: string
  readonly content?: string | readonly string[]
  readonly certificate?: readonly string[]
  readonly 'client-certificate'?: readonly string[]
}

interface Case {
  readonly id: string
  readonly area: string
  readonly command: string
  readonly exit: number
  readonly note?: string
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly 'files-before'?: Readonly<Record<string, readonly string[]>>
  readonly 'files-written'?: Readonly<Record<string, WrittenFile>>
  readonly 'files-removed'?: readonly string[]
}

/** The order in which the areas were recorded. */
const areas = ['help', 'version-and-defaults', 'images', 'config-files', 'certificates', 'kubeconfig-files', 'static-pods', 'kubelet', 'preflight', 'cluster-objects', 'addons', 'tokens', 'upgrade', 'join', 'reset']

const address = '172.30.1.2'
const spec: ClusterSpec = {
  ...trio, name: 'kubeadm', nodes: [{ name: 'controlplane', address, roles: [], cpu: '4', memory: '8Gi', blank: true }],
  workstation: { name: 'controlplane', address, user: 'root', home: '/root', cwd: '/srv/drill' }, plugin: 'none', podCidr: '192.168.0.0/16',
}

const environment = { HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'dumb', USER: 'root', LOGNAME: 'root', SHELL: '/bin/bash' }
const watched = ['/etc/kubernetes', '/var/lib/kubelet', '/var/lib/etcd', '/srv/drill']

type Files = Map<string, { readonly mode: string; readonly text: string }>

class World {
  readonly runner: Runner
  readonly cluster: Cluster
  key = ''

  constructor() {
    const sim = new Sim({ seed: 'kubeadm', start: Date.UTC(2026, 10, 21, 12, 0, 0) })
    this.runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
    this.cluster = createCluster({ sim, spec, programs: sittingPrograms })
  }

  get host() {
    return this.cluster.hosts.get('controlplane')!
  }

  async start(): Promise<void> {
    await this.runner.runFor(1000)
    const { host } = this
    host.units.stop('containerd.service')
    host.units.stop('ssh.service')
    await this.runner.runFor(1000)
    // A service manager that answers nothing, no control groups, no name server.
    host.fs.writeFile('/usr/local/sbin/systemctl', '#!/bin/sh\nexit 1\n')
    host.fs.chmod('/usr/local/sbin/systemctl', 0o755)
    await this.perform('umount /sys/fs/cgroup')
    host.fs.writeFile('/etc/resolv.conf', '')
    host.fs.writeFile('/etc/hosts', `127.0.0.1\tlocalhost\n${address}\tcontrolplane\n`)
    for (const folder of ['/run/containerd', '/opt/cni', '/etc/cni']) await this.perform(`rm -rf ${folder}`)
    host.fs.mkdir('/srv/drill/patches', { parents: true })
  }

  async perform(command: string): Promise<{ stdout: string; stderr: string; exit: number | string }> {
    let [stdout, stderr] = ['', '']
    const child = this.host.start({ argv: ['bash', '-c', command], env: environment, cwd: '/srv/drill', output: { stdin: '', stdout: (t) => (stdout += t), stderr: (t) => (stderr += t) } })
    const done = await this.runner.runWhile(() => child.status === undefined, 400_000)
    return { stdout, stderr, exit: done ? child.status!.code : 'timed out' }
  }

  files(): Files {
    const out: Files = new Map()
    const { fs } = this.host
    const walk = (path: string): void => {
      if (!fs.exists(path)) return
      const stat = fs.lstat(path)
      if (stat.type === 'directory') for (const name of fs.readDir(path)) walk(`${path}/${name}`)
      else if (stat.type === 'file') out.set(path, { mode: stat.mode.toString(8), text: fs.readFile(path) })
    }
    for (const root of watched) walk(root)
    return out
  }

  /** etcd and the API server with the flags of their manifests. */
  async startControlPlane(): Promise<void> {
    for (const name of ['etcd', 'kube-apiserver']) {
      const pod = parseYaml(this.host.fs.readFile(`/etc/kubernetes/manifests/${name}.yaml`)) as { spec: { containers: { command: string[] }[] } }
      const tag = name === 'etcd' ? '3.6.6-0' : 'v1.35.4'
      const image = this.cluster.registry.lookup(`registry.k8s.io/${name}:${tag}`)
      const program = Object.values(image?.behaviour.programs ?? {})[0]!
      this.host.start({ argv: pod.spec.containers[0]!.command, program: (process) => program(process, undefined as never), output: { stdout: () => {}, stderr: () => {} } })
      await this.runner.runFor(3000)
    }
    // Of the controller manager only the signer of cluster-info ran.
    startBootstrapSigner(new ControllerContext(this.cluster.sim, this.cluster.api.client({ name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] })))
  }

  /** The Node and the mirror pod of the API server, as the recorder made them. */
  async makeObjects(): Promise<void> {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'controlplane', labels: { 'kubernetes.io/hostname': 'controlplane', 'kubernetes.io/os': 'linux' } } }
    const k = 'kubectl --kubeconfig /etc/kubernetes/super-admin.conf'
    const status = { addresses: [{ address, type: 'InternalIP' }], conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }], nodeInfo: { architecture: 'amd64', containerRuntimeVersion: 'containerd://2.1.4', kubeletVersion: 'v1.35.4', operatingSystem: 'linux' } }
    await this.perform(`echo '${JSON.stringify(node)}' | ${k} create -f -; ${k} patch node controlplane --subresource status --type merge -p '${JSON.stringify({ status })}'`)
    await this.perform(`sed 's/^  name: kube-apiserver$/  name: kube-apiserver-controlplane/; s/^  hostNetwork: true/  hostNetwork: true\\n  nodeName: controlplane/; /^status/d' /etc/kubernetes/manifests/kube-apiserver.yaml | ${k} create -f - ; ${k} -n kube-system patch pod kube-apiserver-controlplane --subresource status --type merge -p '{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}]}}'`)
  }
}

/** A value of these keys is <base64> whatever it is. */
const secretKeys = /((?:certificate-authority-data|client-certificate-data|client-key-data|expiration): ).*$/

function normal(line: string): string {
  return line
    .replace(/^([IWEF])\d{4} \S+ +\d+ ([\w.]+):\d+\]/, '$1 $2]')
    .replace(secretKeys, '$1<base64>')
    .replace(/(jws-kubeconfig-\w+: ).*/, '$1<signature>')
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:<hash>')
    .replace(/\b(?![a-c]{3}[a-f]{3}\.0123456789abcdef)[a-z0-9]{6}\.[a-z0-9]{16}\b/g, 'xxxxxx.xxxxxxxxxxxxxxxx')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'YYYY-MM-DDTHH:MM:SSZ')
    .replace(/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d\d, \d{4} \d\d:\d\d UTC/g, 'Mmm DD, YYYY HH:MM UTC')
    .replace(/(uid: )[0-9a-f-]{36}/, '$1<uid>')
    .replace(/(resourceVersion: )"\d+"/, '$1<resourceVersion>')
    .replace(/(kubeadm-\w+-dryrun)\d+/g, '$1<random>')
    .replace(/upgrade-health-check-\w+/g, 'upgrade-health-check-<random>')
    .replace(/kube-api-access-\w{5}\b/g, 'kube-api-access-<random>')
    .replace(/127\.0\.0\.1:\d+->/g, '127.0.0.1:PORT->')
    .trimEnd()
}

const lines = (text: string) => text.replace(/\n+$/, '').split('\n').map(normal)
const wanted = (list: readonly string[]) => lines(list.join('\n'))

function certificateLines(c: Certificate, ca: boolean): string[] {
  const name = (n: Certificate['subject']) => [...n.organizations.map((o) => `O = ${o}`), `CN = ${n.commonName}`].join(', ')
  const usages = c.usages.map((u) => (u === 'server auth' ? 'TLS Web Server Authentication' : 'TLS Web Client Authentication'))
  const alternates = [...c.dnsNames.map((d) => `DNS:${d}`), ...c.ipAddresses.map((i) => `IP Address:${i === '::1' ? '0:0:0:0:0:0:0:1' : i}`)]
  return [
    `subject=${name(c.subject)}`, `issuer=${name(c.issuer)}`, 'X509v3 Key Usage: critical', `    Digital Signature, Key Encipherment${ca ? ', Certificate Sign' : ''}`,
    ...(usages.length > 0 ? ['X509v3 Extended Key Usage:', `    ${usages.join(', ')}`] : []), 'X509v3 Basic Constraints: critical', `    CA:${ca ? 'TRUE' : 'FALSE'}`,
    ...(alternates.length > 0 ? ['X509v3 Subject Alternative Name:', `    ${alternates.join(', ')}`] : []), `valid for ${Math.round((c.notAfter - c.notBefore) / 86_400_000)} days`, 'rsaEncryption 2048 bit',
  ]
}

interface Result {
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly exit: number | string
  readonly before: Files
  readonly after: Files
}

function compareFiles(c: Case, r: Result): string[] {
  const problems: string[] = []
  const random = (path: string) => normal(path)
  const written = new Map([...r.after].filter(([path, f]) => r.before.get(path)?.text !== f.text || r.before.get(path)?.mode !== f.mode).map(([path, f]) => [random(path), f]))
  const expected = c['files-written'] ?? {}
  for (const [path, want] of Object.entries(expected)) {
    const got = written.get(path)
    if (!got) {
      // Written again with the same content.
      const same = [...r.after].find(([p]) => random(p) === path)?.[1]
      if (!same) problems.push(`${path}: not written`)
      continue
    }
    if (got.mode !== want.mode) problems.push(`${path}: mode ${got.mode}, expected ${want.mode}`)
    if (Array.isArray(want.content)) {
      const [a, b] = [lines(got.text), wanted(want.content as string[])]
      const at = b.findIndex((l, i) => l !== a[i])
      if (at >= 0 || a.length !== b.length) problems.push(`${path}: line ${at}: ${a[at]} instead of ${b[at]}`)
    }
    const pem = want.certificate ? got.text : want['client-certificate'] ? (fromBase64(/client-certificate-data: (\S+)/.exec(got.text)?.[1] ?? '') ?? '') : undefined
    if (pem !== undefined) {
      const leaf = decodeCertificates(pem)[0]
      const a = leaf ? certificateLines(leaf, leaf.isCa) : []
      const b = want.certificate ?? want['client-certificate']!
      if (a.join('\n') !== b.join('\n')) problems.push(`${path}: ${a.join(' | ')} instead of ${b.join(' | ')}`)
    }
  }
  const known = new Set(Object.keys(expected))
  for (const path of written.keys()) if (!known.has(path) && !path.startsWith('/var/lib/etcd') && !path.startsWith('/srv/drill')) problems.push(`${path}: written, but not expected`)
  const removed = [...r.before.keys()].filter((p) => !r.after.has(p) && !p.startsWith('/var/lib/etcd'))
  const away = (c['files-removed'] ?? []).filter((p) => !p.startsWith('/var/lib/etcd'))
  for (const p of away) if (r.after.has(p)) problems.push(`${p}: not removed`)
  for (const p of removed) if (!away.includes(p) && !p.startsWith('/srv/drill') && c.area !== 'certificates') problems.push(`${p}: removed, but not expected`)
  return problems
}

/** Help texts and lists of columns are compared whole; a dump of managed fields is the API server's business. */
function judge(c: Case, r: Result): Outcome {
  const out = wanted(c.stdout)
  const err = wanted(c.stderr)
  const expected = [`[exit ${c.exit}]`, ...out, '--', ...err].join('\n')
  const actual = [`[exit ${r.exit}]`, ...r.stdout, '--', ...r.stderr].join('\n')
  if (expected !== actual) return { result: 'failed', expected, actual }
  const problems = compareFiles(c, r)
  return problems.length === 0 ? { result: 'passed' } : { result: 'failed', expected: 'the same files', actual: problems.join('\n') }
}

let recording: Promise<Map<string, Result>> | undefined

async function play(cases: readonly Case[]): Promise<Map<string, Result>> {
  const world = new World()
  await world.start()
  // Of the pre-flight checks' machine nothing but the ports was taken.
  const other = new World()
  await other.start()
  for (const port of [6443, 10257, 2379, 2380]) other.host.start({ argv: ['nc', '-lk', String(port)], output: { stdout: () => {}, stderr: () => {} } })
  const results = new Map<string, Result>()
  let started = false
  for (const c of cases) {
    const needsServer = ['cluster-objects', 'addons', 'tokens', 'upgrade', 'join', 'reset'].includes(c.area) || /^export KUBECONFIG/.test(c.command)
    if (needsServer && !started) {
      started = true
      await world.startControlPlane()
    }
    if (c.id === 'cluster-objects/1') await world.makeObjects()
    await world.runner.runFor(1500)
    await prepare(world, c)
    if (c.area === 'preflight') await prepare(other, c)
    const machine = c.area === 'preflight' ? other : world
    // The machine that joined was no node yet.
    const away = c.area === 'join' ? 'etc-kubernetes' : undefined
    if (away) await world.perform(`mv /etc/kubernetes /root/${away}; mkdir -p /etc/kubernetes/manifests`)
    const before = machine.files()
    const r = await machine.perform(c.command)
    if (away) await world.perform(`rm -rf /etc/kubernetes; mv /root/${away} /etc/kubernetes`)
    results.set(c.id, { stdout: lines(r.stdout), stderr: lines(r.stderr), exit: r.exit, before, after: away ? before : machine.files() })
    if (c.note?.startsWith('apiserver.key was removed')) world.host.fs.writeFile('/etc/kubernetes/pki/apiserver.key', world.key, { mode: 0o600 })
  }
  return results
}

/** What the recorder did between two commands. */
async function prepare(world: World, c: Case): Promise<void> {
  const { fs } = world.host
  for (const [path, content] of Object.entries(c['files-before'] ?? {})) {
    fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    fs.writeFile(path, `${content.join('\n')}\n`)
  }
  if (c.note?.startsWith('apiserver.key was removed')) {
    world.key = fs.readFile('/etc/kubernetes/pki/apiserver.key')
    fs.unlink('/etc/kubernetes/pki/apiserver.key')
  }
  if (c.id === 'tokens/6') await world.perform('kubeadm token create bbbbbb.0123456789abcdef')
  // The authority's digest is another one here.
  if (c.area === 'join' && fs.exists('/srv/drill/join.yaml') && !c.note?.includes('wrong')) {
    const pin = (await world.perform("kubeadm --kubeconfig /etc/kubernetes/admin.conf token create --print-join-command --ttl 1s | grep -o 'sha256:[0-9a-f]*'")).stdout.trim()
    fs.writeFile('/srv/drill/join.yaml', fs.readFile('/srv/drill/join.yaml').replace(/sha256:(?!0{64})[0-9a-f]{64}/, pin))
  }
}

export const collections = [
  collection<Case>({
    name: 'kube-proxy/kubeadm',
    needs: ['golden/kube-proxy/kubeadm'],
    load: (shared) => {
      const all = areas.flatMap((area) => (JSON.parse(readFileSync(join(shared, 'golden/kube-proxy/kubeadm', `${area}.json`), 'utf8')) as Omit<Case, 'id' | 'area'>[]).map((c, i) => ({ ...c, id: `${area}/${i}`, area })))
      // Commands with a kubeconfig came when the server ran; the rest of the certificates came first.
      const late = all.filter((c) => c.area === 'certificates' && /^export KUBECONFIG/.test(c.command))
      const rest = all.filter((c) => !late.includes(c))
      const at = rest.findIndex((c) => c.area === 'upgrade')
      const ordered = [...rest.slice(0, at), ...late, ...rest.slice(at)]
      recording = play(ordered)
      return ordered
    },
    id: (c) => c.id,
    run: async (c) => judge(c, (await recording!).get(c.id)!),
  }),
]
