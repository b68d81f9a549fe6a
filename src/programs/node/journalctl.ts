/** journalctl of systemd 252: the journal of the machine. Output forms: short (default), short-iso, cat, json (few fields). */
import type { JournalEntry } from '#engine/machine/machine.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'
import { shortTime } from './time.ts'

const priorities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug']

function parseSince(text: string, now: number): number | undefined {
  if (text === 'now') return now
  if (text === 'today') return now - (now % 86_400_000)
  if (text === 'yesterday') return now - (now % 86_400_000) - 86_400_000
  const relative = /^-?(\d+)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)(?:\s+ago)?$/.exec(text)
  if (relative) return now - Number(relative[1]) * ({ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[relative[2]![0]!] ?? 1000)
  const clock = /^(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d:\d\d(?::\d\d)?)$/.exec(text)
  if (clock) return Date.parse(`${clock[1] ?? new Date(now).toISOString().slice(0, 10)}T${clock[2]}Z`)
  const date = /^\d{4}-\d\d-\d\d$/.exec(text)
  return date ? Date.parse(`${text}T00:00:00Z`) : undefined
}

export const journalctl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'u:fn::exrb::S:U:o:p:kt:aqg:', { unit: ':', follow: '', lines: '::', 'pager-end': '', catalog: '', reverse: '', boot: '::', since: ':', until: ':', output: ':', priority: ':', dmesg: '', identifier: ':', 'no-pager': '', all: '', quiet: '', grep: ':', 'disk-usage': '', 'no-hostname': '' })
  if (o.error !== undefined) {
    await p.stderr.write(`journalctl: ${o.error}\n`)
    return 1
  }
  const operands = [...o.operands]
  const { host } = p.machine
  const now = p.now()
  const bound = async (name: string, short: string): Promise<number | undefined | 'bad'> => {
    const text = o.get(short, name)
    if (text === undefined) return undefined
    const time = parseSince(text, now)
    if (time !== undefined) return time
    await p.stderr.write(`Failed to parse timestamp: ${text}\n`)
    return 'bad'
  }
  const since = await bound('since', 'S')
  const until = await bound('until', 'U')
  if (since === 'bad' || until === 'bad') return 1
  const units = new Set(o.all('u', 'unit').map((u) => (/\.\w+$/.test(u) ? u : `${u}.service`)))
  const identifiers = new Set(o.all('t', 'identifier'))
  const level = o.get('p', 'priority')
  const priority = level === undefined ? 7 : /^\d$/.test(level) ? Number(level) : priorities.findIndex((n) => n.startsWith(level))
  const pattern = o.get('g', 'grep')
  const format = o.get('o', 'output') ?? 'short'
  // -n takes its number glued on or as the next word.
  let limit = o.has('n', 'lines') ? (o.get('n', 'lines') ?? (/^\d+$/.test(operands[0] ?? '') ? operands.shift()! : '10')) : o.has('f', 'follow') ? '10' : 'all'
  if (o.has('e', 'pager-end') && limit === 'all') limit = '1000'
  const wanted = (e: JournalEntry) =>
    (units.size === 0 || units.has(e.unit)) &&
    (identifiers.size === 0 || identifiers.has(e.identifier)) &&
    e.priority <= priority &&
    (since === undefined || e.time >= since) &&
    (until === undefined || e.time <= until) &&
    (!o.has('k', 'dmesg') || e.identifier === 'kernel') &&
    (pattern === undefined || new RegExp(pattern, pattern === pattern.toLowerCase() ? 'i' : '').test(e.message))
  if (p.user.uid !== 0 && !p.user.groups.includes(4) && !p.user.groups.includes(999)) {
    await p.stderr.write("Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\nNo journal files were opened due to insufficient permissions.\n")
    return 1
  }
  let entries = host.journal.read().filter(wanted)
  if (limit !== 'all') entries = entries.slice(-Number(limit))
  if (o.has('r', 'reverse')) entries = [...entries].reverse()
  if (entries.length === 0 && !o.has('f', 'follow')) await p.stdout.write('-- No entries --\n')
  else await p.stdout.write(entries.map((e) => line(p, e, format)).join(''))
  if (!o.has('f', 'follow')) return 0
  const pending: JournalEntry[] = []
  let wake: (() => void) | undefined
  const stop = host.journal.follow((e) => {
    if (!wanted(e)) return
    pending.push(e)
    wake?.()
  })
  p.onEnd(stop)
  for (;;) {
    if (pending.length === 0) await p.call<void>((resolve) => void (wake = resolve))
    wake = undefined
    await p.stdout.write(pending.splice(0).map((e) => line(p, e, format)).join(''))
  }
}

function line(p: Process, e: JournalEntry, format: string): string {
  const { hostname } = p.machine.host
  switch (format) {
    case 'cat':
      return `${e.message}\n`
    case 'json':
      return `${JSON.stringify({ __REALTIME_TIMESTAMP: String(Math.round(e.time * 1000)), _HOSTNAME: hostname, PRIORITY: String(e.priority), SYSLOG_IDENTIFIER: e.identifier, _PID: String(e.pid), _SYSTEMD_UNIT: e.unit, MESSAGE: e.message })}\n`
    case 'short-iso':
      return `${new Date(e.time).toISOString().slice(0, 19)}+0000 ${hostname} ${e.identifier}[${e.pid}]: ${e.message}\n`
    default:
      return `${shortTime(e.time)} ${hostname} ${e.identifier}[${e.pid}]: ${e.message}\n`
  }
}
