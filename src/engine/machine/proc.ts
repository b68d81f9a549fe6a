/**
 * /proc and /sys as computed trees: processes, mounts, kernel settings (/proc/sys is the view on sysctl that programs and
 * learners read and write), the network's tables, and what `free`, `uptime` and `ps` read. Leaves out: most of the rest.
 */
import { parseIpv4 } from '#base/ip.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { FsError } from './files.ts'
import { Handle } from './handle.ts'
import type { Realm } from './kernel.ts'
import type { Task } from './task.ts'
import { hostSysctls, kernelRelease, kernelVersion } from './sysctl-keys.ts'
import { asErrno } from './socket-face.ts'
import { computedDirInode, computedInode, FileTree, Inode, symlinkInode, type ComputedDir, type Superblock } from './tree.ts'
import type { MountNamespace } from './vfs.ts'

type Entries = Readonly<Record<string, (() => Inode) | undefined>>

export function procTree(realm: Realm, options: { readonly readOnlySys?: boolean } = {}): FileTree {
  const tree = new FileTree({ mode: 0o555 })
  const sb = tree.superblock
  const file = (read: () => string, write?: (text: string) => void) => () => computedInode(sb, write ? { read, write } : { read })
  const swaps = () => realm.host.swaps!
  const dir = (entries: Entries) => computedDirInode(sb, { list: () => Object.keys(entries), lookup: (name) => entries[name]?.() })
  const netOf = (pid: number) => realm.space.tasks.get(pid)?.net ?? realm.net
  const top: Readonly<Record<string, (pid: number) => Inode>> = {
    self: (pid) => symlinkInode(sb, String(pid)),
    'thread-self': (pid) => symlinkInode(sb, `${pid}/task/${pid}`),
    cmdline: file(() => 'BOOT_IMAGE=/boot/vmlinuz-6.1.0-29-amd64 root=/dev/sda1 ro quiet\n'),
    cpuinfo: file(cpuInfo),
    filesystems: file(() => 'nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevpts\n\text4\nnodev\toverlay\n'),
    loadavg: file(() => `0.08 0.03 0.01 1/${realm.kernel.pids.tasks.size} ${[...realm.space.tasks.keys()].at(-1) ?? 1}\n`),
    meminfo: file(() => memInfo(swaps().kilobytes)),
    modules: file(() => realm.host.modules!.text),
    mounts: (pid) => symlinkInode(sb, `${pid === 0 ? 1 : 'self'}/mounts`),
    net: () => symlinkInode(sb, 'self/net'),
    stat: file(() => `cpu  0 0 0 0 0 0 0 0 0 0\nbtime ${Math.floor(realm.host.bootTime / 1000)}\nprocesses ${realm.kernel.pids.tasks.size}\n`),
    swaps: file(() => swaps().text),
    sys: (pid) => sysctlDir(sb, realm, netOf(pid), options.readOnlySys ?? false, pid),
    uptime: file(() => { const up = ((realm.sim.now - realm.host.bootTime) / 1000).toFixed(2); return `${up} ${up}\n` }),
    version: file(() => `Linux version ${kernelRelease} (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) ${kernelVersion}\n`),
  }
  tree.root.computedDir = {
    list: () => [...[...realm.space.tasks.keys()].map(String), ...Object.keys(top)],
    lookup: (name, pid) => {
      const task = /^\d+$/.test(name) ? realm.space.tasks.get(Number(name)) : undefined
      if (task) return taskDir(sb, realm, task, dir, file)
      return Object.hasOwn(top, name) ? top[name]!(pid) : undefined
    },
  }
  return tree
}

function taskDir(sb: Superblock, realm: Realm, task: Task, dir: (e: Entries) => Inode, file: (read: () => string) => () => Inode): Inode {
  const state = task.stopped ? 'T' : 'S'
  const inSpace = (t: Task | undefined) => (t?.alive ? (t.pids.get(realm.space) ?? 0) : 0)
  const pid = inSpace(task)
  const fds: ComputedDir = {
    list: () => [...task.fds.keys()].map(String),
    lookup: (name) => {
      const handle = task.fds.get(Number(name))
      if (!handle) return undefined
      const link = symlinkInode(sb, handle.target)
      if (handle instanceof Handle) link.openDevice = () => handle.description
      return link
    },
  }
  const inode = dir({
    cmdline: file(() => task.argv.join('\0') + '\0'),
    comm: file(() => commandName(task) + '\n'),
    cwd: () => symlinkInode(sb, task.cwd),
    environ: file(() => [...task.env].map(([k, v]) => `${k}=${v}\0`).join('')),
    exe: () => symlinkInode(sb, task.executable),
    fd: () => {
      const folder = computedDirInode(sb, fds, 0o500)
      folder.uid = task.user.uid
      folder.gid = task.user.gid
      return folder
    },
    mountinfo: file(() => mountInfo(task.mounts)),
    mounts: file(() => mountsText(task.mounts)),
    net: () => netDir(sb, task.net),
    ns: () => dir(Object.fromEntries(Object.entries(namespacesOf(task)).map(([k, v]) => [k, () => symlinkInode(sb, v)]))),
    root: () => {
      const link = symlinkInode(sb, '/')
      return task.mounts === realm.mounts ? link : computedDirInode(sb, { list: () => task.mounts.root.inode.names(), lookup: (name) => mounted(task.mounts, name) })
    },
    stat: file(() => `${pid} (${commandName(task)}) ${state} ${inSpace(task.parent)} ${realm.space.fromHost(task.groupId)} ${realm.space.fromHost(task.groupId)} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 ${Math.floor((task.started - realm.host.bootTime) / 10)} 0 0\n`),
    status: file(() => `Name:\t${commandName(task)}\nUmask:\t${task.umask.toString(8).padStart(4, '0')}\nState:\t${state === 'T' ? 'T (stopped)' : 'S (sleeping)'}\nTgid:\t${pid}\nNgid:\t0\nPid:\t${pid}\nPPid:\t${inSpace(task.parent)}\nTracerPid:\t0\nUid:\t${Array(4).fill(task.user.uid).join('\t')}\nGid:\t${Array(4).fill(task.user.gid).join('\t')}\nGroups:\t${task.user.groups.join(' ')} \nThreads:\t1\n${signalLines}${securityLines(task, realm)}`),
  })
  inode.uid = task.user.uid
  inode.gid = task.user.gid
  return inode
}

const zeros = '0'.repeat(16)
const signalLines = `SigQ:\t0/31405\nSigPnd:\t${zeros}\nShdPnd:\t${zeros}\nSigBlk:\t${zeros}\nSigIgn:\t${zeros}\nSigCgt:\t${zeros}\n`

/** Capabilities in the order of their bits. */
const capabilityNames = 'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(' ')

function capabilityMask(names: ReadonlySet<string> | undefined): string {
  let mask = 0n
  for (const [bit, name] of capabilityNames.entries()) if (!names || names.has('ALL') || names.has(name)) mask |= 1n << BigInt(bit)
  return mask.toString(16).padStart(16, '0')
}

/** What a process may beyond its user's rights; only root's are in effect. */
function securityLines(task: Task, realm: Realm): string {
  const bound = capabilityMask(realm.capabilities)
  const own = task.user.uid === 0 ? bound : zeros
  const filtered = realm.seccomp ?? false
  return `CapInh:\t${zeros}\nCapPrm:\t${own}\nCapEff:\t${own}\nCapBnd:\t${bound}\nCapAmb:\t${zeros}\nNoNewPrivs:\t${realm.noNewPrivileges ? 1 : 0}\nSeccomp:\t${filtered ? 2 : 0}\nSeccomp_filters:\t${filtered ? 1 : 0}\n`
}

function mounted(mounts: MountNamespace, name: string): Inode | undefined {
  const child = mounts.root.inode.child(name)
  return child && (mounts.mountedOn(child)?.root ?? child)
}

/** What `ps` calls the process: the base name of its file, 15 characters. */
export function commandName(task: Task): string {
  const name = (task.executable || task.argv[0] || '').replace(/^.*\//, '')
  const script = /^(?:ba|da)?sh$/.test(name) ? name : (task.argv[0] ?? name).replace(/^-/, '').replace(/^.*\//, '')
  return script.slice(0, 15)
}

/** The inode numbers of the namespaces that a process is in, as /proc/PID/ns shows them. */
export function namespacesOf(task: Task): Readonly<Record<string, string>> {
  const kernel = task.kernel
  const net = kernel.namespaceNumber(task.net)
  const pid = kernel.namespaceNumber(task.space)
  const mnt = kernel.namespaceNumber(task.mounts)
  const uts = kernel.namespaceNumber(task.machine)
  return {
    cgroup: 'cgroup:[4026531835]', ipc: 'ipc:[4026531839]', mnt: `mnt:[${mnt}]`, net: `net:[${net}]`, pid: `pid:[${pid}]`, pid_for_children: `pid:[${pid}]`, time: 'time:[4026531834]',
    time_for_children: 'time:[4026531834]', user: 'user:[4026531837]', uts: `uts:[${uts}]`,
  }
}

function mountsText(mounts: MountNamespace): string {
  return mounts.mounts.map((m) => `${m.source} ${m.path} ${m.type} ${m.readOnly ? 'ro' : 'rw'},${m.options} 0 0\n`).join('')
}

function mountInfo(mounts: MountNamespace): string {
  return mounts.mounts.map((m, i) => `${i + 20} ${i === 0 ? 1 : 20} 0:${i + 20} / ${m.path} ${m.readOnly ? 'ro' : 'rw'},${m.options} - ${m.type} ${m.source} rw\n`).join('')
}

function cpuInfo(): string {
  return [0, 1].map((n) => `processor\t: ${n}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\ncpu MHz\t\t: 2200.000\ncpu cores\t: 2\n\n`).join('')
}

/** A host of 4 GiB. Kibibytes. */
export const memory = { total: 4_026_064, free: 1_243_512, buffers: 61_204, cached: 1_904_336, available: 2_802_456 } as const

function memInfo(swap: number): string {
  const rows: [string, number][] = [['MemTotal', memory.total], ['MemFree', memory.free], ['MemAvailable', memory.available], ['Buffers', memory.buffers], ['Cached', memory.cached], ['SwapCached', 0], ['SwapTotal', swap], ['SwapFree', swap]]
  return rows.map(([k, v]) => `${(k + ':').padEnd(15)} ${String(v).padStart(8)} kB\n`).join('')
}

/** /proc/sys: directories by the dots of the keys; a device's name may itself have dots (written `/` in keys). */
function sysctlDir(sb: Superblock, realm: Realm, net: NetNamespace, readOnly: boolean, _pid: number): Inode {
  const keys = () => [...Object.keys(hostSysctls), ...net.sysctlKeys, 'kernel.hostname', 'kernel.random.boot_id']
  const get = (key: string) => (key.startsWith('net.') ? net.sysctl(key) : realm.sysctl(key))
  const split = (key: string) => key.split('.').map((part) => part.replaceAll('/', '.'))
  const node = (prefix: readonly string[]): Inode | undefined => {
    const key = prefix.map((p) => p.replaceAll('.', '/')).join('.')
    if (prefix.length > 0 && get(key) !== undefined) {
      const write = (text: string) => {
        const value = text.replace(/\n$/, '')
        if (key.startsWith('net.')) {
          try {
            net.setSysctl(key, value)
          } catch (error) {
            throw asErrno(error)
          }
        } else if (!realm.setSysctl(key, value)) throw new FsError('EINVAL')
      }
      const inode = computedInode(sb, { read: () => get(key) + '\n', write })
      inode.frozen = readOnly
      return inode
    }
    const below = () => [...new Set(keys().map(split).filter((k) => prefix.every((p, i) => k[i] === p) && k.length > prefix.length).map((k) => k[prefix.length]!))]
    if (prefix.length > 0 && below().length === 0) return undefined
    return computedDirInode(sb, { list: below, lookup: (name) => node([...prefix, name]) })
  }
  return node([])!
}

const hex = (address: string, port: number | undefined) => {
  const ip = parseIpv4(address) ?? 0
  const bytes = [ip & 255, (ip >>> 8) & 255, (ip >>> 16) & 255, ip >>> 24].map((b) => b.toString(16).padStart(2, '0')).join('').toUpperCase()
  return port === undefined ? bytes : `${bytes}:${port.toString(16).padStart(4, '0').toUpperCase()}`
}

const tcpStates: Readonly<Record<string, string>> = { ESTAB: '01', ESTABLISHED: '01', 'SYN-SENT': '02', 'SYN-RECV': '03', 'FIN-WAIT-1': '04', 'FIN-WAIT-2': '05', 'TIME-WAIT': '06', CLOSE: '07', UNCONN: '07', 'CLOSE-WAIT': '08', 'LAST-ACK': '09', LISTEN: '0A', CLOSING: '0B' }

function netDir(sb: Superblock, net: NetNamespace): Inode {
  const table = (protocol: string) => () => {
    const rows = net.sockets.list().filter((s) => s.protocol === protocol)
    const part = (text: string) => {
      const colon = text.lastIndexOf(':')
      return hex(text.slice(0, colon).replace('*', '0.0.0.0'), Number(text.slice(colon + 1)) || 0)
    }
    return '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
      + rows.map((s, i) => `${String(i).padStart(4)}: ${part(s.local)} ${part(s.remote)} ${tcpStates[s.state.toUpperCase()] ?? '07'} 00000000:00000000 00:00000000 00000000     0        0 ${20000 + i} 1 0000000000000000 100 0 0 10 0\n`).join('')
  }
  const files: Readonly<Record<string, () => string>> = {
    dev: () => 'Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n'
      + [...net.links.keys()].map((name) => `${name.padStart(6)}: ${'      0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0'}\n`).join(''),
    route: () => 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n'
      + net.routes().filter((r) => r.device !== undefined).map((r) => {
        const [to, length] = r.to === 'default' ? ['0.0.0.0', '0'] : r.to.includes('/') ? r.to.split('/') : [r.to, '32']
        const n = Number(length)
        const mask = n === 0 ? 0 : (0xffffffff << (32 - n)) >>> 0
        const maskText = `${mask >>> 24}.${(mask >>> 16) & 255}.${(mask >>> 8) & 255}.${mask & 255}`
        return `${r.device}\t${hex(to!, undefined)}\t${hex(r.via ?? '0.0.0.0', undefined)}\t${(1 + (r.via ? 2 : 0) + (n === 32 ? 4 : 0)).toString(16).padStart(4, '0').toUpperCase()}\t0\t0\t${r.metric ?? 0}\t${hex(maskText, undefined)}\t0\t0\t0`.padEnd(127) + '\n'
      }).join(''),
    arp: () => 'IP address       HW type     Flags       HW address            Mask     Device\n' + net.neighbours().filter((n) => n.state !== 'NOARP').map((n) => `${n.address.padEnd(16)} 0x1         0x${n.state === 'PERMANENT' ? 6 : n.mac === undefined ? 0 : 2}         ${n.mac ?? '00:00:00:00:00:00'}     *        ${n.device}\n`).join(''),
    tcp: table('tcp'), udp: table('udp'),
  }
  return computedDirInode(sb, { list: () => Object.keys(files), lookup: (name) => (Object.hasOwn(files, name) ? computedInode(sb, { read: files[name]! }) : undefined) })
}

/** /sys: network devices and the few other corners that scripts look into. */
/** The unified hierarchy of control groups: what is switched on; the groups themselves are left out. */
export function cgroupTree(): FileTree {
  const controllers = 'cpuset cpu io memory hugetlb pids rdma misc\n'
  return new FileTree({ mode: 0o555 }).file('/cgroup.controllers', controllers).file('/cgroup.subtree_control', controllers)
}

export function sysTree(realm: Realm): FileTree {
  const tree = new FileTree({ mode: 0o555 })
  const sb = tree.superblock
  const device = (pid: number, name: string): Inode | undefined => {
    const net = realm.space.tasks.get(pid)?.net ?? realm.net
    const link = net.links.get(name)
    if (!link) return undefined
    const files: Record<string, string> = {
      address: link.mac, broadcast: 'ff:ff:ff:ff:ff:ff', carrier: link.carrier ? '1' : '0', flags: link.up ? '0x1003' : '0x1002', ifindex: String(link.index), mtu: String(link.mtu),
      operstate: link.kind === 'loopback' ? 'unknown' : link.up && link.carrier ? 'up' : 'down', type: link.kind === 'loopback' ? '772' : '1', tx_queue_len: '1000',
    }
    const port = link.port && { hairpin_mode: link.port.hairpin ? '1' : '0', state: link.port.state === 'forwarding' ? '3' : '0', path_cost: String(link.port.cost), priority: String(link.port.priority), learning: link.port.learning ? '1' : '0', isolated: link.port.isolated ? '1' : '0' } as Record<string, string> | undefined
    const directory = (texts: Readonly<Record<string, string>>): ComputedDir => ({ list: () => Object.keys(texts), lookup: (n) => (Object.hasOwn(texts, n) ? computedInode(sb, { read: () => texts[n]! + '\n' }) : undefined) })
    const own = directory(files)
    return computedDirInode(sb, { list: () => [...own.list(), ...(port ? ['brport'] : [])], lookup: (n, asking) => (n === 'brport' && port ? computedDirInode(sb, directory(port)) : own.lookup(n, asking)) })
  }
  tree.computedDir('/class/net', { list: () => [...realm.net.links.keys()], lookup: (name, pid) => device(pid, name) })
  tree.file('/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory hugetlb pids rdma misc\n').dir('/kernel').dir('/module/br_netfilter').dir('/devices').dir('/block').dir('/bus')
  return tree
}
