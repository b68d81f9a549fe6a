/** Signals: numbers, what they do by default, and the words that shells print for them (glibc's strsignal). */
import type { Signal } from './process.ts'

interface SignalFacts {
  readonly number: number
  readonly action: 'terminate' | 'core' | 'ignore' | 'stop' | 'continue'
  readonly text: string
}

export const signals: Readonly<Record<Signal, SignalFacts>> = {
  SIGHUP: { number: 1, action: 'terminate', text: 'Hangup' },
  SIGINT: { number: 2, action: 'terminate', text: 'Interrupt' },
  SIGQUIT: { number: 3, action: 'core', text: 'Quit' },
  SIGILL: { number: 4, action: 'core', text: 'Illegal instruction' },
  SIGTRAP: { number: 5, action: 'core', text: 'Trace/breakpoint trap' },
  SIGABRT: { number: 6, action: 'core', text: 'Aborted' },
  SIGBUS: { number: 7, action: 'core', text: 'Bus error' },
  SIGFPE: { number: 8, action: 'core', text: 'Floating point exception' },
  SIGKILL: { number: 9, action: 'terminate', text: 'Killed' },
  SIGUSR1: { number: 10, action: 'terminate', text: 'User defined signal 1' },
  SIGSEGV: { number: 11, action: 'core', text: 'Segmentation fault' },
  SIGUSR2: { number: 12, action: 'terminate', text: 'User defined signal 2' },
  SIGPIPE: { number: 13, action: 'terminate', text: 'Broken pipe' },
  SIGALRM: { number: 14, action: 'terminate', text: 'Alarm clock' },
  SIGTERM: { number: 15, action: 'terminate', text: 'Terminated' },
  SIGCHLD: { number: 17, action: 'ignore', text: 'Child exited' },
  SIGCONT: { number: 18, action: 'continue', text: 'Continued' },
  SIGSTOP: { number: 19, action: 'stop', text: 'Stopped (signal)' },
  SIGTSTP: { number: 20, action: 'stop', text: 'Stopped' },
  SIGTTIN: { number: 21, action: 'stop', text: 'Stopped (tty input)' },
  SIGTTOU: { number: 22, action: 'stop', text: 'Stopped (tty output)' },
  SIGSYS: { number: 31, action: 'core', text: 'Bad system call' },
  SIGWINCH: { number: 28, action: 'ignore', text: 'Window changed' },
}

/** `TERM`, `SIGTERM`, `15`, any case; undefined for none. */
export function signalNamed(text: string): Signal | undefined {
  const upper = text.toUpperCase()
  for (const [name, facts] of Object.entries(signals)) if (upper === name || 'SIG' + upper === name || upper === String(facts.number)) return name as Signal
  return undefined
}
