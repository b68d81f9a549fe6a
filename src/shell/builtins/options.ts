/** set, shopt, getopts, trap. */
import { getScalar, setScalar, unset, variableNames } from '../expand/variables.ts'
import { functionText } from '../print/command.ts'
import { quoteSingle } from '../print/quote.ts'
import { setLine } from '../print/variable.ts'
import { installTrap, realtime, signalName, signalNames, signalNumber } from '../run/traps.ts'
import { setOptions } from '../state.ts'
import type { Shell } from '../state.ts'
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

function change(sh: Shell, name: string, on: boolean): void {
  if (on) sh.options.add(name)
  else sh.options.delete(name)
  if (name === 'vi' && on) sh.options.delete('emacs')
  if (name === 'emacs' && on) sh.options.delete('vi')
}

async function listOptions(sh: Shell, plus: boolean): Promise<void> {
  for (const [name] of setOptions) await sh.out(plus ? `set ${sh.option(name) ? '-' : '+'}o ${name}\n` : `${name.padEnd(15)}\t${sh.option(name) ? 'on' : 'off'}\n`)
}

/** Options of `set` and of the command line. The rest of the arguments, or a status after a complaint. */
export async function applySetOptions(sh: Shell, args: readonly string[]): Promise<{ rest: readonly string[] | undefined } | number> {
  let i = 0
  for (; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') return { rest: args.slice(i + 1) }
    if (a === '-') {
      sh.options.delete('xtrace')
      sh.options.delete('verbose')
      return { rest: i + 1 < args.length ? args.slice(i + 1) : undefined }
    }
    if (!/^[-+]./.test(a)) break
    for (const c of a.slice(1)) {
      if (c === 'o') {
        const name = args[i + 1]
        if (name === undefined || /^[-+]/.test(name)) {
          await listOptions(sh, a[0] === '+')
          continue
        }
        i++
        if (!setOptions.some(([n]) => n === name)) {
          await sh.complain(`set: ${name}: invalid option name`)
          return 2
        }
        change(sh, name, a[0] === '-')
        continue
      }
      const found = setOptions.find(([, letter]) => letter === c)
      if (!found) return usage(sh, 'set', `${a[0]}${c}`, 'set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]')
      change(sh, found[0], a[0] === '-')
    }
  }
  return { rest: i < args.length ? args.slice(i) : undefined }
}

const set: Builtin = async (sh, argv) => {
  if (argv.length === 1) {
    for (const name of variableNames(sh)) {
      const line = setLine(sh, name)
      if (line !== undefined) await sh.out(line + '\n')
    }
    if (!sh.posix) for (const f of [...sh.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) await sh.out(functionText(f.name, f.body) + '\n')
    return 0
  }
  const r = await applySetOptions(sh, argv.slice(1))
  if (typeof r === 'number') return r
  if (r.rest) sh.params = [...r.rest]
  return 0
}

const shopt: Builtin = async (sh, argv) => {
  let mode: 's' | 'u' | 'p' | '' = ''
  let quiet = false
  let setNames = false
  let i = 1
  for (; i < argv.length && /^-./.test(argv[i]!); i++) {
    for (const c of argv[i]!.slice(1)) {
      if (c === 's' || c === 'u' || c === 'p') mode = c
      else if (c === 'q') quiet = true
      else if (c === 'o') setNames = true
      else return usage(sh, 'shopt', `-${c}`, 'shopt [-pqsu] [-o] [optname ...]')
    }
  }
  const names = argv.slice(i)
  const known = (n: string) => (setNames ? setOptions.some(([x]) => x === n) : sh.shopts.has(n))
  const get = (n: string) => (setNames ? sh.option(n) : sh.shopt(n))
  const line = (n: string) => (mode === 'p' ? (setNames ? `set ${get(n) ? '-' : '+'}o ${n}\n` : `shopt ${get(n) ? '-s' : '-u'} ${n}\n`) : `${n.padEnd(15)}\t${get(n) ? 'on' : 'off'}\n`)
  if (names.length === 0) {
    const all = setNames ? setOptions.map(([n]) => n) : [...sh.shopts.keys()]
    for (const n of all) if (mode === '' || mode === 'p' || get(n) === (mode === 's')) await sh.out(line(n))
    return 0
  }
  let status = 0
  for (const n of names) {
    if (!known(n)) {
      await sh.complain(`shopt: ${n}: invalid shell option name`)
      status = 1
      continue
    }
    if (mode === 's' || mode === 'u') {
      if (setNames) change(sh, n, mode === 's')
      else sh.shopts.set(n, mode === 's')
    } else {
      if (!get(n)) status = 1
      if (!quiet) await sh.out(line(n))
    }
  }
  return status
}

const getopts: Builtin = async (sh, argv) => {
  let at = 1
  if (argv[at] === '--') at++
  const spec = argv[at]
  const name = argv[at + 1]
  if (spec === undefined || name === undefined) {
    await sh.write(2, 'getopts: usage: getopts optstring name [arg ...]\n')
    return 2
  }
  const args = argv.length > at + 2 ? argv.slice(at + 2) : sh.params
  const silent = spec.startsWith(':')
  let index = Number(getScalar(sh, 'OPTIND') ?? '1') || 1
  let place = sh.getoptsPlace
  const finish = (n: number, p: number) => {
    setScalar(sh, 'OPTIND', String(n))
    sh.getoptsPlace = p
  }
  const word = args[index - 1]
  if (place === 0) {
    if (word === undefined || !/^-./.test(word)) {
      setScalar(sh, name, '?')
      unset(sh, 'OPTARG')
      finish(index, 0)
      return 1
    }
    if (word === '--') {
      setScalar(sh, name, '?')
      unset(sh, 'OPTARG')
      finish(index + 1, 0)
      return 1
    }
    place = 1
  }
  const current = word ?? ''
  const option = current[place]!
  place++
  const done = place >= current.length
  const known = option !== ':' && option !== undefined ? spec.indexOf(option, silent ? 1 : 0) : -1
  if (known < 0) {
    setScalar(sh, name, '?')
    if (silent) setScalar(sh, 'OPTARG', option ?? '')
    else {
      unset(sh, 'OPTARG')
      if (getScalar(sh, 'OPTERR') !== '0') await sh.write(2, `${sh.source === '-c' || sh.interactive ? sh.name : sh.name}: illegal option -- ${option}\n`)
    }
    finish(done ? index + 1 : index, done ? 0 : place)
    return 0
  }
  if (spec[known + 1] === ':') {
    if (!done) {
      setScalar(sh, 'OPTARG', current.slice(place))
      finish(index + 1, 0)
    } else if (args[index] !== undefined) {
      setScalar(sh, 'OPTARG', args[index]!)
      finish(index + 2, 0)
    } else {
      finish(index + 1, 0)
      if (silent) {
        setScalar(sh, name, ':')
        setScalar(sh, 'OPTARG', option)
      } else {
        setScalar(sh, name, '?')
        unset(sh, 'OPTARG')
        if (getScalar(sh, 'OPTERR') !== '0') await sh.write(2, `${sh.name}: option requires an argument -- ${option}\n`)
      }
      return 0
    }
  } else {
    unset(sh, 'OPTARG')
    index = done ? index + 1 : index
    finish(index, done ? 0 : place)
  }
  setScalar(sh, name, option)
  return 0
}

const shown = (name: string) => (['EXIT', 'ERR', 'DEBUG', 'RETURN'].includes(name) ? name : `SIG${name}`)

const trap: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  if (args[0] === '-l') {
    await sh.out(signalList())
    return 0
  }
  if (args[0] === '-p' || args.length === 0) {
    const only = args.slice(1).map((a) => signalName(a))
    const traps = sh.traps.size === 0 && sh.inheritedTraps ? sh.inheritedTraps : sh.traps
    const order = (n: string) => (n === 'DEBUG' ? 100 : n === 'ERR' ? 101 : n === 'RETURN' ? 102 : signalNumber(n))
    for (const [name, action] of [...traps].sort((a, b) => order(a[0]) - order(b[0]))) if (args.length < 2 || only.includes(name)) await sh.out(`trap -- ${quoteSingle(action)} ${shown(name)}\n`)
    return 0
  }
  if (args[0] === '--') args = args.slice(1)
  else if (/^-[^-]/.test(args[0]!)) return usage(sh, 'trap', args[0]!.slice(0, 2), 'trap [-lp] [[arg] signal_spec ...]')
  sh.inheritedTraps = undefined
  let action: string | undefined = args[0]
  let signals = args.slice(1)
  if (args.length === 1 || (/^\d+$/.test(args[0]!) && signalName(args[0]!) !== undefined)) {
    signals = args
    action = undefined
    if (args.length === 1 && signalName(args[0]!) === undefined) {
      await sh.write(2, 'trap: usage: trap [-lp] [[arg] signal_spec ...]\n')
      return 2
    }
  }
  if (action === '-') action = undefined
  let status = 0
  for (const spec of signals) {
    const name = signalName(spec)
    if (name === undefined) {
      await sh.complain(`trap: ${spec}: invalid signal specification`)
      status = 1
      continue
    }
    if (action === undefined) sh.traps.delete(name)
    else sh.traps.set(name, action)
    installTrap(sh, name)
  }
  return status
}

/** `kill -l`: five in a row. */
export function signalList(): string {
  const names: string[] = []
  for (let n = 1; n <= 31; n++) names.push(`${String(n).padStart(2)}) SIG${signalNames[n]}`)
  for (let n = 34; n <= 64; n++) names.push(`${n}) SIG${realtime(n)}`)
  let out = ''
  names.forEach((n, i) => {
    out += n + ((i + 1) % 5 === 0 || i === names.length - 1 ? '\n' : '\t')
  })
  return out
}

export const optionBuiltins: readonly (readonly [string, Builtin])[] = [
  ['set', set],
  ['shopt', shopt],
  ['getopts', getopts],
  ['trap', trap],
]
