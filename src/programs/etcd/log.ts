/** Lines of etcd's loggers: zap as JSON (etcdctl) and as tab-separated words (etcdutl); failures end a command with their exit code. */
import type { Process } from '#engine/machine/process.ts'
import { complain } from '../net/support.ts'

export const exitCodes = { error: 1, badFeature: 4, badArgs: 128 } as const

/** `Error: TEXT` on stderr, and the end of the command. */
export class Failure extends Error {
  readonly code: number
  constructor(text: string, code: number = exitCodes.error) {
    super(text)
    this.code = code
  }
}

export function zapJson(p: Process, level: 'info' | 'warn', fields: Readonly<Record<string, unknown>>): Promise<void> {
  return complain(p, `${JSON.stringify({ level, ts: new Date(Math.floor(p.now())).toISOString().replace('Z', '000Z'), ...fields })}\n`)
}

export function zapConsole(p: Process, caller: string, message: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const more = Object.entries(fields).map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`)
  return complain(p, `${new Date(Math.floor(p.now())).toISOString().slice(0, 19)}Z\tinfo\t${caller}\t${message}${more.length > 0 ? `\t{${more.join(', ')}}` : ''}\n`)
}

/** go-humanize's Bytes. */
export function humanBytes(n: number): string {
  if (n < 10) return `${n} B`
  const e = Math.floor(Math.log(n) / Math.log(1000))
  const value = Math.floor((n / 1000 ** e) * 10 + 0.5) / 10
  return `${value < 10 ? value.toFixed(1) : halfEven(value)} ${['B', 'kB', 'MB', 'GB', 'TB'][e]!}`
}

/** Go's %.0f: halves to the even number. */
const halfEven = (x: number) => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))

/** olekukonko/tablewriter with cells to the right. */
export function boxTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const heads = titles.map((t) => t.toUpperCase())
  const widths = heads.map((t, i) => Math.max(t.length, ...rows.map((r) => r[i]!.length)))
  const rule = `+${widths.map((w) => '-'.repeat(w + 2)).join('+')}+\n`
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const centre = (text: string, width: number) => ' '.repeat((width - text.length) >> 1) + text + ' '.repeat(width - text.length - ((width - text.length) >> 1))
  return rule + line(heads.map((t, i) => centre(t, widths[i]!))) + rule + rows.map((r) => line(r.map((c, i) => c.padStart(widths[i]!)))).join('') + rule
}
