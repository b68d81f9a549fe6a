/** Programs that tell about the host or change its state: hostname, hostnamectl, uname, uptime, free, df, mount, umount, dmesg, reboot, lsmod, modprobe, nsenter, timedatectl. */
import { FsError, strerror } from '#engine/machine/files.ts'
import { memory, namespacesOf } from '#engine/machine/proc.ts'
import { kernelRelease, kernelVersion } from '#engine/machine/sysctl-keys.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import type { Task } from '#engine/machine/task.ts'
import { FileTree } from '#engine/machine/tree.ts'
import type { View } from '#engine/machine/vfs.ts'
import { getopt } from '../net/getopt.ts'
import { clock, complain, isoDate, say, weekdays } from '../net/support.ts'
import { knownModules, moduleName } from '#engine/machine/modules.ts'

const addresses = (p: Process) => [...p.net.links.values()].filter((l) => l.kind !== 'loopback' && l.up).flatMap((l) => l.addresses.map((a) => a.address))

export const hostname: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'aAdfFiIsybhV', { fqdn: '', long: '', short: '', 'all-ip-addresses': '', 'ip-address': '', domain: '', alias: '', file: ':' })
  const name = p.machine.hostname
  if (o.operands[0] !== undefined) {
    if (p.user.uid !== 0) {
      await complain(p, 'hostname: you must be root to change the host name\n')
      return 1
    }
    p.machine.hostname = o.operands[0]
    return 0
  }
  if (o.has('I', 'all-ip-addresses')) await say(p, addresses(p).join(' ') + ' \n')
  else if (o.has('i', 'ip-address')) {
    const found = await p.sockets.lookup(name)
    if (!found.ok) {
      await complain(p, 'hostname: Name or service not known\n')
      return 1
    }
    await say(p, found.addresses.join(' ') + '\n')
  } else if (o.has('s', 'short')) await say(p, `${name.split('.')[0]}\n`)
  else if (o.has('d', 'domain', 'f', 'fqdn', 'long')) {
    // The canonical name of what the resolver knows the host by.
    const found = await p.sockets.lookup(name)
    if (!found.ok) {
      await complain(p, 'hostname: Name or service not known\n')
      return 1
    }
    await say(p, o.has('d', 'domain') ? `${found.canonical.split('.').slice(1).join('.')}\n` : `${found.canonical}\n`)
  }
  else await say(p, `${name}\n`)
  return 0
}

export const hostnamectl: Program = async (p) => {
  const [verb, name] = p.argv.slice(1).filter((a) => !a.startsWith('-'))
  if (verb === 'set-hostname' || (verb === 'hostname' && name !== undefined)) {
    if (p.user.uid !== 0) {
      await complain(p, 'Could not set static hostname: Interactive authentication required.\n')
      return 1
    }
    p.machine.host.hostname = name ?? ''
    p.machine.host.fs.writeFile('/etc/hostname', `${name}\n`)
    return 0
  }
  if (verb === 'hostname') {
    await say(p, `${p.machine.hostname}\n`)
    return 0
  }
  const id = p.machine.host.fs.exists('/etc/machine-id') ? p.machine.host.fs.readFile('/etc/machine-id').trim() : ''
  await say(p, ` Static hostname: ${p.machine.hostname}\n       Icon name: computer-vm\n         Chassis: vm 🖴\n      Machine ID: ${id}\n         Boot ID: ${[...id].reverse().join('')}\n  Virtualization: kvm\nOperating System: Debian GNU/Linux 12 (bookworm)  \n          Kernel: Linux ${kernelRelease}\n    Architecture: x86-64\n`)
  return 0
}

export const uname: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'asnrvmpio', { all: '', 'kernel-name': '', nodename: '', 'kernel-release': '', 'kernel-version': '', machine: '', processor: '', 'hardware-platform': '', 'operating-system': '', help: '', version: '' })
  if (o.error || o.operands.length > 0) {
    await complain(p, `uname: ${o.error ?? `extra operand ‘${o.operands[0]}’`}\nTry 'uname --help' for more information.\n`)
    return 1
  }
  const all = o.has('a', 'all')
  const parts: string[] = []
  const put = (on: boolean, text: string) => on && parts.push(text)
  put(all || o.has('s', 'kernel-name') || o.options.length === 0, 'Linux')
  put(all || o.has('n', 'nodename'), p.machine.hostname)
  put(all || o.has('r', 'kernel-release'), kernelRelease)
  put(all || o.has('v', 'kernel-version'), kernelVersion)
  put(all || o.has('m', 'machine'), 'x86_64')
  put(o.has('p', 'processor') || o.has('i', 'hardware-platform'), 'unknown')
  put(all || o.has('o', 'operating-system'), 'GNU/Linux')
  await say(p, parts.join(' ') + '\n')
  return 0
}

export const uptime: Program = async (p) => {
  const ms = p.now() - p.machine.host.bootTime
  const minutes = Math.floor(ms / 60_000)
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  if (p.argv.includes('-p')) {
    const parts = [d && `${d} day${d > 1 ? 's' : ''}`, h && `${h} hour${h > 1 ? 's' : ''}`, `${m} minute${m === 1 ? '' : 's'}`].filter((x) => x)
    await say(p, `up ${parts.join(', ')}\n`)
  } else if (p.argv.includes('-s')) await say(p, `${isoDate(p.machine.host.bootTime)}\n`)
  else {
    const users = new Set([...p.machine.host.processes.values()].flatMap((x) => (x.tty ? [x.tty.name] : []))).size
    await say(p, ` ${clock(p.now())} up ${d > 0 ? `${d} day${d > 1 ? 's' : ''}, ` : ''}${h > 0 ? `${String(h).padStart(2)}:${String(m).padStart(2, '0')}` : `${m} min`},  ${users} user${users === 1 ? '' : 's'},  load average: 0.08, 0.03, 0.01\n`)
  }
  return 0
}

export const free: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'bkmghtlws:c:', { bytes: '', kibi: '', mebi: '', gibi: '', human: '', total: '', wide: '', si: '', mega: '', giga: '' })
  const used = memory.total - memory.free - memory.buffers - memory.cached
  const swap = p.machine.host.swaps?.kilobytes ?? 0
  const unit = (kb: number) => {
    if (o.has('h', 'human')) return kb === 0 ? '0B' : kb >= 1048576 ? `${(kb / 1048576).toFixed(1)}Gi` : `${Math.round(kb / 1024)}Mi`
    return String(Math.floor(o.has('b', 'bytes') ? kb * 1024 : o.has('m', 'mebi') ? kb / 1024 : o.has('g', 'gibi') ? kb / 1048576 : kb))
  }
  const row = (name: string, values: readonly number[]) => name.padEnd(7) + values.map((v) => unit(v).padStart(12)).join(' ').replace(/^/, ' ') + '\n'
  await say(p, `${' '.repeat(15)}total        used        free      shared  buff/cache   available\n${row('Mem:', [memory.total, used, memory.free, 1180, memory.buffers + memory.cached, memory.available])}${row('Swap:', [swap, 0, swap])}`)
  return 0
}

const disk = { total: 30_832_548, used: 6_214_880 }

export const df: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'ahHiklmPTt:x:', { all: '', human: '', 'human-readable': '', inodes: '', 'print-type': '', portability: '', total: '', type: ':', output: '::' })
  const mounts = (p.fs as View).namespace.mounts
  const size = (m: (typeof mounts)[number]): readonly [number, number] => (m.type === 'tmpfs' || m.type === 'devtmpfs' ? [m.path === '/run' ? 402_604 : m.path === '/dev' ? (m.type === 'tmpfs' ? 65_536 : 2_001_548) : Number(/\bsize=(\d+)k/.exec(m.options)?.[1] ?? 2_013_032), m.path === '/run' ? 1_180 : 0] : [disk.total, disk.used])
  const real = new Set(['ext4', 'tmpfs', 'devtmpfs', 'overlay', 'xfs', 'nfs4'])
  let list = mounts.filter((m) => real.has(m.type) || o.has('a', 'all'))
  for (const operand of o.operands) if (!p.fs.exists(operand)) await complain(p, `df: ${operand}: No such file or directory\n`)
  if (o.operands.length > 0) list = o.operands.filter((f) => p.fs.exists(f)).map((f) => (p.fs as View).find(f).mount)
  if (o.get('t', 'type') !== undefined) list = list.filter((m) => m.type === o.get('t', 'type'))
  const human = o.has('h', 'human', 'human-readable')
  const show = (kb: number) => {
    if (!human) return String(kb)
    if (kb === 0) return '0'
    const units = ['K', 'M', 'G', 'T']
    let n = kb
    let u = 0
    while (n >= 1024) {
      n /= 1024
      u++
    }
    return `${n < 10 ? (Math.ceil(n * 10) / 10).toFixed(1) : Math.ceil(n)}${units[u]}`
  }
  const type = o.has('T', 'print-type')
  const cells = list.map((m) => {
    const [total, used] = size(m)
    const available = m.type === 'ext4' || m.type === 'overlay' ? Math.floor(total * 0.949) - used : total - used
    return [m.source, ...(type ? [m.type] : []), show(total), show(used), show(available), `${total === 0 ? '-' : `${Math.ceil((used / (used + available)) * 100)}%`}`, m.path]
  })
  const titles = ['Filesystem', ...(type ? ['Type'] : []), human ? 'Size' : o.has('P', 'portability') ? '1024-blocks' : '1K-blocks', 'Used', human ? 'Avail' : 'Available', o.has('P', 'portability') ? 'Capacity' : 'Use%', 'Mounted on']
  const all = [titles, ...cells]
  const widths = titles.map((_, i) => Math.max(...all.map((r) => r[i]!.length), i === 0 ? 14 : i === titles.length - 2 ? 4 : 5))
  await say(p, all.map((r) => r.map((cell, i) => (i === 0 || (type && i === 1) ? cell.padEnd(widths[i]!) : i === r.length - 1 ? cell : cell.padStart(widths[i]!))).join(' ') + '\n').join(''))
  return 0
}

export const mount: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'aBfFhilMnL:O:o:rRsT:t:U:vVw', { bind: '', rbind: '', types: ':', options: ':', 'make-private': '', 'make-shared': '', 'make-rprivate': '', all: '', 'read-only': '' })
  const view = p.fs as View
  const { operands } = o
  if (operands.length === 0) {
    if (o.has('a', 'all')) return 0
    await say(p, view.namespace.mounts.map((m) => `${m.source} on ${m.path} type ${m.type} (${m.readOnly ? 'ro' : 'rw'},${m.options})\n`).join(''))
    return 0
  }
  if (p.user.uid !== 0) {
    await complain(p, `mount: ${operands.at(-1)}: must be superuser to use mount.\n       dmesg(1) may have more information after failed mount system call.\n`)
    return 1
  }
  const [source, target] = operands
  if (target === undefined) {
    await complain(p, `mount: ${source}: can't find in /etc/fstab.\n`)
    return 1
  }
  try {
    const where = view.find(target)
    const options = (o.get('o', 'options') ?? '').split(',')
    const type = o.get('t', 'types')
    if (o.has('B', 'bind', 'rbind') || options.includes('bind') || options.includes('rbind')) view.mount(target, view.find(source!).inode, { source: '/dev/sda1', type: 'ext4', readOnly: options.includes('ro') })
    else if (type === 'tmpfs') {
      view.mount(target, new FileTree({ mtime: p.now() }).root, { source: source!, type: 'tmpfs', options: 'relatime' })
    } else {
      await complain(p, `mount: ${target}: special device ${source} does not exist.\n       dmesg(1) may have more information after failed mount system call.\n`)
      return 32
    }
    void where
    return 0
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `mount: ${target}: ${error.path === target ? 'mount point does not exist' : `special device ${source} does not exist`}.\n       dmesg(1) may have more information after failed mount system call.\n`)
    return 32
  }
}

export const umount: Program = async (p) => {
  const targets = p.argv.slice(1).filter((a) => !a.startsWith('-'))
  let code = 0
  for (const t of targets) {
    const view = p.fs as View
    const path = p.fs.exists(t) ? p.fs.realpath(t) : t
    if (p.user.uid !== 0) {
      await complain(p, `umount: ${t}: must be superuser to unmount.\n`)
      code = 32
    } else if (!p.fs.exists(t)) {
      await complain(p, `umount: ${t}: no mount point specified.\n`)
      code = 32
    } else if (!view.namespace.detach(path)) {
      await complain(p, `umount: ${t}: not mounted.\n`)
      code = 32
    }
  }
  return code
}

export const dmesg: Program = async (p) => {
  const entries = p.machine.host.journal.read({ unit: 'kernel', since: p.machine.host.bootTime })
  const boot = [`Linux version ${kernelRelease} (debian-kernel@lists.debian.org)`, 'Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-29-amd64 root=/dev/sda1 ro quiet', 'x86/fpu: Supporting XSAVE feature 0x001: \'x87 floating point registers\'', 'systemd[1]: Detected virtualization kvm.', 'bridge: filtering via arp/ip/ip6tables is no longer available by default. Update your scripts to load br_netfilter if you need this.', 'Bridge firewalling registered']
  const human = p.argv.includes('-T')
  const stamp = (ms: number) => (human ? `[${weekdays[new Date(ms).getUTCDay()]} ${isoDate(ms)}]` : `[${((ms - p.machine.host.bootTime) / 1000).toFixed(6).padStart(12)}]`)
  await say(p, [...boot.map((text, i) => `${stamp(p.machine.host.bootTime + i * 137.251)} ${text}\n`), ...entries.map((e) => `${stamp(e.time)} ${e.message}\n`)].join(''))
  return 0
}

export const reboot: Program = async (p) => {
  const host = p.machine.host
  if (p.user.uid !== 0) {
    await complain(p, `Failed to set wall message, ignoring: Interactive authentication required.\nCall to ${/poweroff|halt/.test(p.argv[0]!) ? 'PowerOff' : 'Reboot'} failed: Interactive authentication required.\n`)
    return 1
  }
  const off = /poweroff|halt$/.test(p.argv[0]!) || (/shutdown$/.test(p.argv[0]!) && !p.argv.includes('-r'))
  if (/shutdown$/.test(p.argv[0]!) && p.argv.includes('-c')) return 0
  host.sim.after(50, () => (off ? host.powerOff() : host.boot()))
  await p.sleep(1000)
  return 0
}

export const lsmod: Program = async (p) => {
  const rows = p.fs.readFile('/proc/modules').split('\n').filter((l) => l !== '').map((l) => l.split(' '))
  await say(p, `Module                  Size  Used by\n${rows.map(([name, size, used, by]) => `${name!.padEnd(19)} ${size!.padStart(8)}  ${used}${by && by !== '-' ? ` ${by.replace(/,$/, '')}` : ''}\n`).join('')}`)
  return 0
}

export const modprobe: Program = async (p) => {
  const loaded = p.machine.host.modules!
  const remove = p.argv.slice(1).some((a) => a === '-r' || a === '--remove')
  const names = p.argv.slice(1).filter((a) => !a.startsWith('-'))
  // Without -a the words after the first are the module's parameters.
  for (const name of remove || p.argv.some((a) => a === '-a' || a === '--all') ? names : names.slice(0, 1)) {
    if (!knownModules.has(moduleName(name))) {
      await complain(p, `modprobe: FATAL: Module ${name} not found${remove ? '.' : ` in directory /lib/modules/${kernelRelease}`}\n`)
      return 1
    }
    if (remove ? !loaded.has(name) : loaded.has(name)) continue
    if (p.user.uid !== 0) {
      await complain(p, `modprobe: ERROR: ${remove ? `../libkmod/libkmod-module.c:799 kmod_module_remove_module() could not remove '${moduleName(name)}'` : `could not insert '${moduleName(name)}'`}: Operation not permitted\n`)
      return 1
    }
    if (!remove) loaded.load(name)
    else if (!loaded.unload(name)) {
      await complain(p, `modprobe: FATAL: Module ${moduleName(name)} is in use.\n`)
      return 1
    }
  }
  return 0
}

export const nsenter: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+at:m::u::i::n::p::U::C::T::S:G:r::w::FZhV', { all: '', target: ':', mount: '::', uts: '::', ipc: '::', net: '::', pid: '::', user: '::', cgroup: '::', root: '::', wd: '::', 'no-fork': '' })
  if (o.error) {
    await complain(p, `nsenter: ${o.error}\nTry 'nsenter --help' for more information.\n`)
    return 1
  }
  const pid = o.get('t', 'target')
  const file = o.get('n', 'net')
  if (p.user.uid !== 0) {
    await complain(p, 'nsenter: reassociate to namespace failed: Operation not permitted\n')
    return 1
  }
  let net = p.net
  const target = pid === undefined ? undefined : (p.machine.processes.get(Number(pid)) as Task | undefined)
  if (pid !== undefined && !target) {
    await complain(p, `nsenter: cannot open /proc/${pid}/ns/${o.has('n', 'net') ? 'net' : 'mnt'}: No such file or directory\n`)
    return 1
  }
  if (file) {
    const named = p.machine.namedNamespaces.get(file.replace(/^\/(?:var\/)?run\/netns\//, ''))
    const byProc = /^\/proc\/(\d+)\/ns\/net$/.exec(file)
    const from = named ?? (byProc ? p.machine.processes.get(Number(byProc[1]))?.net : undefined)
    if (!from) {
      await complain(p, `nsenter: cannot open ${file}: No such file or directory\n`)
      return 1
    }
    net = from
  } else if (target && (o.has('n', 'net') || o.has('a', 'all'))) net = target.net
  const inside = target && (o.has('a', 'all') || o.has('m', 'mount'))
  const argv = o.operands.length > 0 ? o.operands : [p.env.get('SHELL') ?? '/bin/sh']
  try {
    const child = p.spawn({ argv, net, ...(inside && { machine: target.machine, env: Object.fromEntries(p.env) }) })
    return (await child.wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `nsenter: failed to execute ${argv[0]}: ${strerror(error.code)}\n`)
    return 127
  }
}

export const lsns: Program = async (p) => {
  const kinds = ['time', 'cgroup', 'pid', 'user', 'uts', 'ipc', 'mnt', 'net']
  const only = getopt(p.argv.slice(1), 't:p:lno:', { type: ':' }).get('t', 'type')
  const found = new Map<string, { type: string; id: string; count: number; first: Task; pid: number }>()
  for (const [pid, process] of p.machine.processes) {
    const task = process as unknown as Task
    const all = namespacesOf(task)
    for (const type of kinds) {
      const id = /\d+/.exec(all[type]!)![0]
      const key = `${type}${id}`
      const known = found.get(key)
      if (known) known.count++
      else found.set(key, { type, id, count: 1, first: task, pid })
    }
  }
  const rows = [...found.values()].filter((r) => only === undefined || r.type === only).sort((a, b) => Number(a.id) - Number(b.id))
  await say(p, `        NS TYPE   NPROCS   PID USER COMMAND\n${rows.map((r) => `${r.id} ${r.type.padEnd(6)} ${String(r.count).padStart(6)} ${String(r.pid).padStart(5)} ${r.first.user.name.padEnd(4)} ${r.first.argv.join(' ')}\n`).join('')}`)
  return 0
}

export const timedatectl: Program = async (p) => {
  const day = `${weekdays[new Date(p.now()).getUTCDay()]} ${isoDate(p.now())}`
  await say(p, `               Local time: ${day} UTC\n           Universal time: ${day} UTC\n                 RTC time: ${day}\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: active\n          RTC in local TZ: no\n`)
  return 0
}
