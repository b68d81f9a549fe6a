/** Traps: signals, EXIT, ERR, DEBUG, RETURN. Signal handlers only note what came; commands run between commands, as in bash. */
import type { Signal } from '#engine/machine/process.ts'
import { ExitShell } from '../state.ts'
import type { Shell } from '../state.ts'
import { outcome, runSource } from './source.ts'

/** Names by number, as `kill -l` lists them (Linux). */
export const signalNames: readonly string[] = [
  'EXIT', 'HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS',
]
export const signalTexts: Readonly<Record<string, string>> = {
  SIGHUP: 'Hangup', SIGINT: 'Interrupt', SIGQUIT: 'Quit', SIGKILL: 'Killed', SIGUSR1: 'User defined signal 1', SIGUSR2: 'User defined signal 2', SIGPIPE: 'Broken pipe', SIGALRM: 'Alarm clock', SIGTERM: 'Terminated', SIGSEGV: 'Segmentation fault', SIGABRT: 'Aborted',
  SIGSTOP: 'Stopped (signal)', SIGTSTP: 'Stopped', SIGTTIN: 'Stopped (tty input)', SIGTTOU: 'Stopped (tty output)',
}

/** `TERM`, `SIGTERM`, `15`, `EXIT`, `0` → `TERM`; undefined where there is no such signal. */
export function signalName(spec: string): string | undefined {
  if (/^\d+$/.test(spec)) return signalNames[Number(spec)] ?? (Number(spec) >= 34 && Number(spec) <= 64 ? realtime(Number(spec)) : undefined)
  const name = spec.toUpperCase().replace(/^SIG/, '')
  return signalNames.includes(name) || ['ERR', 'DEBUG', 'RETURN'].includes(name) || /^RTM(IN|AX)([+-]\d+)?$/.test(name) ? name : undefined
}

export function realtime(n: number): string {
  return n === 34 ? 'RTMIN' : n === 64 ? 'RTMAX' : n < 50 ? `RTMIN+${n - 34}` : `RTMAX-${64 - n}`
}

export function signalNumber(name: string): number {
  const at = signalNames.indexOf(name)
  if (at >= 0) return at
  const m = /^RTM(IN|AX)(?:([+-]\d+))?$/.exec(name)
  return m ? (m[1] === 'IN' ? 34 : 64) + Number(m[2] ?? 0) : 0
}

const fatal = ['HUP', 'INT', 'TERM'] as const

/** A signal without trap that ends a shell which has an EXIT trap. */
const dying = new WeakMap<Shell, Signal>()

export function installTrap(sh: Shell, name: string): void {
  if (['EXIT', 'ERR', 'DEBUG', 'RETURN'].includes(name)) {
    if (name === 'EXIT') for (const f of fatal) installTrap(sh, f)
    return
  }
  const signal = `SIG${name}` as Signal
  const action = sh.traps.get(name)
  if (name === 'KILL' || name === 'STOP') return
  if (action === '') sh.process.onSignal(signal, 'ignore')
  else if (action !== undefined) sh.process.onSignal(signal, () => void sh.pendingTraps.push(name))
  else if (sh.interactive && !sh.subshell) interactiveDefault(sh, name)
  else if (sh.traps.get('EXIT') && (fatal as readonly string[]).includes(name)) sh.process.onSignal(signal, () => void dying.set(sh, signal))
  else sh.process.onSignal(signal, undefined)
}

function interactiveDefault(sh: Shell, name: string): void {
  const signal = `SIG${name}` as Signal
  if (name === 'INT') sh.process.onSignal(signal, () => void (sh.interrupted = true))
  else if (['TERM', 'QUIT', 'TSTP', 'TTIN', 'TTOU'].includes(name)) sh.process.onSignal(signal, 'ignore')
  else sh.process.onSignal(signal, undefined)
}

/** At the start of a (sub)shell. */
export function installTraps(sh: Shell): void {
  if (sh.interactive && !sh.subshell) for (const name of ['INT', 'TERM', 'QUIT', 'TSTP', 'TTIN', 'TTOU']) interactiveDefault(sh, name)
  for (const name of sh.traps.keys()) installTrap(sh, name)
}

/** Runs what came since the last command. */
export async function runPendingTraps(sh: Shell): Promise<void> {
  const signal = dying.get(sh)
  if (signal) {
    dying.delete(sh)
    await runExitTrap(sh, 128 + signalNumber(signal.slice(3)))
    sh.process.onSignal(signal, undefined)
    sh.process.kill(sh.process.pid, signal)
    await sh.process.yield()
    throw new ExitShell(128 + signalNumber(signal.slice(3)))
  }
  while (sh.pendingTraps.length > 0) {
    const name = sh.pendingTraps.shift()!
    const action = sh.traps.get(name)
    if (action) await runTrap(sh, name, action)
  }
}

export async function runTrap(sh: Shell, name: string, action: string): Promise<void> {
  const status = sh.status
  const pipestatus = sh.pipestatus
  const line = sh.line
  sh.inTrap++
  try {
    await runSource(sh, action, { name: `${name.toLowerCase()} trap`, line: name === 'ERR' || name === 'DEBUG' ? sh.line : 1 })
  } finally {
    sh.inTrap--
  }
  sh.status = status
  sh.pipestatus = pipestatus
  sh.line = line
}

/** Once, when the shell ends; the result is the exit code (`exit` inside the trap may change it). */
export async function runExitTrap(sh: Shell, status: number): Promise<number> {
  const action = sh.traps.get('EXIT')
  sh.status = status
  if (!action) return status
  sh.traps.delete('EXIT')
  try {
    await runSource(sh, action, { name: 'exit trap' })
  } catch (error) {
    return outcome(sh, error)
  }
  return status
}
