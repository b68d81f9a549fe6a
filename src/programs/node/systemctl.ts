/** systemctl of systemd 252 for services. */

import { nameTable, type NameTable } from '#base/name-table.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { exitName, type ServiceTable, type ServiceUnit } from '#engine/machine/units.ts'
import { getopt, type ParsedOptions } from '../net/getopt.ts'
import { complain, isoDate, say, weekdays } from '../net/support.ts'
import { journalLine } from './journalctl.ts'

const full = (name: string) => (/\.(service|target|socket|timer|mount|slice|path|scope)$/.test(name) ? name : `${name}.service`)

/** `5min 3s`, `2h 4min`, `1 day 3h`. */
export function span(ms: number): string {
  const s = Math.floor(ms / 1000)
  if (s < 1) return `${Math.max(0, Math.floor(ms))}ms`
  if (s < 60) return `${s}s`
  if (s < 3600) return s < 600 && s % 60 ? `${Math.floor(s / 60)}min ${s % 60}s` : `${Math.floor(s / 60)}min`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}min`
  return `${Math.floor(s / 86_400)} day${s >= 172_800 ? 's' : ''}${s < 604_800 && Math.floor((s % 86_400) / 3600) ? ` ${Math.floor((s % 86_400) / 3600)}h` : ''}`
}

function systemdDate(ms: number): string {
  return `${weekdays[new Date(ms).getUTCDay()]} ${isoDate(ms)} UTC`
}

const shownPath = (path: string) => path.replace(/^\/usr\/lib\//, '/lib/')

function statusText(p: Process, u: ServiceUnit, lines: number): string {
  const now = p.now()
  const dot = u.active === 'failed' ? '×' : u.active === 'active' || u.active === 'activating' || u.active === 'deactivating' ? '●' : '○'
  const row = (key: string, value: string) => `${key.padStart(11)}: ${value}\n`
  let text = `${dot} ${u.name} - ${u.description}\n`
  text += row('Loaded', u.masked ? `masked (Reason: Unit ${u.name} is masked.)` : `loaded (${shownPath(u.path)}; ${enablement(u)}; preset: enabled)`)
  if (u.dropIns.length > 0) {
    const dirs = new Map<string, string[]>()
    for (const file of u.dropIns) {
      const dir = file.replace(/\/[^/]*$/, '')
      dirs.set(dir, [...(dirs.get(dir) ?? []), file.slice(dir.length + 1)])
    }
    const list = [...dirs].map(([dir, files]) => `${dir}\n             └─${files.join(', ')}`)
    text += row('Drop-In', list.join('\n             '))
  }
  const since = ` since ${systemdDate(u.since)}; ${span(now - u.since)} ago`
  const detail = u.active === 'failed' ? `failed (Result: ${u.result})` : u.sub === 'auto-restart' ? `activating (auto-restart)${u.result !== 'success' ? ` (Result: ${u.result})` : ''}` : `${u.active} (${u.sub})`
  text += row('Active', detail + (u.active === 'inactive' && u.started === 0 ? '' : since))
  const docs = u.all('Unit', 'Documentation').flatMap((d) => d.split(/\s+/))
  if ((u.active === 'failed' || u.active === 'inactive') && u.started > 0) text += row('Duration', span(u.since - u.started))
  if (docs.length > 0) text += row('Docs', docs.join('\n             '))
  const command = u.get('Service', 'ExecStart') ?? ''
  if (!u.child && u.exit && u.lastPid > 0) {
    const how = u.exit.signal ? `code=killed, signal=${u.exit.signal.slice(3)}` : `code=exited, status=${u.exit.code}${u.exit.code === 0 ? '/SUCCESS' : exitName(u.exit.code) === 'n/a' ? '' : `/${exitName(u.exit.code)}`}`
    text += row('Process', `${u.lastPid} ExecStart=${command} (${how})`) + row('Main PID', `${u.lastPid} (${how})`)
    text += row('CPU', '25ms')
  } else if (u.child) {
    const process = p.machine.host.processes.get(u.child.pid)
    const name = (process?.argv[0] ?? '').replace(/^.*\//, '')
    text += row('Main PID', `${u.child.pid} (${name})`) + row('Tasks', `${8 + (u.child.pid % 7)} (limit: 4656)`) + row('Memory', `${(20 + (u.child.pid % 60) + 0.4).toFixed(1)}M`) + row('CPU', cpu(now - u.started))
    text += row('CGroup', `/system.slice/${u.name}\n             └─${u.child.pid} ${(process?.argv ?? []).map((a) => (a.includes(' ') ? JSON.stringify(a) : a)).join(' ')}`)
  }
  const journal = p.machine.host.journal.read({ unit: u.name }).slice(-lines)
  if (journal.length > 0) text += '\n' + journal.map((e) => journalLine(e, p.machine.host.hostname) + '\n').join('')
  return text
}

function cpu(ms: number): string {
  const used = ms * 0.02
  return used < 60_000 ? `${(used / 1000).toFixed(3)}s` : `${Math.floor(used / 60_000)}min ${((used % 60_000) / 1000).toFixed(3)}s`
}

function enablement(u: ServiceUnit): string {
  if (u.masked) return 'masked'
  if (u.enabled) return 'enabled'
  return u.sections.get('Install')?.size ? 'disabled' : 'static'
}

function listUnits(units: readonly ServiceUnit[], all: boolean, legend: boolean): string {
  const rows = units.filter((u) => all || u.active !== 'inactive').map((u) => [u.active === 'failed' ? '●' : ' ', u.name, u.masked ? 'masked' : 'loaded', u.active, u.sub, u.description])
  const width = (i: number, title: string) => Math.max(title.length, ...rows.map((r) => r[i]!.length))
  const [a, b, c, d] = [width(1, 'UNIT'), width(2, 'LOAD'), width(3, 'ACTIVE'), width(4, 'SUB')]
  const line = (r: readonly string[]) => `${r[0]} ${r[1]!.padEnd(a)} ${r[2]!.padEnd(b)} ${r[3]!.padEnd(c)} ${r[4]!.padEnd(d)} ${r[5]}\n`
  if (!legend) return rows.map(line).join('')
  return `${line([' ', 'UNIT', 'LOAD', 'ACTIVE', 'SUB', 'DESCRIPTION'])}${rows.map(line).join('')}\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n${rows.length} loaded units listed.${all ? '' : " Pass --all to see loaded but inactive units, too."}\nTo show all installed unit files use 'systemctl list-unit-files'.\n`
}

/** One call of systemctl. */
interface Call {
  readonly p: Process
  readonly host: Machine
  readonly units: ServiceTable
  readonly verb: string
  readonly names: readonly string[]
  readonly o: ParsedOptions
  readonly quiet: boolean
  readonly now: boolean
}

type Verb = (call: Call) => Promise<number>

async function denied(p: Process, action: string, name: string): Promise<number> {
  await complain(p, `Failed to ${action} ${full(name)}: Interactive authentication required.\nSee system logs and 'systemctl status ${full(name)}' for details.\n`)
  return 1
}

async function warnStale(p: Process, u: ServiceUnit): Promise<void> {
  if (u.stale) await complain(p, `Warning: The unit file, source configuration file or drop-ins of ${u.name} changed on disk. Run 'systemctl daemon-reload' to reload units.\n`)
}

async function until(p: Process, done: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !done(); i++) await p.sleep(i < 20 ? 5 : 100)
}

const runJob: Verb = async ({ p, units, verb, names, o }) => {
  let code = 0
  for (const name of names) {
    const u = units.get(name)
    if (p.user.uid !== 0) return denied(p, verb, name)
    if (!u) {
      await complain(p, `Failed to ${verb} ${full(name)}: Unit ${full(name)} not ${verb === 'stop' ? 'loaded' : 'found'}.\n`)
      code = 5
      continue
    }
    if (u.masked) {
      await complain(p, `Failed to ${verb} ${u.name}: Unit ${u.name} is masked.\n`)
      code = 1
      continue
    }
    await warnStale(p, u)
    if (verb === 'kill') {
      u.child?.signal(`SIG${(o.get('signal') ?? 'TERM').replace(/^SIG/, '')}` as 'SIGTERM')
      continue
    }
    if (verb === 'reload') {
      if (u.get('Service', 'ExecReload') === undefined) {
        await complain(p, `Failed to reload ${u.name}: Job type reload is not applicable for unit ${u.name}.\n`)
        code = 1
      } else u.child?.signal('SIGHUP')
      continue
    }
    if (verb === 'stop' || ((verb === 'try-restart') && !u.child)) {
      if (verb === 'stop') units.stop(name)
      await until(p, () => !u.child)
      continue
    }
    if (verb === 'start') units.start(name)
    else units.restart(name)
    await p.sleep(20)
    await until(p, () => u.active !== 'deactivating' && (u.get('Service', 'Type') !== 'oneshot' || u.active !== 'activating'))
    if (u.active === 'failed' && u.result === 'start-limit-hit') {
      await complain(p, `Job for ${u.name} failed.\nSee "systemctl status ${u.name}" and "journalctl -xeu ${u.name}" for details.\n`)
      code = 1
    } else if (u.active === 'failed' && u.get('Service', 'Type') !== 'simple' && u.get('Service', 'Type') !== undefined) {
      await complain(p, `Job for ${u.name} failed because the control process exited with error code.\nSee "systemctl status ${u.name}" and "journalctl -xeu ${u.name}" for details.\n`)
      code = 1
    }
  }
  return code
}

const status: Verb = async ({ p, host, units, names, o }) => {
  const lines = Number(o.get('n', 'lines') ?? 10)
  if (names.length === 0) {
    await say(p, `● ${host.hostname}\n    State: running\n    Units: ${units.list().length} loaded (incl. loaded aliases)\n     Jobs: 0 queued\n   Failed: ${units.list().filter((u) => u.active === 'failed').length} units\n    Since: ${systemdDate(host.bootTime)}; ${span(p.now() - host.bootTime)} ago\n  systemd: 252.33-1~deb12u1\n`)
    return 0
  }
  let code = 0
  for (const [i, name] of names.entries()) {
    const u = units.get(name)
    if (!u) {
      await complain(p, `Unit ${full(name)} could not be found.\n`)
      code = 4
      continue
    }
    await warnStale(p, u)
    await say(p, (i > 0 ? '\n' : '') + statusText(p, u, lines))
    if (u.active !== 'active' && u.active !== 'activating') code = 3
  }
  return code
}

const isActive: Verb = async ({ p, units, verb, names, quiet }) => {
  let any = false
  for (const name of names) {
    const state = units.get(name)?.active ?? 'inactive'
    if (!quiet) await say(p, `${state}\n`)
    any ||= verb === 'is-active' ? state === 'active' : state === 'failed'
  }
  return any ? 0 : verb === 'is-active' ? 3 : 1
}

const isEnabled: Verb = async ({ p, units, names, quiet }) => {
  let code = 1
  for (const name of names) {
    const u = units.get(name)
    if (!u) await complain(p, `Failed to get unit file state for ${full(name)}: No such file or directory\n`)
    else {
      if (!quiet) await say(p, `${enablement(u)}\n`)
      if (u.enabled || enablement(u) === 'static') code = 0
    }
  }
  return code
}

const changeFiles: Verb = async ({ p, host, units, verb, names, quiet, now }) => {
  for (const name of names) {
    if (p.user.uid !== 0) return denied(p, verb, name)
    const u = units.get(name)
    if (!u && verb !== 'mask') {
      await complain(p, `Failed to ${verb} unit: Unit file ${full(name)} does not exist.\n`)
      return 1
    }
    const link = `/etc/systemd/system/multi-user.target.wants/${full(name)}`
    if (verb === 'mask' || verb === 'unmask') {
      const path = `/etc/systemd/system/${full(name)}`
      if (verb === 'mask') {
        if (host.fs.exists(path) && host.fs.stat(path).type === 'file') {
          await complain(p, `Failed to mask unit: File ${path} already exists.\n`)
          return 1
        }
        if (!u?.masked) host.fs.symlink('/dev/null', path)
        if (!quiet) await complain(p, `Created symlink ${path} → /dev/null.\n`)
      } else if (u?.masked) {
        host.fs.unlink(path)
        if (!quiet) await complain(p, `Removed "${path}".\n`)
      }
      units.daemonReload()
    } else if (verb === 'disable') {
      if (u!.enabled && !quiet) await complain(p, `Removed "${link}".\n`)
      units.disable(name)
    } else {
      if (enablement(u!) === 'static') {
        await complain(p, 'The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\nAlias= settings in the [Install] section, and DefaultInstance= for template\nunits). This means they are not meant to be enabled or disabled using systemctl.\n \nPossible reasons for having this kind of units are:\n• A unit may be statically enabled by being symlinked from another unit\'s\n  .wants/ or .requires/ directory.\n• A unit\'s purpose may be to act as a helper for some other unit which has\n  a requirement dependency on it.\n• A unit may be started when needed via activation (socket, path, timer,\n  D-Bus, udev, scripted systemctl call, ...).\n• In case of template units, the unit is meant to be enabled with some\n  instance name specified.\n')
        continue
      }
      if (!u!.enabled && !quiet) await complain(p, `Created symlink ${link} → ${shownPath(u!.path)}.\n`)
      units.enable(name)
    }
    if (now && verb === 'enable') units.start(name)
    if (now && (verb === 'disable' || verb === 'mask')) {
      units.stop(name)
      if (u) await until(p, () => !u.child)
    }
  }
  if (now) await p.sleep(20)
  return 0
}

const listing: Verb = async ({ p, units, names, o }) => {
  const state = o.get('state')
  let list = units.list().filter((u) => (state === undefined ? !o.has('failed') || u.active === 'failed' : state.split(',').some((s) => s === u.active || s === u.sub)))
  if (names.length > 0) list = list.filter((u) => names.some((n) => new RegExp(`^${n.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}(\\.service)?$`).test(u.name)))
  await say(p, listUnits(list, o.has('a', 'all') || state !== undefined, !o.has('no-legend')))
  return 0
}

const unitFiles: Verb = async ({ p, units }) => {
  const rows = units.list().map((u) => [u.name, enablement(u)] as const)
  const w = Math.max(9, ...rows.map(([n]) => n.length))
  await say(p, `${'UNIT FILE'.padEnd(w)} STATE    PRESET\n${rows.map(([n, s]) => `${n.padEnd(w)} ${s.padEnd(8)} ${s === 'static' ? '-' : 'enabled'}\n`).join('')}\n${rows.length} unit files listed.\n`)
  return 0
}

const cat: Verb = async ({ p, host, units, names }) => {
  let code = 0
  for (const name of names) {
    const u = units.get(name)
    if (!u) {
      await complain(p, `No files found for ${full(name)}.\n`)
      code = 1
      continue
    }
    await say(p, [u.path, ...u.dropIns].map((f) => `# ${shownPath(f)}\n${host.fs.readFile(f).trimEnd()}\n`).join('\n'))
  }
  return code
}

const show: Verb = async ({ p, units, names, o }) => {
  const wanted = o.all('p', 'property').flatMap((x) => x.split(','))
  for (const name of names) {
    const u = units.get(name)
    const all: Record<string, string> = {
      Type: u?.get('Service', 'Type') ?? 'simple', Restart: u?.get('Service', 'Restart') ?? 'no', NRestarts: String(u?.restarts ?? 0), MainPID: String(u?.mainPid ?? 0), ExecMainStatus: String(u?.exit?.code ?? 0), Result: u?.result ?? 'success', Id: full(name), Names: full(name),
      Description: u?.description ?? full(name), LoadState: u ? (u.masked ? 'masked' : 'loaded') : 'not-found', ActiveState: u?.active ?? 'inactive', SubState: u?.sub ?? 'dead', FragmentPath: u ? shownPath(u.path) : '', DropInPaths: u?.dropIns.join(' ') ?? '', UnitFileState: u ? enablement(u) : '',
      ActiveEnterTimestamp: u?.active === 'active' ? systemdDate(u.since) : '', Environment: u?.all('Service', 'Environment').join(' ') ?? '', NeedDaemonReload: u?.stale ? 'yes' : 'no',
    }
    const keys = wanted.length > 0 ? wanted.filter((k) => k in all) : Object.keys(all)
    await say(p, keys.map((k) => (o.has('value') ? `${all[k]}\n` : `${k}=${all[k]}\n`)).join(''))
  }
  return 0
}

const edit: Verb = async ({ p, host, units, names, o }) => {
  const u = units.get(names[0] ?? '')
  const editor = p.tty?.editor
  if (!u || !editor) {
    await complain(p, u ? 'Cannot edit units if not on a tty.\n' : `No files found for ${full(names[0] ?? '')}.\n`)
    return 1
  }
  const path = `/etc/systemd/system/${o.has('full') ? u.name : `${u.name}.d/override.conf`}`
  const before = host.fs.exists(path) ? host.fs.readFile(path) : o.has('full') ? host.fs.readFile(u.path) : ''
  const result = await p.call<{ saved: boolean; text: string }>((resolve) => void editor.open({ path, text: before, keys: 'nano', readOnly: false }).then(resolve))
  if (!result.saved) return 0
  host.fs.mkdir(path.replace(/\/[^/]*$/, ''), { parents: true })
  host.fs.writeFile(path, result.text)
  units.daemonReload()
  await complain(p, `Successfully installed edited file '${path}'.\n`)
  return 0
}

const verbs: NameTable<Verb> = nameTable<Verb>({
  'start stop restart reload try-restart reload-or-restart kill': runJob,
  status,
  'is-active is-failed': isActive,
  'is-enabled': isEnabled,
  'enable disable mask unmask reenable': changeFiles,
  'daemon-reload daemon-reexec': async ({ p, units }) => {
    if (p.user.uid !== 0) {
      await complain(p, 'Failed to reload daemon: Interactive authentication required.\n')
      return 1
    }
    units.daemonReload()
    return 0
  },
  'reset-failed': async ({ units, names }) => {
    if (names.length === 0) units.resetFailed()
    for (const name of names) units.resetFailed(name)
    return 0
  },
  'list-units list-sockets list-timers': listing,
  'list-unit-files': unitFiles,
  cat,
  show,
  'is-system-running': async ({ p, units }) => {
    await say(p, units.list().some((u) => u.active === 'failed') ? 'degraded\n' : 'running\n')
    return units.list().some((u) => u.active === 'failed') ? 1 : 0
  },
  'get-default': async ({ p }) => {
    await say(p, 'multi-user.target\n')
    return 0
  },
  'reboot poweroff halt': async ({ p, host, verb }) => {
    if (p.user.uid !== 0) {
      await complain(p, `Call to ${verb === 'reboot' ? 'Reboot' : 'PowerOff'} failed: Interactive authentication required.\n`)
      return 1
    }
    p.machine.sim.after(50, () => (verb === 'reboot' ? host.boot() : host.powerOff()))
    await p.sleep(1000)
    return 0
  },
  edit,
})

export const systemctl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'alqfn:o:p:t:HhM:', { all: '', full: '', quiet: '', now: '', 'no-pager': '', 'no-legend': '', 'no-block': '', lines: ':', property: ':', type: ':', state: ':', failed: '', plain: '', value: '', force: '', system: '', user: '', version: '', help: '', output: ':', 'no-ask-password': '', signal: ':', recursive: '', runtime: '' })
  if (o.error) {
    await complain(p, `systemctl: ${o.error}\n`)
    return 1
  }
  if (o.has('version')) {
    await say(p, 'systemd 252 (252.33-1~deb12u1)\n+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified\n')
    return 0
  }
  const host = p.machine.host
  if (p.machine !== host) {
    await complain(p, "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n")
    return 1
  }
  const units = host.units as ServiceTable
  const [verb = 'list-units', ...names] = o.operands
  const known = verbs.get(verb)
  if (known) return known({ p, host, units, verb, names, o, quiet: o.has('q', 'quiet'), now: o.has('now') })
  await complain(p, `Unknown command verb ${verb}.\n`)
  return 1
}
