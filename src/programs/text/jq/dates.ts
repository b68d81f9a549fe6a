/** jq's date functions; all times are UTC. */
import { strftime } from '#shell/builtins/printf.ts'
import { JqError } from './values.ts'
import type { Json } from './values.ts'

function broken(ms: number): Json {
  const d = new Date(ms)
  if (Number.isNaN(ms)) throw new JqError('gmtime() requires numeric inputs')
  return [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds() + (ms % 1000) / 1000, d.getUTCDay(), Math.floor((Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()) - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86400000)]
}
const unbroken = (v: Json) => {
  if (!Array.isArray(v) || v.length < 6 || v.some((x) => typeof x !== 'number')) throw new JqError('mktime requires parsed datetime inputs')
  const [y, mo, d, h, mi, s] = v as number[]
  return Date.UTC(y!, mo!, d!, h ?? 0, mi ?? 0, Math.floor(s ?? 0)) / 1000
}
function dateText(v: Json): Json {
  if (typeof v !== 'number' && !Array.isArray(v)) throw new JqError('strftime/1 requires parsed datetime inputs')
  return new Date(Math.floor(typeof v === 'number' ? v : unbroken(v)) * 1000).toISOString().replace('.000Z', 'Z')
}
function fromDate(v: Json): Json {
  const m = typeof v === 'string' ? /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/.exec(v) : null
  if (typeof v !== 'string') throw new JqError(`strptime/1 requires string inputs and arguments`)
  if (!m) throw new JqError(`date "${v}" does not match format "%Y-%m-%dT%H:%M:%SZ"`)
  return Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3]), Number(m[4]), Number(m[5]), Number(m[6])) / 1000
}

type Define<F> = (key: string, f: F) => void

/** Adds them to the table of built-ins. */
export function addDates(value: Define<(v: Json) => Json>, values: Define<(v: Json, args: readonly Json[]) => Json>): void {
  value('todate/0', dateText)
  for (const n of ['fromdate/0', 'fromdateiso8601/0']) value(n, fromDate)
  value('todateiso8601/0', dateText)
  value('toisodate/0', dateText)
  value('gmtime/0', (v) => broken(typeof v === 'number' ? v * 1000 : NaN))
  value('localtime/0', (v) => broken(typeof v === 'number' ? v * 1000 : NaN))
  value('mktime/0', (v) => (Array.isArray(v) ? unbroken(v) : (() => { throw new JqError('mktime requires array inputs') })()))
  for (const key of ['strftime/1', 'strflocaltime/1']) values(key, (v, [f]) => {
    if (typeof f !== 'string') throw new JqError('strftime/1 requires a string format')
    if (typeof v !== 'number' && !Array.isArray(v)) throw new JqError('strftime/1 requires parsed datetime inputs')
    return strftime(f, (typeof v === 'number' ? v : unbroken(v)) * 1000)
  })
  values('strptime/1', (v, [f]) => {
    if (typeof v !== 'string' || typeof f !== 'string') throw new JqError(`strptime/1 requires string inputs and arguments`)
    const names: string[] = []
    const source = f.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/%([a-zA-Z%])/g, (_, c: string) => {
      names.push(c)
      return { Y: '(\\d{4})', m: '(\\d\\d?)', d: '(\\d\\d?)', H: '(\\d\\d?)', M: '(\\d\\d?)', S: '(\\d\\d?)', Z: '([A-Za-z]+)', z: '([-+]\\d\\d:?\\d\\d|Z)', T: '(\\d\\d:\\d\\d:\\d\\d)', F: '(\\d{4}-\\d\\d-\\d\\d)', b: '([A-Za-z]{3})', a: '([A-Za-z]{3})', A: '([A-Za-z]+)', e: '\\s*(\\d+)', s: '(\\d+)', j: '(\\d+)', y: '(\\d\\d)' }[c] ?? '(.*?)'
    })
    const m = new RegExp(`^${source}$`).exec(v)
    if (!m) throw new JqError(`date "${v}" does not match format "${f}"`)
    let [y, mo, d, h, mi, s] = [1900, 0, 0, 0, 0, 0]
    names.forEach((c, i) => {
      const t = m[i + 1]!
      if (c === 'Y') y = Number(t)
      else if (c === 'm') mo = Number(t) - 1
      else if (c === 'd' || c === 'e') d = Number(t)
      else if (c === 'H') h = Number(t)
      else if (c === 'M') mi = Number(t)
      else if (c === 'S') s = Number(t)
      else if (c === 'T') [h, mi, s] = t.split(':').map(Number) as [number, number, number]
      else if (c === 'F') {
        const [a, b, e] = t.split('-').map(Number) as [number, number, number]
        ;[y, mo, d] = [a, b - 1, e]
      } else if (c === 'b') mo = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].indexOf(t.toLowerCase())
      else if (c === 's') {
        const x = new Date(Number(t) * 1000)
        ;[y, mo, d, h, mi, s] = [x.getUTCFullYear(), x.getUTCMonth(), x.getUTCDate(), x.getUTCHours(), x.getUTCMinutes(), x.getUTCSeconds()]
      }
    })
    // Without a day of the month nothing says which weekday it is.
    if (d === 0) return [y, mo, 0, h, mi, s, 8, 367]
    return broken(Date.UTC(y, mo, d, h, mi, s))
  })
}
