/** Small things that the network programs share. */
import { strerror, FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'

export const say = (p: Process, text: string): Promise<void> => p.stdout.write(text)
export const complain = (p: Process, text: string): Promise<void> => p.stderr.write(text)

export function reason(error: unknown): string {
  if (error instanceof FsError) return strerror(error.code)
  throw error
}

/** What getaddrinfo's failure is called (gai_strerror of glibc). */
export const lookupErrors = {
  EAI_NONAME: 'Name or service not known', EAI_AGAIN: 'Temporary failure in name resolution', EAI_NODATA: 'No address associated with hostname', EAI_FAIL: 'Non-recoverable failure in name resolution',
} as const

/** Names of ports in /etc/services, by `port/protocol`. */
export function serviceNames(p: Process): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  let text = ''
  try {
    text = p.fs.readFile('/etc/services')
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  for (const line of text.split('\n')) {
    const m = /^([^\s#]+)\s+(\d+\/\w+)/.exec(line)
    if (m && !names.has(m[2]!)) names.set(m[2]!, m[1]!)
  }
  return names
}

/** The port that a word means: a number or a service's name. */
export function portNamed(p: Process, word: string, protocol: string): number | undefined {
  if (/^\d+$/.test(word)) return Number(word)
  for (const [key, name] of serviceNames(p)) if (name === word && key.endsWith('/' + protocol)) return Number(key.split('/')[0])
  return undefined
}

/** The name of an address in /etc/hosts, or by DNS where `dns` is given; undefined where there is none. */
export async function nameOf(p: Process, address: string, reverse: (p: Process, address: string) => Promise<string | undefined>): Promise<string | undefined> {
  try {
    for (const line of p.fs.readFile('/etc/hosts').split('\n')) {
      const [ip, name] = line.replace(/#.*/, '').trim().split(/\s+/)
      if (ip === address && name) return name
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  return reverse(p, address)
}

/** A number as seconds with at most three decimals after the point, as C's %.3f. */
export const fixed = (n: number, digits: number): string => n.toFixed(digits)

export const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

const two = (n: number) => String(n).padStart(2, '0')

/** `Mon Jan 05 10:20:30 UTC 2026`. */
export function longDate(ms: number): string {
  const d = new Date(ms)
  return `${weekdays[d.getUTCDay()]} ${months[d.getUTCMonth()]} ${two(d.getUTCDate())} ${clock(ms)} UTC ${d.getUTCFullYear()}`
}

/** `10:20:30`. */
export function clock(ms: number): string {
  const d = new Date(ms)
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
}

/** `2026-01-05 10:20:30`. */
export function isoDate(ms: number): string {
  return new Date(Math.floor(ms)).toISOString().slice(0, 19).replace('T', ' ')
}
