/**
 * systemd's services: unit files are read from the usual places (drop-ins too) when they are first needed or at daemon-reload; a
 * unit's main process is a process like any other, its output goes to the journal. Restart=, start limits, enablement by WantedBy
 * links. Leaves out: sockets, timers, targets other than multi-user, ordering beyond After=, cgroups, Type=notify readiness (active once started).
 */
import type { Timer } from '#engine/sim/sim.ts'
import { FsError, strerror } from './files.ts'
import { LineSplitter } from './journal.ts'
import type { Unit, Units } from './machine.ts'
import type { Child, Signal, WaitStatus } from './process.ts'
import type { RealmBase } from './realm.ts'

export const unitPath = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system'] as const
const wants = '/etc/systemd/system/multi-user.target.wants'

export class ServiceUnit implements Unit {
  readonly name: string
  path = ''
  /** section → key → values in order; an empty value resets the list. */
  sections = new Map<string, Map<string, string[]>>()
  active: Unit['active'] = 'inactive'
  sub = 'dead'
  since: number
  result = 'success'
  enabled = false
  /** Its links keep it from starting at all. */
  masked = false
  child: Child | undefined
  exit: WaitStatus | undefined
  started = 0
  lastPid = 0
  restarts = 0
  dropIns: string[] = []
  /** The files have changed since they were read. */
  stale = false
  readonly starts: number[] = []
  wanted = false
  timer: Timer | undefined

  constructor(name: string, now: number) {
    this.name = name
    this.since = now
  }

  get(section: string, key: string): string | undefined {
    return this.sections.get(section)?.get(key)?.at(-1)
  }
  all(section: string, key: string): readonly string[] {
    return this.sections.get(section)?.get(key) ?? []
  }
  get description(): string {
    return this.get('Unit', 'Description') ?? this.name
  }
  get mainPid(): number | undefined {
    return this.child?.pid
  }
}

/** Adds what a unit file says to `sections`. */
export function parseUnitFile(text: string, sections: Map<string, Map<string, string[]>>): void {
  let section = ''
  const lines = text.replace(/\\\n\s*/g, ' ').split('\n')
  for (const line of lines) {
    const head = /^\[(.+)\]\s*$/.exec(line)
    if (head) section = head[1]!
    const pair = /^\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line)
    if (!pair || /^\s*[#;]/.test(line)) continue
    const keys = sections.get(section) ?? new Map<string, string[]>()
    sections.set(section, keys)
    if (pair[2] === '') keys.set(pair[1]!, [])
    else keys.set(pair[1]!, [...(keys.get(pair[1]!) ?? []), pair[2]!])
  }
}

/** A command line's words: quotes and backslashes as systemd takes them. */
export function splitCommand(text: string): string[] {
  const words: string[] = []
  const re = /"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"'\\]|\\.)+)/g
  let last = -1
  for (let m = re.exec(text); m; m = re.exec(text)) {
    const word = (m[1] ?? m[2] ?? m[3]!).replace(/\\(.)/g, '$1')
    if (m.index === last && words.length > 0) words[words.length - 1] += word
    else words.push(word)
    last = re.lastIndex
  }
  return words
}

const seconds = (text: string | undefined, fallback: number): number => {
  if (text === undefined) return fallback
  const m = /^(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h)?$/.exec(text)
  return m ? Number(m[1]) * ({ ms: 1, min: 60_000, m: 60_000, h: 3_600_000 }[m[2] ?? 's'] ?? 1000) : fallback
}

export class ServiceTable implements Units {
  readonly #realm: RealmBase
  readonly #units = new Map<string, ServiceUnit>()
  /** Told before a unit's process starts; for tests and the kubelet's start-up notes. */
  onChange: (unit: ServiceUnit) => void = () => {}

  constructor(realm: RealmBase) {
    this.#realm = realm
  }

  #full(name: string): string {
    return /\.(service|target|socket|timer|mount|swap|slice|path|scope)$/.test(name) ? name : name + '.service'
  }

  get(name: string): ServiceUnit | undefined {
    const full = this.#full(name)
    const known = this.#units.get(full)
    if (known) {
      known.enabled = this.#isEnabled(full)
      return known
    }
    return this.#load(full)
  }

  #file(name: string): string | undefined {
    return unitPath.map((dir) => `${dir}/${name}`).find((path) => this.#realm.fs.exists(path) || this.#isMask(path))
  }

  #isMask(path: string): boolean {
    try {
      return this.#realm.fs.readlink(path) === '/dev/null'
    } catch {
      return false
    }
  }

  #isEnabled(name: string): boolean {
    try {
      this.#realm.fs.lstat(`${wants}/${name}`)
      return true
    } catch {
      return false
    }
  }

  #load(name: string): ServiceUnit | undefined {
    const path = this.#file(name)
    if (path === undefined) return undefined
    const unit = new ServiceUnit(name, this.#realm.sim.now)
    this.#units.set(name, unit)
    this.#read(unit)
    return unit
  }

  #read(unit: ServiceUnit): void {
    const { fs } = this.#realm
    const path = this.#file(unit.name)
    unit.stale = false
    unit.dropIns = []
    unit.enabled = this.#isEnabled(unit.name)
    if (path === undefined) return
    unit.masked = this.#isMask(path)
    unit.path = path
    unit.sections = new Map()
    if (unit.masked) return
    parseUnitFile(fs.readFile(path), unit.sections)
    for (const dir of [...unitPath].reverse()) {
      const folder = `${dir}/${unit.name}.d`
      if (!fs.exists(folder)) continue
      for (const file of fs.readDir(folder)) {
        if (!file.endsWith('.conf')) continue
        unit.dropIns.push(`${folder}/${file}`)
        parseUnitFile(fs.readFile(`${folder}/${file}`), unit.sections)
      }
    }
    for (const file of [path, ...unit.dropIns]) {
      const stop = fs.watch(file, () => {
        unit.stale = true
        stop()
      })
    }
  }

  list(): readonly ServiceUnit[] {
    for (const dir of unitPath) {
      if (!this.#realm.fs.exists(dir)) continue
      for (const file of this.#realm.fs.readDir(dir)) if (file.endsWith('.service')) this.get(file)
    }
    return [...this.#units.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  daemonReload(): void {
    for (const unit of [...this.#units.values()]) {
      if (this.#file(unit.name) === undefined && !unit.child) this.#units.delete(unit.name)
      else this.#read(unit)
    }
  }

  enable(name: string): void {
    const unit = this.get(name)
    if (!unit) return
    const { fs } = this.#realm
    fs.mkdir(wants, { parents: true })
    if (!this.#isEnabled(unit.name)) fs.symlink(unit.path.replace(/^\/usr\/lib/, '/lib'), `${wants}/${unit.name}`)
    unit.enabled = true
  }

  disable(name: string): void {
    const unit = this.get(name)
    if (!unit || !this.#isEnabled(unit.name)) return
    this.#realm.fs.unlink(`${wants}/${unit.name}`)
    unit.enabled = false
  }

  /** Starts what is enabled, in the order that After= asks for. */
  startEnabled(): void {
    const names = this.#realm.fs.exists(wants) ? this.#realm.fs.readDir(wants) : []
    const done = new Set<string>()
    const start = (name: string) => {
      if (done.has(name)) return
      done.add(name)
      const unit = this.get(name)
      if (!unit) return
      for (const before of unit.all('Unit', 'After').flatMap((a) => a.split(/\s+/))) if (names.includes(before)) start(before)
      this.start(name)
    }
    for (const name of names) start(name)
  }

  /** The host goes down: orderly (units are stopped, and say so) or by losing power. Their processes are killed afterwards. */
  forgetProcesses(orderly: boolean): void {
    for (const unit of this.#units.values()) {
      if (orderly && unit.child) {
        this.#log(unit, `Stopping ${unit.name} - ${unit.description}...`)
        this.#log(unit, `${unit.name}: Deactivated successfully.`)
        this.#log(unit, `Stopped ${unit.name} - ${unit.description}.`)
      }
      this.#realm.sim.cancel(unit.timer)
      unit.child = undefined
      unit.wanted = false
      this.#set(unit, 'inactive', 'dead')
      unit.starts.length = 0
      this.#read(unit)
    }
  }

  #set(unit: ServiceUnit, active: Unit['active'], sub: string): void {
    if (unit.active !== active) unit.since = this.#realm.sim.now
    unit.active = active
    unit.sub = sub
    this.onChange(unit)
  }

  #log(unit: ServiceUnit, message: string): void {
    this.#realm.journal.append({ unit: unit.name, identifier: 'systemd', pid: 1, message })
  }

  start(name: string): void {
    const unit = this.get(name)
    if (!unit || unit.masked || unit.child || unit.active === 'active') return
    unit.wanted = true
    unit.result = 'success'
    unit.starts.length = 0
    this.#launch(unit)
  }

  #environment(unit: ServiceUnit): Record<string, string> {
    const env: Record<string, string> = { LANG: 'C.UTF-8', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin' }
    const put = (word: string) => {
      const eq = word.indexOf('=')
      if (eq > 0) env[word.slice(0, eq)] = word.slice(eq + 1)
    }
    for (const line of unit.all('Service', 'Environment')) splitCommand(line).forEach(put)
    for (const file of unit.all('Service', 'EnvironmentFile')) {
      try {
        for (const line of this.#realm.fs.readFile(file.replace(/^-/, '')).split('\n')) if (!/^\s*[#;]/.test(line)) put(line.trim().replace(/^([^=]+)=(["'])(.*)\2$/, '$1=$3'))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        if (!file.startsWith('-')) this.#log(unit, `${unit.name}: Failed to load environment files: ${strerror(error.code)}`)
      }
    }
    return env
  }

  #launch(unit: ServiceUnit): void {
    const realm = this.#realm
    const now = realm.sim.now
    const interval = seconds(unit.get('Unit', 'StartLimitIntervalSec') ?? unit.get('Unit', 'StartLimitInterval'), 10_000)
    const burst = Number(unit.get('Unit', 'StartLimitBurst') ?? 5)
    while (unit.starts.length > 0 && unit.starts[0]! < now - interval) unit.starts.shift()
    if (interval > 0 && unit.starts.length >= burst) {
      this.#log(unit, `${unit.name}: Start request repeated too quickly.`)
      unit.result = 'start-limit-hit'
      this.#log(unit, `${unit.name}: Failed with result '${unit.exit ? resultOf(unit.exit) : unit.result}'.`)
      this.#log(unit, `Failed to start ${unit.name} - ${unit.description}.`)
      this.#set(unit, 'failed', 'failed')
      return
    }
    unit.starts.push(now)
    const line = (unit.get('Service', 'ExecStart') ?? '').replace(/^[-@+!:]*/, '')
    const env = this.#environment(unit)
    const argv = splitCommand(line).flatMap((word) => {
      const whole = /^\$(\w+)$/.exec(word)
      if (whole) return splitCommand(env[whole[1]!] ?? '')
      return [word.replace(/\$\{(\w+)\}/g, (_, n: string) => env[n] ?? '').replaceAll('$$', '$').replaceAll('%%', '%')]
    })
    if (argv.length === 0) return
    const identifier = unit.get('Service', 'SyslogIdentifier') ?? argv[0]!.replace(/^.*\//, '')
    const user = unit.get('Service', 'User')
    let child: Child
    const lines = new LineSplitter((message) => realm.journal.append({ unit: unit.name, identifier, pid: unit.lastPid, message }))
    try {
      child = realm.start({
        argv, env, cwd: unit.get('Service', 'WorkingDirectory') ?? '/', ...(user !== undefined && realm.users.get(user) && { user: realm.users.get(user)! }),
        output: { stdout: (text) => lines.feed(text), stderr: (text) => lines.feed(text) },
      })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      const pid = 0
      realm.journal.append({ unit: unit.name, identifier: `(${identifier.slice(0, 8)})`, pid, priority: 3, message: `${unit.name}: Failed to locate executable ${argv[0]}: ${strerror(error.code)}` })
      realm.journal.append({ unit: unit.name, identifier: `(${identifier.slice(0, 8)})`, pid, priority: 3, message: `${unit.name}: Failed at step EXEC spawning ${argv[0]}: ${strerror(error.code)}` })
      this.#log(unit, `Started ${unit.name} - ${unit.description}.`)
      this.#over(unit, { code: 203 })
      return
    }
    unit.child = child
    unit.lastPid = child.pid
    unit.started = now
    unit.exit = undefined
    const type = unit.get('Service', 'Type') ?? 'simple'
    this.#set(unit, type === 'oneshot' ? 'activating' : 'active', type === 'oneshot' ? 'start' : 'running')
    this.#log(unit, `${type === 'oneshot' ? 'Starting' : 'Started'} ${unit.name} - ${unit.description}${type === 'oneshot' ? '...' : '.'}`)
    child.onEnd((status) => {
      lines.flush()
      if (unit.child === child) this.#over(unit, status)
    })
  }

  #over(unit: ServiceUnit, status: WaitStatus): void {
    const { sim } = this.#realm
    unit.child = undefined
    unit.exit = status
    const oneshot = unit.get('Service', 'Type') === 'oneshot'
    const failed = status.signal ? !['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGPIPE'].includes(status.signal) : status.code !== 0
    if (failed || !unit.wanted) {
      if (failed) {
        this.#log(unit, `${unit.name}: Main process exited, code=${status.signal ? 'killed' : 'exited'}, status=${status.signal ? `${status.code - 128}/${status.signal.slice(3)}` : `${status.code}/${exitName(status.code)}`}`)
        this.#log(unit, `${unit.name}: Failed with result '${resultOf(status)}'.`)
      }
    }
    if (!unit.wanted) {
      unit.result = failed ? resultOf(status) : 'success'
      this.#log(unit, failed ? `Stopped ${unit.name} - ${unit.description}.` : `${unit.name}: Deactivated successfully.`)
      if (!failed) this.#log(unit, `Stopped ${unit.name} - ${unit.description}.`)
      this.#set(unit, failed ? 'failed' : 'inactive', failed ? 'failed' : 'dead')
      return
    }
    if (oneshot && !failed) {
      const stays = unit.get('Service', 'RemainAfterExit') === 'yes'
      this.#log(unit, `Finished ${unit.name} - ${unit.description}.`)
      this.#set(unit, stays ? 'active' : 'inactive', stays ? 'exited' : 'dead')
      return
    }
    unit.result = failed ? resultOf(status) : 'success'
    const policy = unit.get('Service', 'Restart') ?? 'no'
    const again = policy === 'always' || (failed && (policy === 'on-failure' || (policy === 'on-abnormal' && status.signal !== undefined))) || (!failed && policy === 'on-success')
    if (!failed) this.#log(unit, `${unit.name}: Deactivated successfully.`)
    if (!again) {
      this.#set(unit, failed ? 'failed' : 'inactive', failed ? 'failed' : 'dead')
      return
    }
    this.#set(unit, 'activating', 'auto-restart')
    unit.timer = sim.after(seconds(unit.get('Service', 'RestartSec'), 100), () => {
      if (!unit.wanted) return
      unit.restarts++
      this.#log(unit, `${unit.name}: Scheduled restart job, restart counter is at ${unit.restarts}.`)
      this.#launch(unit)
    }, { background: true })
  }

  stop(name: string): void {
    const unit = this.get(name)
    if (!unit) return
    unit.wanted = false
    this.#realm.sim.cancel(unit.timer)
    if (!unit.child) {
      if (unit.active !== 'failed' && unit.active !== 'inactive') this.#set(unit, 'inactive', 'dead')
      return
    }
    const child = unit.child
    this.#log(unit, `Stopping ${unit.name} - ${unit.description}...`)
    this.#set(unit, 'deactivating', 'stop-sigterm')
    const mode = unit.get('Service', 'KillSignal') as Signal | undefined
    child.signal(mode ?? 'SIGTERM')
    unit.timer = this.#realm.sim.after(seconds(unit.get('Service', 'TimeoutStopSec'), 90_000), () => {
      if (unit.child === child) child.signal('SIGKILL')
    }, { background: true })
  }

  restart(name: string): void {
    const unit = this.get(name)
    if (!unit) return
    const child = unit.child
    this.stop(name)
    if (!child) return this.start(name)
    const wait = () => {
      if (unit.child) unit.timer = this.#realm.sim.after(1, wait, { background: true })
      else this.start(name)
    }
    this.#realm.sim.after(0, wait)
  }

  resetFailed(name?: string): void {
    for (const unit of this.#units.values()) {
      if (name !== undefined && unit.name !== this.#full(name)) continue
      if (unit.active === 'failed') this.#set(unit, 'inactive', 'dead')
      unit.starts.length = 0
      unit.restarts = 0
    }
  }
}

export function resultOf(status: WaitStatus): string {
  return status.signal ? 'signal' : 'exit-code'
}

/** The names that systemd gives exit codes. */
export function exitName(code: number): string {
  const names: Readonly<Record<number, string>> = { 0: 'SUCCESS', 1: 'FAILURE', 2: 'INVALIDARGUMENT', 3: 'NOTIMPLEMENTED', 4: 'NOPERMISSION', 5: 'NOTINSTALLED', 6: 'NOTCONFIGURED', 7: 'NOTRUNNING', 200: 'CHDIR', 203: 'EXEC', 217: 'USER', 255: 'EXCEPTION' }
  return names[code] ?? 'n/a'
}
