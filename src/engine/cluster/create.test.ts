import { beforeAll, describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from '#base/bytes.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { jobs, type Job } from '#engine/kinds/job/types.ts'
import { nodes, nodeCondition, type Node } from '#engine/kinds/node/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { decodeCertificates, encodeRequestPem, verifyChain } from '#engine/machine/certificates.ts'
import type { Program } from '#engine/machine/process.ts'
import { FsError } from '#engine/machine/files.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createCluster, type Cluster } from './create.ts'
import { shapes } from './shapes.ts'

/** The few executables that these tests run. */
const programs = new Map<string, Program>([
  ['sleep', async (p) => {
    await p.sleep(Number(p.argv[1]) * 1000)
    return 0
  }],
  ['true', async () => 0],
  ['false', async () => 1],
  ['echo', async (p) => {
    await p.stdout.write(p.argv.slice(1).join(' ') + '\n')
    return 0
  }],
  ['cp', async () => 0],
])

interface World {
  readonly cluster: Cluster
  readonly runner: Runner
}

async function world(shape: string, seed = 'cluster'): Promise<World> {
  const sim = new Sim({ seed, start: Date.parse('2026-03-02T09:00:00Z') })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const cluster = createCluster({ sim, spec: shapes.get(shape)!, programs })
  expect(await cluster.ready(runner)).toBe(true)
  return { cluster, runner }
}

const run = (w: World, name: string, spec: Partial<Pod['spec']> & { containers: Pod['spec']['containers'] }) =>
  w.cluster.admin.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec })
const podOf = (w: World, name: string) => w.cluster.admin.get<Pod>(pods, 'default', name)
const eventsOf = (w: World, name: string) =>
  (w.cluster.api.store.list('events') as readonly (KubeObject & { involvedObject: { name: string }; reason: string; message: string; source?: { component?: string } })[]).filter((e) => e.involvedObject.name === name && e.source?.component === 'kubelet').map((e) => `${e.reason}: ${e.message}`)

describe('trio', () => {
  let w: World
  beforeAll(async () => {
    w = await world('trio')
  })

  test('comes up with its control plane, plugin and name server', () => {
    const { cluster } = w
    expect(cluster.admin.list<Node>(nodes).map((n) => [n.metadata.name, n.spec.podCIDR, nodeCondition(n, 'Ready')?.status])).toEqual([
      ['controlplane', '10.244.0.0/24', 'True'],
      ['node01', '10.244.1.0/24', 'True'],
      ['node02', '10.244.2.0/24', 'True'],
    ])
    const names = cluster.admin.list<Pod>(pods, { namespace: 'kube-system' }).map((p) => p.metadata.name.replace(/-[a-z0-9]{5}$/, '').replace(/-[a-z0-9]{7,10}$/, ''))
    expect([...new Set(names)].sort()).toEqual(['calico-kube-controllers', 'canal', 'coredns', 'etcd-controlplane', 'kube-apiserver-controlplane', 'kube-controller-manager-controlplane', 'kube-proxy', 'kube-scheduler-controlplane'])
  })

  test('a pod runs as processes of its node, with its log, address and files', async () => {
    run(w, 'hello', { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1.36', command: ['echo', 'hi', '$(WHO)'], env: [{ name: 'WHO', value: 'there' }] }] })
    await w.runner.runFor(20_000)
    const pod = podOf(w, 'hello')
    expect(pod.status?.phase).toBe('Succeeded')
    expect(pod.status?.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
    const host = w.cluster.hosts.get(pod.spec.nodeName!)!
    expect(host.fs.readFile(`/var/log/pods/default_hello_${pod.metadata.uid}/c/0.log`)).toMatch(/^\S+ stdout F hi there\n$/)
    expect(eventsOf(w, 'hello').map((e) => e.replace(/in [\d.ms]+ \([\d.ms]+ including waiting\)/, 'in T')).sort()).toEqual([
      'Created: Container created',
      'Pulled: Successfully pulled image "busybox:1.36" in T. Image size: 2223685 bytes.',
      'Pulling: Pulling image "busybox:1.36"',
      'Started: Container started',
    ])
  })

  test('crashes are restarted at once, then after 10, 20, 40 s', async () => {
    run(w, 'crash', { containers: [{ name: 'c', image: 'busybox:1.36', command: ['false'] }] })
    const seen = new Map<number, number>()
    for (let i = 0; i < 240; i++) {
      await w.runner.runFor(500)
      const n = podOf(w, 'crash').status?.containerStatuses?.[0]?.restartCount ?? 0
      if (!seen.has(n)) seen.set(n, w.cluster.sim.now)
    }
    const gap = (n: number) => (seen.get(n)! - seen.get(n - 1)!) / 1000
    expect(gap(1)).toBeLessThan(4)
    expect(gap(2)).toBeGreaterThanOrEqual(10)
    expect(gap(2)).toBeLessThan(20)
    expect(gap(3)).toBeGreaterThanOrEqual(20)
    expect(gap(3)).toBeLessThan(36)
  })

  test('an image that does not exist: ErrImagePull first, ImagePullBackOff 8 to 16 s later', async () => {
    // On the host's network, where no plugin writes annotations: these would bring a further sync, and with it the back-off, at once.
    run(w, 'typo', { hostNetwork: true, containers: [{ name: 'c', image: 'nginx:no-such-tag' }] })
    const first = new Map<string, number>()
    for (let i = 0; i < 60; i++) {
      await w.runner.runFor(500)
      const reason = podOf(w, 'typo').status?.containerStatuses?.[0]?.state.waiting?.reason
      if (reason && !first.has(reason)) first.set(reason, w.cluster.sim.now)
    }
    expect([...first.keys()]).toEqual(['ContainerCreating', 'ErrImagePull', 'ImagePullBackOff'])
    const wait = (first.get('ImagePullBackOff')! - first.get('ErrImagePull')!) / 1000
    expect(wait).toBeGreaterThan(8)
    expect(wait).toBeLessThan(16.5)
  })

  test('a stopped kubelet: its node is Unknown after about 50 s and back soon after', async () => {
    const host = w.cluster.hosts.get('node02')!
    const ready = () => nodeCondition(w.cluster.admin.get<Node>(nodes, undefined, 'node02'), 'Ready')?.status
    host.units.stop('kubelet')
    await w.runner.runFor(40_000)
    expect(ready()).toBe('True')
    await w.runner.runFor(25_000)
    expect(ready()).toBe('Unknown')
    host.units.start('kubelet')
    await w.runner.runFor(15_000)
    expect(ready()).toBe('True')
  })

  test('a broken manifest takes the API server down, the mended one brings it back', async () => {
    const host = w.cluster.hosts.get('controlplane')!
    const path = '/etc/kubernetes/manifests/kube-apiserver.yaml'
    const good = host.fs.readFile(path)
    const dial = async (): Promise<string> => {
      let answer = 'pending'
      w.cluster.workstation.start({
        argv: ['dial'],
        program: async (p) => {
          try {
            const connection = await p.sockets.connect('172.20.10.11', 6443, { timeout: 2000 })
            connection.close()
            answer = 'open'
          } catch (error) {
            if (!(error instanceof FsError)) throw error
            answer = error.code
          }
          return 0
        },
        output: { stdout: () => {}, stderr: () => {} },
      })
      await w.runner.runFor(3000)
      return answer
    }
    expect(await dial()).toBe('open')
    host.fs.writeFile(path, good.replace('--secure-port=6443', '--secure-prot=6443'))
    await w.runner.runFor(60_000)
    expect(await dial()).toBe('ECONNREFUSED')
    host.fs.writeFile(path, good)
    await w.runner.runFor(90_000)
    expect(await dial()).toBe('open')
  }, 30_000)

  test('a kubelet makes its serving certificate once; secrets are in memory file systems of the node', async () => {
    const { cluster, runner } = w
    const node = cluster.hosts.get('node01')!
    const text = node.fs.readFile('/var/lib/kubelet/pki/kubelet.crt')
    const [leaf, authority] = decodeCertificates(text)
    expect([leaf!.dnsNames, leaf!.subject.commonName.split('@')[0], leaf!.issuer, authority!.isCa]).toEqual([['node01'], 'node01', authority!.subject, true])
    expect(node.fs.readFile('/var/lib/kubelet/pki/kubelet.crt')).not.toBe(cluster.hosts.get('node02')!.fs.readFile('/var/lib/kubelet/pki/kubelet.crt'))
    node.units.stop('kubelet.service')
    await runner.runFor(2000)
    node.units.start('kubelet.service')
    await runner.runFor(2000)
    expect(node.fs.readFile('/var/lib/kubelet/pki/kubelet.crt')).toBe(text)
    cluster.admin.create({ group: '', version: 'v1', resource: 'secrets' }, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden', namespace: 'default' }, data: { key: toBase64('value') } } as KubeObject)
    run(w, 'keeper', { nodeName: 'node01', volumes: [{ name: 'hidden', secret: { secretName: 'hidden' } }], containers: [{ name: 'c', image: 'busybox', command: ['sleep', '3600'], volumeMounts: [{ name: 'hidden', mountPath: '/hidden' }] }] })
    await runner.runFor(10_000)
    const path = `/var/lib/kubelet/pods/${podOf(w, 'keeper').metadata.uid}/volumes/kubernetes.io~secret/hidden`
    expect(node.fs.readFile(`${path}/key`)).toBe('value')
    const mounted = () => node.fs.readFile('/proc/mounts').split('\n').filter((l) => l.includes(path)).map((l) => l.split(' ')[0])
    expect(mounted()).toEqual(['tmpfs'])
    cluster.admin.delete(pods, 'default', 'keeper', { gracePeriodSeconds: 0 })
    await runner.runFor(40_000)
    expect(mounted()).toEqual([])
  })
})

test('two seeds differ, one seed does not', async () => {
  const print = async (seed: string) => {
    const { cluster, runner } = await world('no-cni', seed)
    await runner.runFor(60_000)
    return JSON.stringify([cluster.api.store.list('pods'), cluster.api.store.list('events'), cluster.api.store.list('nodes')])
  }
  const first = await print('one')
  expect(await print('one')).toBe(first)
  expect(await print('two')).not.toBe(first)
})

test('the reference cluster has stand-ins: pods are ready at once and nothing runs', async () => {
  const w = await world('reference')
  run(w, 'web', { containers: [{ name: 'c', image: 'nginx' }] })
  await w.runner.runFor(1000)
  expect(podOf(w, 'web').status).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: true }] })
  expect(w.cluster.admin.list<Pod>(pods, { namespace: 'kube-system' })).toEqual([])
  w.cluster.admin.create<Job>(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'sting', namespace: 'default' }, spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox', command: ['false'] }] } } } } as unknown as Job)
  await w.runner.runFor(5000)
  expect(w.cluster.admin.get<Job>(jobs, 'default', 'sting').status?.conditions?.find((c) => c.type === 'Failed')?.reason).toBe('BackoffLimitExceeded')
  expect(w.cluster.admin.get<Node>(nodes, undefined, 'node01').status?.capacity).toEqual({ cpu: '4', 'ephemeral-storage': '100Gi', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', memory: '8Gi', pods: '110' })
})

test('a request approved is a certificate of the cluster and opens the API', async () => {
  const w = await world('reference')
  const request = encodeRequestPem({ commonName: 'ann', organizations: ['dev'], keyId: 'AB' })
  const made = w.cluster.admin.create<CertificateSigningRequest>(certificatesigningrequests, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'ann' }, spec: { request: toBase64(request), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] } })
  w.cluster.admin.update(certificatesigningrequests, { ...made, status: { conditions: [{ type: 'Approved', status: 'True' }] } }, 'approval')
  await w.runner.runFor(1000)
  const pem = fromBase64(w.cluster.admin.get<CertificateSigningRequest>(certificatesigningrequests, undefined, 'ann').status?.certificate ?? '')!
  const root = decodeCertificates(w.cluster.workstation.fs.readFile('/etc/kubernetes/pki/ca.crt'))
  expect(verifyChain(decodeCertificates(pem), { roots: root, now: w.cluster.workstation.sim.now })).toBeUndefined()
  expect(decodeCertificates(pem)[0]).toMatchObject({ subject: { commonName: 'ann', organizations: ['dev'] }, keyId: 'AB', usages: ['client auth'] })
})
