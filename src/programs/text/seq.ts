/** seq: numbers in steps; whole numbers of any size are exact, others go by decimals, as wide as asked. */
import type { Program } from '#engine/machine/process.ts'
import { formatPrintf } from '#shell/builtins/printf.ts'
import { Fatal, Out, tool } from './common.ts'

const hint = "\nTry 'seq --help' for more information."

interface Asked {
  readonly separator: string
  readonly width: boolean
  readonly format: string | undefined
  readonly numbers: readonly string[]
}

function asked(args: readonly string[]): Asked {
  let separator = '\n'
  let width = false
  let format: string | undefined
  const numbers: string[] = []
  let only = false
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    const value = (): string => {
      if (i + 1 >= args.length) throw new Fatal(`seq: option requires an argument -- '${a[1]}'${hint}`)
      return args[++i]!
    }
    if (only || !a.startsWith('-') || a === '-' || /^-[\d.]/.test(a)) numbers.push(a)
    else if (a === '--') only = true
    else if (a === '-s' || a === '--separator') separator = value()
    else if (a.startsWith('--separator=')) separator = a.slice(12)
    else if (a.startsWith('-s')) separator = a.slice(2)
    else if (a === '-w' || a === '--equal-width') width = true
    else if (a === '-f' || a === '--format') format = value()
    else if (a.startsWith('--format=')) format = a.slice(9)
    else if (a.startsWith('-f')) format = a.slice(2)
    else if (a.startsWith('--')) throw new Fatal(`seq: unrecognized option '${a}'${hint}`)
    else if (/^-w./.test(a)) {
      width = true
      args = [...args.slice(0, i + 1), `-${a.slice(2)}`, ...args.slice(i + 1)]
    } else throw new Fatal(`seq: invalid option -- '${a[1]}'${hint}`)
  }
  return { separator, width, format, numbers }
}

function parse(text: string): number {
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Number(text)
  if (/^[-+]?0x[0-9a-f]+$/i.test(text)) return (text.startsWith('-') ? -1 : 1) * Number.parseInt(text.replace(/^[-+]/, ''), 16)
  if (/^[-+]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  throw new Fatal(`seq: invalid floating point argument: ‘${text}’${hint}`)
}

/** The one directive of a format must be of a floating point kind. */
function check(format: string): void {
  const plain = format.replace(/%%/g, '')
  const at = plain.indexOf('%')
  if (at < 0) throw new Fatal(`seq: format ‘${format}’ has no % directive`)
  const m = /^%[-+#0 ']*\d*(?:\.\d*)?L?(.?)/.exec(plain.slice(at))!
  if (m[1] === '') throw new Fatal(`seq: format ‘${format}’ ends in %`)
  if (!'eEfFgGaA'.includes(m[1]!)) throw new Fatal(`seq: format ‘${format}’ has unknown %${m[1]} directive`)
  if (plain.indexOf('%', at + m[0].length) >= 0) throw new Fatal(`seq: format ‘${format}’ has too many % directives`)
}

export const seq: Program = tool(async (process) => {
  const { separator, width, format, numbers } = asked(process.argv.slice(1))
  if (numbers.length === 0) throw new Fatal(`seq: missing operand${hint}`)
  if (numbers.length > 3) throw new Fatal(`seq: extra operand ‘${numbers[3]}’${hint}`)
  if (format !== undefined) check(format)
  const values = numbers.map(parse)
  if (format !== undefined && width) throw new Fatal(`seq: format string may not be specified when printing equal width strings${hint}`)
  const out = new Out(process.stdout)
  let count = 0
  const put = async (text: string) => {
    await out.put((count > 0 ? separator : '') + text)
    if (++count % 1000 === 0) await process.yield()
  }
  const first = numbers.length > 1 ? numbers[0]! : '1'
  const step = numbers.length > 2 ? numbers[1]! : '1'
  const last = numbers.at(-1)!
  const by = numbers.length > 2 ? values[1]! : 1
  if (by === 0) throw new Fatal(`seq: invalid Zero increment value: ‘${step}’${hint}`)
  const padded = (text: string, digits: number) => (text.startsWith('-') ? '-' + text.slice(1).padStart(digits - 1, '0') : text.padStart(digits, '0'))
  if ([first, step, last].every((n) => /^[-+]?\d+$/.test(n)) && format === undefined) {
    const [a, d, z] = [first, step, last].map((n) => BigInt(n.replace(/^\+/, ''))) as [bigint, bigint, bigint]
    const digits = width ? Math.max(...[a, z].map((n) => String(n).length), d < 0n || a < 0n ? 0 : 0) : 0
    for (let n = a; d > 0n ? n <= z : n >= z; n += d) await put(width ? padded(String(n), digits) : String(n))
  } else {
    const decimals = Math.max(...[first, step].map((n) => (/^[^e]*$/i.test(n) ? (n.split('.')[1] ?? '').length : 0)))
    const scale = 10 ** decimals
    const a = Math.round((numbers.length > 1 ? values[0]! : 1) * scale)
    const d = Math.round(by * scale)
    const limit = values.at(-1)! * scale + (d > 0 ? 1e-9 : -1e-9)
    const text = (n: number) => (n / scale).toFixed(decimals)
    const end = Number.isFinite(limit) ? text(a + Math.floor((limit - a) / d) * d) : ''
    const digits = width ? Math.max(text(a).length, end.length, (last.includes('.') ? last.split('.')[0]! : last).length + (decimals > 0 ? decimals + 1 : 0)) : 0
    for (let n = a; d > 0 ? n <= limit : n >= limit; n += d) {
      const s = text(n)
      await put(format !== undefined ? formatPrintf(format, [s], { now: 0, shell: false }).text : width ? padded(s, digits) : s)
    }
  }
  if (count > 0) await out.put('\n')
  await out.flush()
  return 0
})
