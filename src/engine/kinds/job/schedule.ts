/** Cron expressions as robfig/cron reads them: what is wrong with one, in its words. */
const fields: readonly { readonly min: number; readonly max: number; readonly names?: readonly string[] }[] = [
  { min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]
const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']

export function scheduleError(text: string): string | undefined {
  const spec = text.replace(/^(TZ|CRON_TZ)=\S+\s+/, '')
  if (spec.startsWith('@')) {
    if (descriptors.includes(spec)) return undefined
    if (spec.startsWith('@every ')) {
      const rest = spec.slice(7)
      return /^([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(rest) ? undefined : `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(rest)}`
    }
    return `unrecognized descriptor: ${spec}`
  }
  const parts = spec.split(/\s+/).filter((p) => p !== '')
  if (parts.length !== 5) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`
  for (const [i, part] of parts.entries()) {
    for (const expression of part.split(',')) {
      if (expression === '') continue
      const wrong = rangeError(expression, fields[i]!)
      if (wrong) return wrong
    }
  }
  return undefined
}

function rangeError(expression: string, bounds: (typeof fields)[number]): string | undefined {
  const [range = '', step, ...more] = expression.split('/')
  const ends = range.split('-')
  const value = (text: string): number | string => {
    const name = bounds.names?.indexOf(text.toLowerCase()) ?? -1
    if (name >= 0) return name + bounds.min
    if (!/^[+-]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`
    return Number(text) < 0 ? `negative number (${Number(text)}) not allowed: ${text}` : Number(text)
  }
  let start: number
  let end: number
  if (ends[0] === '*' || ends[0] === '?') {
    start = bounds.min
    end = bounds.max
  } else {
    const first = value(ends[0]!)
    if (typeof first === 'string') return first
    start = first
    end = first
    if (ends.length === 2) {
      const last = value(ends[1]!)
      if (typeof last === 'string') return last
      end = last
    } else if (ends.length > 2) return `too many hyphens: ${expression}`
  }
  if (more.length > 0) return `too many slashes: ${expression}`
  let by = 1
  if (step !== undefined) {
    const s = value(step)
    if (typeof s === 'string') return s
    by = s
    if (ends.length === 1) end = bounds.max
  }
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${expression}`
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${expression}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`
  if (by === 0) return `step of range should be a positive number: ${expression}`
  return undefined
}
