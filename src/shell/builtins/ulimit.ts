/** ulimit: the limits of the shell's processes as numbers that can be asked for and set. Nothing enforces them here. */
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

interface Limit {
  readonly letter: string
  readonly what: string
  readonly unit: string
  readonly value: string
}

const limits: readonly Limit[] = [
  { letter: 'R', what: 'real-time non-blocking time', unit: 'microseconds', value: 'unlimited' },
  { letter: 'c', what: 'core file size', unit: 'blocks', value: '0' },
  { letter: 'd', what: 'data seg size', unit: 'kbytes', value: 'unlimited' },
  { letter: 'e', what: 'scheduling priority', unit: '', value: '0' },
  { letter: 'f', what: 'file size', unit: 'blocks', value: 'unlimited' },
  { letter: 'i', what: 'pending signals', unit: '', value: '31421' },
  { letter: 'l', what: 'max locked memory', unit: 'kbytes', value: '8192' },
  { letter: 'm', what: 'max memory size', unit: 'kbytes', value: 'unlimited' },
  { letter: 'n', what: 'open files', unit: '', value: '1024' },
  { letter: 'p', what: 'pipe size', unit: '512 bytes', value: '8' },
  { letter: 'q', what: 'POSIX message queues', unit: 'bytes', value: '819200' },
  { letter: 'r', what: 'real-time priority', unit: '', value: '0' },
  { letter: 's', what: 'stack size', unit: 'kbytes', value: '8192' },
  { letter: 't', what: 'cpu time', unit: 'seconds', value: 'unlimited' },
  { letter: 'u', what: 'max user processes', unit: '', value: '31421' },
  { letter: 'v', what: 'virtual memory', unit: 'kbytes', value: 'unlimited' },
  { letter: 'x', what: 'file locks', unit: '', value: 'unlimited' },
]

const synopsis = 'ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]'

export const ulimit: Builtin = async (sh, argv) => {
  let hard = false
  let soft = false
  let all = false
  const asked: string[] = []
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    for (const c of argv[i]!.slice(1)) {
      if (c === 'H') hard = true
      else if (c === 'S') soft = true
      else if (c === 'a') all = true
      else if (limits.some((l) => l.letter === c)) asked.push(c)
      else return usage(sh, 'ulimit', `-${c}`, synopsis)
    }
  }
  const value = (l: Limit, ofHard: boolean) => sh.limits.get(`${ofHard ? 'H' : 'S'}${l.letter}`) ?? l.value
  const label = (l: Limit) => `${l.what.padEnd(20)} ${`(${l.unit === '' ? '' : `${l.unit}, `}-${l.letter})`.padStart(20)} `
  if (all) {
    for (const l of limits) await sh.out(`${label(l)}${value(l, hard)}\n`)
    return 0
  }
  const wanted = (asked.length > 0 ? asked : ['f']).map((c) => limits.find((l) => l.letter === c)!)
  const given = argv[i]
  if (given === undefined) {
    for (const l of wanted) await sh.out(`${wanted.length > 1 ? label(l) : ''}${value(l, hard)}\n`)
    return 0
  }
  for (const l of wanted) {
    const next = given === 'hard' ? value(l, true) : given === 'soft' ? value(l, false) : given
    if (next !== 'unlimited' && !/^\d+$/.test(next)) {
      await sh.complain(`ulimit: ${next}: invalid number`)
      return 1
    }
    const amount = (t: string) => (t === 'unlimited' ? Infinity : Number(t))
    if (!hard && soft && amount(next) > amount(value(l, true))) {
      await sh.complain(`ulimit: ${l.what}: cannot modify limit: Invalid argument`)
      return 1
    }
    if (hard || !soft) sh.limits.set(`H${l.letter}`, next)
    if (soft || !hard) sh.limits.set(`S${l.letter}`, next)
  }
  return 0
}
