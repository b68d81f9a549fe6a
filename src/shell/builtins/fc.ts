/** fc: lists the history (-l, -n, -r) and runs commands of it again (-s old=new). Without an editor it cannot edit. */
import { runSource } from '../run/source.ts'
import type { Shell } from '../state.ts'
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

/** The index of a number, a negative offset or the beginning of a command; `count` leaves the running fc out. */
function place(sh: Shell, spec: string, count: number): number | undefined {
  if (/^-?\d+$/.test(spec)) {
    const n = Number(spec)
    const at = n < 0 ? count + n : n === 0 ? count - 1 : n - sh.historyBase
    return Math.max(0, Math.min(count - 1, at))
  }
  for (let i = count - 1; i >= 0; i--) if (sh.history[i]!.startsWith(spec)) return i
  return undefined
}

export const fc: Builtin = async (sh, argv) => {
  const flags = new Set<string>()
  let i = 1
  for (; i < argv.length && /^-[a-z-]/.test(argv[i]!); i++) {
    if (argv[i] === '--') {
      i++
      break
    }
    for (const c of argv[i]!.slice(1)) {
      if (!'lnrse'.includes(c)) return usage(sh, 'fc', `-${c}`, 'fc [-e ename] [-lnr] [first] [last] or fc -s [pat=rep] [command]')
      flags.add(c)
      if (c === 'e') i++
    }
  }
  const rest = argv.slice(i)
  // The line that fc stands in is the last one.
  const own = sh.history.at(-1)?.trimStart().startsWith('fc') ? 1 : 0
  const count = sh.history.length - own
  if (flags.has('s')) {
    const changes = rest.filter((r) => /^[^=]+=/.test(r)).map((r) => [r.slice(0, r.indexOf('=')), r.slice(r.indexOf('=') + 1)] as const)
    const wanted = rest.find((r) => !r.includes('='))
    const at = wanted === undefined ? count - 1 : place(sh, wanted, count)
    let text = at === undefined ? undefined : sh.history[at]
    if (text === undefined) {
      await sh.complain('fc: no command found')
      return 1
    }
    for (const [from, to] of changes) text = text.split(from).join(to)
    await sh.write(2, `${text}\n`)
    if (own > 0) sh.history.pop()
    sh.history.push(text)
    return runSource(sh, text, { name: 'fc' })
  }
  if (!flags.has('l')) {
    await sh.complain('fc: no editor here: use the arrow keys')
    return 1
  }
  if (count === 0) return 0
  const first = rest[0] === undefined ? Math.max(0, count - 16) : place(sh, rest[0], count)
  const last = rest[1] === undefined ? count - 1 : place(sh, rest[1], count)
  if (first === undefined || last === undefined) {
    await sh.complain('fc: history specification out of range')
    return 1
  }
  const [from, to] = [Math.min(first, last), Math.max(first, last)]
  const lines = Array.from({ length: to - from + 1 }, (_, k) => `${flags.has('n') ? '' : k + from + sh.historyBase}\t ${sh.history[k + from]}\n`)
  if (flags.has('r') !== first > last) lines.reverse()
  for (const line of lines) await sh.out(line)
  return 0
}
