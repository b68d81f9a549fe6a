/** uniq: neighbouring lines that are equal, counted, picked or grouped. */
import type { Process, Program } from '#engine/machine/process.ts'
import { Fatal, linesOf, openInput, Out, parseOptions, tool } from './common.ts'
import type { Options } from './common.ts'

const hint = "\nTry 'uniq --help' for more information."

function size(o: Options, flag: string, what: string, none: number): number {
  const v = o.get(flag)
  if (v === undefined) return none
  if (!/^\d+$/.test(v)) throw new Fatal(`uniq: ${v}: invalid number of ${what}`)
  return Number(v)
}

function choice(option: string, value: string, values: readonly string[]): string {
  const found = values.find((v) => v === value) ?? values.filter((v) => v.startsWith(value))[0]
  if (found === undefined) throw new Fatal(`uniq: invalid argument ‘${value}’ for ‘--${option}’\nValid arguments are:\n${values.map((v) => `  - ‘${v}’`).join('\n')}${hint}`)
  return found
}

export const uniq: Program = tool(async (process: Process) => {
  const o = parseOptions(process, { short: 'cdDuif:s:w:z', long: { count: 'c', repeated: 'd', 'all-repeated=?': 'D', unique: 'u', 'ignore-case': 'i', 'skip-fields=': 'f', 'skip-chars=': 's', 'check-chars=': 'w', 'zero-terminated': 'z', 'group=?': 'group' } })
  if (o.rest.length > 2) throw new Fatal(`uniq: extra operand ‘${o.rest[2]}’${hint}`)
  const skipFields = size(o, 'f', 'fields to skip', 0)
  const skipChars = size(o, 's', 'bytes to skip', 0)
  const width = size(o, 'w', 'bytes to compare', Infinity)
  const group = o.has('group') ? (o.get('group') === '' ? 'separate' : choice('group', o.get('group')!, ['prepend', 'append', 'separate', 'both'])) : undefined
  const all = o.has('D') ? (o.get('D') === '' ? 'none' : choice('all-repeated', o.get('D')!, ['none', 'prepend', 'separate'])) : undefined
  if (group !== undefined && ['c', 'd', 'D', 'u'].some((f) => o.has(f))) throw new Fatal(`uniq: --group is mutually exclusive with -c/-d/-D/-u${hint}`)
  if (all !== undefined && o.has('c')) throw new Fatal(`uniq: printing all duplicated lines and repeat counts is meaningless${hint}`)
  const end = o.has('z') ? '\0' : '\n'
  const key = (line: string) => {
    let k = line
    for (let i = 0; i < skipFields; i++) k = k.replace(/^[ \t]*[^ \t]*/, '')
    k = k.slice(skipChars)
    if (width !== Infinity) k = k.slice(0, width)
    return o.has('i') ? k.toLowerCase() : k
  }
  const file = await openInput(process, o.rest[0] ?? '-')
  if (!file) return 1
  const out = new Out(o.rest[1] !== undefined && o.rest[1] !== '-' ? process.open(o.rest[1], { write: true, create: true, truncate: true }) : process.stdout)
  out.lineBuffered = file.kind === 'tty'
  let run: string[] = []
  let current: string | undefined
  let shown = 0
  const flush = async () => {
    const n = run.length
    if (n === 0) return
    const apart = group ?? all
    if (apart !== undefined) {
      if (group === undefined && n === 1) return
      if (apart === 'prepend' || apart === 'both' || (apart === 'separate' && shown > 0)) await out.put(end)
      for (const line of run) await out.put(line + end)
      if (apart === 'append') await out.put(end)
      shown++
      return
    }
    if ((o.has('d') && n === 1) || (o.has('u') && n > 1)) return
    await out.put((o.has('c') ? `${String(n).padStart(7)} ` : '') + run[0] + end)
  }
  for await (const raw of linesOf(file, end)) {
    const line = raw.endsWith(end) ? raw.slice(0, -1) : raw
    const k = key(line)
    if (k === current) run.push(line)
    else {
      await flush()
      run = [line]
      current = k
    }
  }
  await flush()
  if (group === 'both' && shown > 0) await out.put(end)
  await out.flush()
  return 0
})
