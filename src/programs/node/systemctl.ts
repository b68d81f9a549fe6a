/**
 * systemctl of systemd 252 over the machine's units. Leaves out: resource accounting (Tasks, Memory, CPU lines), targets as units of
 * their own, remote hosts, and verbs that need a user session.
 */
import type { Process, Program } from '#engine/machine/process.ts'
import type { Unit } from '#engine/machine/machine.ts'
import { getopt } from '../net/getopt.ts'
import { dateTime, ago, shortTime } from './time.ts'

type Verb = (p: Process, names: readonly string[], options: Options) => Promise<number>

interface Options {
  readonly now: boolean
  readonly lines: number
  readonly quiet: boolean
  readonly type: string | undefined
  readonly state: string | undefined
  readonly all: boolean
  readonly property: readonly string[]
  readonly value: boolean
}

const full = (name: string) => (/\.(service|target|socket|timer|mount|slice)$/.test(name) ? name : `${name}.service`)
const manager = (p: Process) => p.machine.host.units

async function privileged(p: Process, what: string): Promise<boolean> {
  if (p.user.uid === 0) return true
  await p.stderr.write(`Failed to ${what}: Access denied\nSee system logs for details.\n`)
  return false
}

/** start, stop, restart, reload: one job per unit. */
function job(verb: 'start' | 'stop' | 'restart', word: string = verb): Verb {
  return async (p, names) => {
    if (names.length === 0) return tooFew(p)
    let code = 0
    for (const name of names.map(full)) {
      if (!(await privileged(p, `${word} ${name}`))) return 1
      const unit = manager(p).get(name)
      if (!unit) {
        await p.stderr.write(`Failed to ${word} ${name}: Unit ${name} not ${verb === 'stop' ? 'loaded' : 'found'}.\n`)
        code = 5
        continue
      }
      if (unit.masked && verb !== 'stop') {
        await p.stderr.write(`Failed to ${word} ${name}: Unit ${name} is masked.\n`)
        code = 1
        continue
      }
      if (unit.stale) await p.stderr.write(`Warning: The unit file, source configuration file or drop-ins of ${name} changed on disk. Run 'systemctl daemon-reload' to reload units.\n`)
      manager(p)[verb](name)
      await p.sleep(verb === 'restart' ? 120 : 40)
      if (verb !== 'stop' && manager(p).get(name)?.active === 'failed') {
        await p.stderr.write(`Job for ${name} failed because the control process exited with error code.\nSee "systemctl status ${name}" and "journalctl -xeu ${name}" for details.\n`)
        code = 1
      }
    }
    return code
  }
}

async function tooFew(p: Process): Promise<number> {
  await p.stderr.write('Too few arguments.\n')
  return 1
}

const link = (unit: Unit) => `/etc/systemd/system/multi-user.target.wants/${unit.name}`

const enable: Verb = async (p, names, options) => {
  if (names.length === 0) return tooFew(p)
  for (const name of names.map(full)) {
    if (!(await privileged(p, 'enable unit'))) return 1
    const unit = manager(p).get(name)
    if (!unit) {
      await p.stderr.write(`Failed to enable unit: Unit file ${name} does not exist.\n`)
      return 1
    }
    if (unit.masked) {
      await p.stderr.write(`Failed to enable unit: Unit file ${unit.path} is masked.\n`)
      return 1
    }
    if (!unit.enabled) await p.stderr.write(`Created symlink ${link(unit)} → ${unit.path.replace(/^\/usr\/lib/, '/lib')}.\n`)
    manager(p).enable(name)
  }
  return options.now ? job('start')(p, names, options) : 0
}

const disable: Verb = async (p, names, options) => {
  if (names.length === 0) return tooFew(p)
  for (const name of names.map(full)) {
    if (!(await privileged(p, 'disable unit'))) return 1
    const unit = manager(p).get(name)
    if (!unit) {
      await p.stderr.write(`Failed to disable unit: Unit file ${name} does not exist.\n`)
      return 1
    }
    if (unit.enabled) await p.stderr.write(`Removed "${link(unit)}".\n`)
    manager(p).disable(name)
  }
  return options.now ? job('stop')(p, names, options) : 0
}

const mask: Verb = async (p, names) => {
  for (const name of names.map(full)) {
    if (!(await privileged(p, 'mask unit'))) return 1
    const path = `/etc/systemd/system/${name}`
    if (p.fs.exists(path)) {
      await p.stderr.write(`Failed to mask unit: File ${path} already exists.\n`)
      return 1
    }
    p.fs.symlink('/dev/null', path)
    await p.stderr.write(`Created symlink ${path} → /dev/null.\n`)
  }
  manager(p).daemonReload()
  return 0
}

const unmask: Verb = async (p, names) => {
  for (const name of names.map(full)) {
    if (!(await privileged(p, 'unmask unit'))) return 1
    if (manager(p).get(name)?.masked !== true) continue
    p.fs.unlink(`/etc/systemd/system/${name}`)
    await p.stderr.write(`Removed "/etc/systemd/system/${name}".\n`)
  }
  manager(p).daemonReload()
  return 0
}

const isActive: Verb = async (p, names, options) => {
  let any = false
  for (const name of names.map(full)) {
    const state = manager(p).get(name)?.active ?? 'inactive'
    if (state === 'active') any = true
    if (!options.quiet) await p.stdout.write(`${state}\n`)
  }
  return any ? 0 : 3
}

const isFailed: Verb = async (p, names, options) => {
  const states = names.map((n) => manager(p).get(full(n))?.active ?? 'inactive')
  if (!options.quiet) await p.stdout.write(states.map((s) => `${s}\n`).join(''))
  return states.includes('failed') ? 0 : 1
}

const isEnabled: Verb = async (p, names, options) => {
  let any = false
  for (const name of names.map(full)) {
    const unit = manager(p).get(name)
    if (!unit) {
      await p.stderr.write(`Failed to get unit file state for ${name}: No such file or directory\n`)
      continue
    }
    if (unit.enabled) any = true
    if (!options.quiet) await p.stdout.write(`${enabledWord(unit)}\n`)
  }
  return any ? 0 : 1
}

const enabledWord = (unit: Unit): string => (unit.masked ? 'masked' : unit.enabled ? 'enabled' : unit.get('Install', 'WantedBy') === undefined ? 'static' : 'disabled')

const exitText = (unit: Unit): string => {
  const exit = unit.exit
  if (!exit) return ''
  return exit.signal ? `code=killed, signal=${exit.signal.replace(/^SIG/, '')}` : `code=exited, status=${exit.code}/${exit.code === 0 ? 'SUCCESS' : exit.code === 1 ? 'FAILURE' : exit.code === 203 ? 'EXEC' : 'n/a'}`
}

async function showStatus(p: Process, unit: Unit, lines: number): Promise<number> {
  const dot = unit.active === 'active' ? '●' : unit.active === 'failed' ? '×' : unit.active === 'inactive' ? '○' : '●'
  const shown = unit.path.replace(/^\/usr\/lib/, '/lib')
  const preset = unit.get('Install', 'WantedBy') === undefined ? '' : '; preset: enabled'
  const out = [
    `${dot} ${unit.name} - ${unit.description}`,
    unit.masked ? `     Loaded: masked (Reason: Unit ${unit.name} is masked.)` : `     Loaded: loaded (${shown}; ${enabledWord(unit)}${preset})`,
  ]
  if (unit.dropIns.length > 0) {
    const folder = unit.dropIns[0]!.replace(/\/[^/]*$/, '')
    out.push(`    Drop-In: ${folder}`, `             └─${unit.dropIns.map((d) => d.replace(/^.*\//, '')).join(', ')}`)
  }
  const reason = unit.active === 'failed' || (unit.active === 'activating' && unit.result !== 'success') ? ` (Result: ${unit.result})` : ''
  const never = unit.active === 'inactive' && unit.exit === undefined && unit.lastPid === 0
  out.push(`     Active: ${unit.active} (${unit.sub})${reason}${never ? '' : ` since ${dateTime(unit.since)}; ${ago(p.now() - unit.since)} ago`}`)
  const docs = unit.get('Unit', 'Documentation')
  if (docs !== undefined) out.push(`       Docs: ${docs}`)
  const command = unit.get('Service', 'ExecStart') ?? ''
  const program = command.split(/\s+/)[0]!.replace(/^.*\//, '')
  if (unit.mainPid === undefined && unit.exit) {
    out.push(`    Process: ${unit.lastPid} ExecStart=${command} (${exitText(unit)})`, `   Main PID: ${unit.lastPid} (${exitText(unit)})`)
  } else if (unit.mainPid !== undefined) {
    const argv = p.machine.host.processes.get(unit.mainPid)?.argv ?? [command]
    out.push(`   Main PID: ${unit.mainPid} (${program})`, `     CGroup: /system.slice/${unit.name}`, `             └─${unit.mainPid} ${argv.join(' ')}`)
  }
  const entries = p.user.uid === 0 || p.user.groups.includes(4) || p.user.groups.includes(999) ? p.machine.host.journal.read({ unit: unit.name }).slice(-lines) : []
  if (entries.length > 0) out.push('', ...entries.map((e) => `${shortTime(e.time)} ${p.machine.host.hostname} ${e.identifier}[${e.pid}]: ${e.message}`))
  if (unit.stale) await p.stderr.write(`Warning: The unit file, source configuration file or drop-ins of ${unit.name} changed on disk. Run 'systemctl daemon-reload' to reload units.\n`)
  await p.stdout.write(`${out.join('\n')}\n`)
  return unit.active === 'active' || unit.active === 'activating' ? 0 : 3
}

const status: Verb = async (p, names, options) => {
  if (names.length === 0) {
    const failed = manager(p).list().filter((u) => u.active === 'failed').length
    await p.stdout.write(`● ${p.machine.host.hostname}\n    State: ${failed > 0 ? 'degraded' : 'running'}\n     Jobs: 0 queued\n   Failed: ${failed} units\n    Since: ${dateTime(p.machine.host.bootTime)}; ${ago(p.now() - p.machine.host.bootTime)} ago\n`)
    return 0
  }
  let code = 0
  for (const [index, name] of names.map(full).entries()) {
    const unit = manager(p).get(name)
    if (!unit) {
      await p.stderr.write(`Unit ${name} could not be found.\n`)
      code = 4
      continue
    }
    if (index > 0) await p.stdout.write('\n')
    code = Math.max(code, await showStatus(p, unit, options.lines))
  }
  return code
}

const cat: Verb = async (p, names) => {
  for (const name of names.map(full)) {
    const unit = manager(p).get(name)
    if (!unit) {
      await p.stderr.write(`No files found for ${name}.\n`)
      return 1
    }
    const parts = [unit.path, ...unit.dropIns].map((path) => `# ${path.replace(/^\/usr\/lib/, '/lib')}\n${p.machine.host.fs.readFile(path)}`)
    await p.stdout.write(parts.join('\n'))
  }
  return 0
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)))
  return rows.map((r) => r.map((cell, i) => (i === r.length - 1 ? cell : cell.padEnd(widths[i]!))).join(' ').trimEnd()).join('\n')
}

const listUnits: Verb = async (p, _names, options) => {
  const units = manager(p).list().filter((u) => (options.all || u.active !== 'inactive') && (options.state === undefined || options.state === u.active || options.state === u.sub))
  const rows = units.map((u) => [`${u.active === 'failed' ? '●' : ' '} ${u.name}`, u.masked ? 'masked' : 'loaded', u.active, u.sub, u.description])
  await p.stdout.write(`${table([['  UNIT', 'LOAD', 'ACTIVE', 'SUB', 'DESCRIPTION'], ...rows])}\n\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n${units.length} loaded units listed.${options.all ? '' : " Pass --all to see loaded but inactive units, too."}\nTo show all installed unit files use 'systemctl list-unit-files'.\n`)
  return 0
}

const listUnitFiles: Verb = async (p) => {
  const units = manager(p).list()
  await p.stdout.write(`${table([['UNIT FILE', 'STATE', 'PRESET'], ...units.map((u) => [u.name, enabledWord(u), u.get('Install', 'WantedBy') === undefined ? '-' : 'enabled'])])}\n\n${units.length} unit files listed.\n`)
  return 0
}

const show: Verb = async (p, names, options) => {
  for (const name of names.map(full)) {
    const unit = manager(p).get(name)
    const values: Record<string, string> = {
      Id: name,
      Names: name,
      LoadState: unit ? (unit.masked ? 'masked' : 'loaded') : 'not-found',
      ActiveState: unit?.active ?? 'inactive',
      SubState: unit?.sub ?? 'dead',
      UnitFileState: unit ? enabledWord(unit) : '',
      FragmentPath: unit?.path.replace(/^\/usr\/lib/, '/lib') ?? '',
      MainPID: String(unit?.mainPid ?? 0),
      ExecMainStatus: String(unit?.exit?.code ?? 0),
      Result: unit?.result ?? 'success',
      Description: unit?.description ?? name,
    }
    const wanted = options.property.length > 0 ? options.property : Object.keys(values)
    for (const key of wanted) if (values[key] !== undefined) await p.stdout.write(options.value ? `${values[key]}\n` : `${key}=${values[key]}\n`)
  }
  return 0
}

const reboot: Verb = async (p) => {
  if (!(await privileged(p, 'initiate machine shutdown'))) return 1
  const { host } = p.machine
  host.sim.after(500, () => {
    host.powerOff()
    host.boot()
  })
  return 0
}

const poweroff: Verb = async (p) => {
  if (!(await privileged(p, 'initiate machine shutdown'))) return 1
  const { host } = p.machine
  host.sim.after(500, () => host.powerOff())
  return 0
}

const verbs: Readonly<Record<string, Verb>> = {
  start: job('start'),
  stop: job('stop'),
  restart: job('restart'),
  'try-restart': async (p, names, o) => job('restart', 'try-restart')(p, names.filter((n) => manager(p).get(full(n))?.active === 'active'), o),
  reload: job('restart', 'reload'),
  'reload-or-restart': job('restart', 'reload-or-restart'),
  enable,
  disable,
  mask,
  unmask,
  status,
  cat,
  show,
  reboot,
  poweroff,
  halt: poweroff,
  'is-active': isActive,
  'is-enabled': isEnabled,
  'is-failed': isFailed,
  'list-units': listUnits,
  'list-unit-files': listUnitFiles,
  'daemon-reload': async (p) => {
    if (!(await privileged(p, 'reload daemon'))) return 1
    manager(p).daemonReload()
    return 0
  },
  'daemon-reexec': async (p) => ((await privileged(p, 'reload daemon')) ? 0 : 1),
  'reset-failed': async (p, names) => {
    for (const n of names.length === 0 ? [undefined] : names.map(full)) manager(p).resetFailed(n)
    return 0
  },
}

export const systemctl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'alqn:p:t:fH:M:', { all: '', full: '', quiet: '', now: '', lines: ':', property: ':', type: ':', state: ':', value: '', 'no-pager': '', 'no-legend': '', force: '', failed: '', system: '', help: '', version: '', plain: '' })
  if (o.error !== undefined) {
    await p.stderr.write(`systemctl: ${o.error}\n`)
    return 1
  }
  const [verb = 'list-units', ...names] = o.operands
  const run = verbs[verb]
  if (!run) {
    await p.stderr.write(`Unknown command verb ${verb}.\n`)
    return 1
  }
  return run(p, names, {
    now: o.has('now'),
    lines: Number(o.get('n', 'lines') ?? 10),
    quiet: o.has('q', 'quiet'),
    type: o.get('t', 'type'),
    state: o.has('failed') ? 'failed' : o.get('state'),
    all: o.has('a', 'all'),
    property: o.all('p', 'property').flatMap((v) => v.split(',')),
    value: o.has('value'),
  })
}

export const rebootProgram: Program = (p) => reboot(p, [], {} as Options)
export const poweroffProgram: Program = (p) => poweroff(p, [], {} as Options)
