/** journalctl of systemd 252 over the host's journal. */
import type { JournalEntry } from '#engine/machine/machine.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'
import { clock, complain, months, say } from '../net/support.ts'

export function journalLine(e: JournalEntry, hostname: string): string {
  const d = new Date(e.time)
  const head = `${months[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2, '0')} ${clock(e.time)} ${hostname} ${e.identifier}${e.pid > 0 ? `[${e.pid}]` : ''}: `
  return head + e.message.split('\n').join('\n' + ' '.repeat(head.length))
}

const priorities: Readonly<Record<string, number>> = { emerg: 0, alert: 1, crit: 2, err: 3, error: 3, warning: 4, notice: 5, info: 6, debug: 7 }

/** `today`, `10 min ago`, `-1h`, `2026-01-05 10:00[:00]`, `10:00`. */
function timeOf(text: string, now: number): number | undefined {
  const day = Math.floor(now / 86_400_000) * 86_400_000
  if (text === 'now') return now
  if (text === 'today') return day
  if (text === 'yesterday') return day - 86_400_000
  const units: readonly (readonly [RegExp, number])[] = [[/^(s|sec|secs|second|seconds)$/, 1000], [/^(m|min|mins|minute|minutes)$/, 60_000], [/^(h|hr|hour|hours)$/, 3_600_000], [/^(d|day|days)$/, 86_400_000], [/^(w|week|weeks)$/, 604_800_000]]
  const relative = /^(-?)((?:\d+\s*[a-z]+\s*)+?)(ago)?$/.exec(text.trim())
  if (relative && (relative[1] || relative[3])) {
    let ms = 0
    for (const m of relative[2]!.matchAll(/(\d+)\s*([a-z]+)/g)) {
      const unit = units.find(([re]) => re.test(m[2]!))
      if (!unit) return undefined
      ms += Number(m[1]) * unit[1]
    }
    return now - ms
  }
  const hm = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(text)
  if (hm) return day + Number(hm[1]) * 3_600_000 + Number(hm[2]) * 60_000 + Number(hm[3] ?? 0) * 1000
  const full = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?/.exec(text)
  if (full) return Date.UTC(Number(full[1]), Number(full[2]) - 1, Number(full[3]), Number(full[4] ?? 0), Number(full[5] ?? 0), Number(full[6] ?? 0))
  return undefined
}

export const journalctl: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'u:fn::eaxrkqo:p:b::S:U:t:lg:D:mM:', { unit: ':', follow: '', lines: '::', 'pager-end': '', all: '', catalog: '', reverse: '', dmesg: '', quiet: '', output: ':', priority: ':', boot: '::', since: ':', until: ':', identifier: ':', 'no-pager': '', full: '', 'no-full': '', grep: ':', 'no-hostname': '', 'no-tail': '', utc: '', 'disk-usage': '', 'list-boots': '', 'vacuum-size': ':', 'vacuum-time': ':', rotate: '', 'user-unit': ':' })
  if (o.error) {
    await complain(p, `journalctl: ${o.error}\n`)
    return 1
  }
  const host = p.machine.host
  if (p.machine !== host) {
    await complain(p, 'No journal files were found.\n-- No entries --\n')
    return 0
  }
  if (o.has('disk-usage')) {
    await say(p, 'Archived and active journals take up 24.0M in the file system.\n')
    return 0
  }
  const units = o.all('u', 'unit').map((u) => (/\.\w+$/.test(u) ? u : `${u}.service`))
  const bounds: { since?: number; until?: number } = {}
  for (const [key, name] of [['since', 'S'], ['until', 'U']] as const) {
    const text = o.get(name, key)
    if (text === undefined) continue
    const t = timeOf(text, p.now())
    if (t === undefined) {
      await complain(p, `Failed to parse timestamp: ${text}\n`)
      return 1
    }
    bounds[key] = t
  }
  if (o.options.some(([n]) => n === 'b' || n === 'boot')) bounds.since = Math.max(bounds.since ?? 0, host.bootTime)
  const identifiers = o.all('t', 'identifier')
  const least = o.get('p', 'priority')
  const limit = least === undefined ? 7 : (priorities[least.split('..').at(-1)!] ?? Number(least))
  const pattern = o.get('g', 'grep')
  const test = (e: JournalEntry) => (units.length === 0 || units.some((u) => (u.includes('*') ? new RegExp(`^${u.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(e.unit) : e.unit === u))) && (identifiers.length === 0 || identifiers.includes(e.identifier)) && e.priority <= limit && (pattern === undefined || new RegExp(pattern).test(e.message)) && (!o.has('k', 'dmesg') || e.unit === 'kernel')
  const format = o.get('o', 'output') ?? 'short'
  const show = (e: JournalEntry) => line(e, format, o.has('no-hostname') ? '' : host.hostname)
  let entries = host.journal.read(bounds).filter(test)
  const follow = o.has('f', 'follow')
  const given = o.options.find(([n]) => n === 'n' || n === 'lines')
  const count = given ? (given[1] === undefined ? (/^\d+$/.test(o.operands[0] ?? '') ? Number(o.operands[0]) : 10) : given[1] === 'all' ? Infinity : Number(given[1])) : follow && !o.has('no-tail') ? 10 : o.has('e', 'pager-end') ? 1000 : Infinity
  if (count !== Infinity) entries = entries.slice(-count)
  if (count === 0) entries = []
  if (o.has('r', 'reverse')) entries = [...entries].reverse()
  if (entries.length === 0 && !follow && !o.has('q', 'quiet')) await say(p, '-- No entries --\n')
  // A terminal would show this in a pager.
  await say(p, entries.map(show).join(''))
  if (!follow) return 0
  return tail(p, test, show)
}

function line(e: JournalEntry, format: string, hostname: string): string {
  switch (format) {
    case 'cat':
      return `${e.message}\n`
    case 'short-iso':
      return `${new Date(Math.floor(e.time / 1000) * 1000).toISOString().replace('.000Z', '+0000')} ${hostname} ${e.identifier}[${e.pid}]: ${e.message}\n`
    case 'short-precise': {
      const short = journalLine(e, hostname)
      return `${short.slice(0, 15)}.${String(Math.floor((e.time % 1000) * 1000)).padStart(6, '0')}${short.slice(15)}\n`
    }
    case 'json':
      return JSON.stringify({ __REALTIME_TIMESTAMP: String(Math.floor(e.time * 1000)), PRIORITY: String(e.priority), SYSLOG_IDENTIFIER: e.identifier, _SYSTEMD_UNIT: e.unit, _PID: String(e.pid), _HOSTNAME: hostname, MESSAGE: e.message }) + '\n'
    default:
      return `${hostname === '' ? journalLine(e, '').replace('  ', ' ') : journalLine(e, hostname)}\n`
  }
}

async function tail(p: Process, test: (e: JournalEntry) => boolean, show: (e: JournalEntry) => string): Promise<number> {
  const queue: string[] = []
  let wake: (() => void) | undefined
  const stop = p.machine.host.journal.follow((e) => {
    if (!test(e)) return
    queue.push(show(e))
    wake?.()
  })
  p.onEnd(stop)
  for (;;) {
    const text = queue.splice(0).join('')
    if (text !== '') await say(p, text)
    else await p.call<void>((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
    })
  }
}
