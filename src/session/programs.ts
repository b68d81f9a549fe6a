/** Every executable of the simulated machines, by name. */
import { packagePrograms } from '#programs/apt/table.ts'
import { etcdPrograms } from '#programs/etcd/table.ts'
import { kubeadm } from '#programs/kubeadm/kubeadm.ts'
import { complete } from '#programs/kubectl/complete.ts'
import { kubectl } from '#programs/kubectl/kubectl.ts'
import { busyboxNetPrograms } from '#programs/net/busybox.ts'
import { busyboxPrograms } from '#programs/busybox/table.ts'
import { netPrograms } from '#programs/net/table.ts'
import { nodeCompleters } from '#programs/node/completers.ts'
import { nodePrograms } from '#programs/node/table.ts'
import { textPrograms } from '#programs/text/table.ts'
import { createBash } from '#shell/bash.ts'
import type { ProgramTable } from '#engine/machine/machine.ts'

const bash = createBash({ completers: new Map([...nodeCompleters, ['kubectl', complete], ['k', complete]]) })

export const sittingPrograms: ProgramTable = new Map([...[...busyboxNetPrograms].map(([name, program]) => [`busybox:${name}`, program] as const), ...busyboxPrograms, ...textPrograms, ...netPrograms, ...nodePrograms, ...packagePrograms, ...etcdPrograms, ['bash', bash], ['sh', bash], ['kubectl', kubectl], ['kubeadm', kubeadm], ['k', kubectl]])
