/**
 * What kubelets tell of their containers' CPU and memory. CPU is what a container's processes computed in the last fifteen seconds, on top of what
 * such a program uses when idle; memory is what such a program holds. SIMPLIFICATION: idle shares and memory are typical values by image, a
 * little different from container to container; nothing grows with load but CPU.
 */
import { cpuPiece, type CpuAccount } from '#engine/machine/cpu.ts'

/** What one container's cgroup says, and who it is. */
export interface ContainerReading {
  readonly namespace: string
  readonly pod: string
  readonly name: string
  /** Repository. */
  readonly image: string
  readonly account: CpuAccount | undefined
  /** Bytes that its programs say they hold. */
  readonly held: number
  readonly startedAt: number
  /** Limit in millicores. */
  readonly limit: number | undefined
}

export interface NodeReading {
  readonly containers: readonly ContainerReading[]
  readonly account: CpuAccount | undefined
  readonly startedAt: number
  readonly controlPlane: boolean
  /** Allocatable millicores: more than that nobody uses. */
  readonly capacity: number
}

export interface Usage {
  /** Nanocores. */
  readonly cpu: number
  /** Bytes. */
  readonly memory: number
}

/** End of the repository's name → idle millicores, MiB. */
const typical: readonly (readonly [name: string, milli: number, mebi: number])[] = [
  ['etcd', 21, 47], ['kube-apiserver', 46, 248], ['kube-controller-manager', 15, 52], ['kube-scheduler', 4, 24], ['kube-proxy', 1, 17], ['coredns', 2, 15], ['flannel', 6, 16], ['calico/node', 24, 105], ['calico/kube-controllers', 3, 22],
  ['metrics-server', 4, 19], ['ingress-nginx/controller', 2, 88], ['pause', 0, 0.4], ['nginx', 0, 3.4], ['httpd', 0.6, 6.5], ['busybox', 0, 0.4], ['alpine', 0, 0.6], ['redis', 2.2, 4], ['mysql', 6, 420], ['mariadb', 2, 88], ['postgres', 1.5, 28],
  ['mongo', 6, 105], ['agnhost', 0, 5], ['hpa-example', 0.9, 9.5], ['python', 0.2, 11], ['node', 0.8, 34],
]
const other = ['', 0, 6] as const

/** The system's own daemons and page cache. */
const system = { worker: [34, 380], controlPlane: [58, 520] } as const
const mebi = 1024 * 1024

/** Between 0.88 and 1.12, always the same for one name. */
function own(name: string): number {
  let hash = 2166136261
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619)
  return 0.88 + ((hash >>> 8) % 1000) * 0.00024
}

/** The last whole piece before `now`. */
export const scrapedAt = (now: number) => Math.floor(now / cpuPiece) * cpuPiece

/** undefined: it has not run long enough to be measured. */
export function containerUsage(c: ContainerReading, end: number): Usage | undefined {
  const window = Math.min(cpuPiece, end - c.startedAt)
  if (window < 10_000) return undefined
  const [, milli, size] = typical.find(([name]) => c.image.endsWith(`/${name}`)) ?? other
  const factor = own(`${c.namespace}/${c.pod}/${c.name}`)
  const load = ((c.account?.usedBefore(end) ?? 0) / window) * 1000
  const used = Math.min(milli * factor + load, c.limit ?? Infinity)
  return { cpu: Math.round(used * 1e6), memory: Math.round((size * factor * mebi + c.held) / 4096) * 4096 }
}

export function nodeUsage(node: NodeReading, name: string, end: number): Usage | undefined {
  if (end - node.startedAt < cpuPiece) return undefined
  const [milli, size] = node.controlPlane ? system.controlPlane : system.worker
  const factor = own(name)
  const load = ((node.account?.usedBefore(end) ?? 0) / cpuPiece) * 1000
  let cpu = (milli * factor + load) * 1e6
  let memory = size * factor * mebi
  for (const c of node.containers) {
    const usage = containerUsage(c, end)
    if (!usage) continue
    cpu += usage.cpu
    memory += usage.memory
  }
  return { cpu: Math.round(Math.min(cpu, node.capacity * 1e6)), memory: Math.round(memory / 4096) * 4096 }
}
