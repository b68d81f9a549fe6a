/** Tools that start another one or take its arguments apart: getopt, setsid, ionice, taskset, chrt, flock; and link, shred, colrm. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { complain, Fatal, nameOf, parseOptions, quote, splitLines, tool } from './common.ts'
import { runCommand } from './simple.ts'

/** getopt of util-linux: prints the arguments in order, each quoted. */
const getopt: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  let short: string | undefined
  let long: string[] = []
  let name = 'getopt'
  let i = 0
  let old = false
  if (args[0] !== undefined && !args[0].startsWith('-')) {
    old = true
    short = args[i++]
  }
  for (; !old && i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      i++
      break
    }
    const value = (flag: RegExp) => a.replace(flag, '') || args[++i] || ''
    if (/^(-o|--options=?)/.test(a)) short = value(/^(-o|--options=?)/)
    else if (/^(-l|--long(options)?=?)/.test(a)) long = long.concat(value(/^(-l|--long(options)?=?)/).split(/[,\s]+/).filter((x) => x !== ''))
    else if (/^(-n|--name=?)/.test(a)) name = value(/^(-n|--name=?)/)
    else if (/^(-T|--test)$/.test(a)) return 4
    else if (!a.startsWith('-')) break
  }
  if (short === undefined && long.length === 0) throw new Fatal("getopt: missing optstring argument\nTry 'getopt --help' for more information.", 2)
  const letters = (short ?? '').replace(/^[+-]/, '')
  const shown = (x: string) => (old ? x : `'${x.replace(/'/g, "'\\''")}'`)
  const out: string[] = []
  const rest: string[] = []
  let failed = false
  const fail = async (text: string) => {
    failed = true
    await process.stderr.write(`${name}: ${text}\n`)
  }
  for (; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      rest.push(...args.slice(i + 1))
      break
    }
    if (a.startsWith('--')) {
      const [given, text] = a.includes('=') ? [a.slice(2, a.indexOf('=')), a.slice(a.indexOf('=') + 1)] : [a.slice(2), undefined]
      const fits = long.filter((l) => l.replace(/:+$/, '') === given)
      const found = fits[0] ?? long.filter((l) => l.startsWith(given))[0]
      if (found === undefined) await fail(`unrecognized option '--${given}'`)
      else if (!found.endsWith(':')) {
        if (text !== undefined) await fail(`option '--${found}' doesn't allow an argument`)
        else out.push(`--${found}`)
      } else if (found.endsWith('::')) out.push(`--${found.slice(0, -2)}`, shown(text ?? ''))
      else if (text === undefined && args[i + 1] === undefined) await fail(`option '--${found.slice(0, -1)}' requires an argument`)
      else out.push(`--${found.slice(0, -1)}`, shown(text ?? args[++i]!))
      continue
    }
    if (!a.startsWith('-') || a === '-') {
      if ((short ?? '').startsWith('+')) {
        rest.push(...args.slice(i))
        break
      }
      rest.push(a)
      continue
    }
    for (let k = 1; k < a.length; k++) {
      const c = a[k]!
      const at = c === ':' ? -1 : letters.indexOf(c)
      if (at < 0) {
        await fail(`invalid option -- '${c}'`)
        continue
      }
      if (letters[at + 1] !== ':') {
        out.push(`-${c}`)
        continue
      }
      const inline = a.slice(k + 1)
      if (inline === '' && letters[at + 2] !== ':' && args[i + 1] === undefined) await fail(`option requires an argument -- '${c}'`)
      else out.push(`-${c}`, shown(inline !== '' || letters[at + 2] === ':' ? inline : args[++i]!))
      break
    }
  }
  await process.stdout.write(` ${[...out, '--', ...rest.map(shown)].join(' ')}\n`)
  return failed ? 1 : 0
})

/** Runs what is left after `skip` operands of its own. */
function before(short: string, skip: number, usage: string): Program {
  return tool(async (process) => {
    const o = parseOptions(process, { short: `+${short}` })
    const rest = o.rest.slice(skip)
    if (rest.length === 0) throw new Fatal(`${nameOf(process)}: ${usage}\nTry '${nameOf(process)} --help' for more information.`)
    return runCommand(process, rest)
  })
}

/** Nobody else runs at the same time here, so a lock is always free. */
const flock: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+sexnuow:E:Fc:', long: { shared: 's', exclusive: 'e', nonblock: 'n', unlock: 'u', 'timeout=': 'w', 'command=': 'c' } })
  const [file, ...argv] = o.rest
  if (file === undefined) throw new Fatal("flock: not enough arguments\nTry 'flock --help' for more information.", 64)
  if (/^\d+$/.test(file) && argv.length === 0) return process.fds.has(Number(file)) ? 0 : 65
  try {
    if (!process.fs.exists(file)) process.fs.writeFile(file, '')
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Fatal(`flock: cannot open lock file ${file}: ${strerror(error.code)}`, 66)
  }
  if (o.has('c')) return runCommand(process, ['sh', '-c', o.get('c')!])
  if (argv[0] === '-c') return runCommand(process, ['sh', ...argv])
  return argv.length > 0 ? runCommand(process, argv) : 0
})

const link: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '' })
  const [from, to, more] = o.rest
  const more2 = "\nTry 'link --help' for more information."
  if (from === undefined) throw new Fatal(`link: missing operand${more2}`)
  if (to === undefined) throw new Fatal(`link: missing operand after ‘${from}’${more2}`)
  if (more !== undefined) throw new Fatal(`link: extra operand ‘${more}’${more2}`)
  try {
    process.fs.link(from, to)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Fatal(`link: cannot create link ${quote(to)} to ${quote(from)}: ${strerror(error.code)}`)
  }
  return 0
})

const shred: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'fn:s:uvxz', long: { force: 'f', 'iterations=': 'n', 'remove=?': 'u', verbose: 'v', zero: 'z' } })
  if (o.rest.length === 0) throw new Fatal("shred: missing file operand\nTry 'shred --help' for more information.")
  let failed = false
  for (const path of o.rest) {
    try {
      const { size } = process.fs.stat(path)
      const random = process.machine.sim.random
      process.fs.writeFile(path, o.has('z') ? '\0'.repeat(size) : Array.from({ length: size }, () => String.fromCharCode(Math.floor(random.next() * 128))).join(''))
      if (o.has('u')) process.fs.unlink(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(process, `${path}: failed to open for writing: ${strerror(error.code)}`)
      failed = true
    }
  }
  return failed ? 1 : 0
})

const colrm: Program = tool(async (process) => {
  const [first, last] = process.argv.slice(1).map(Number)
  for (const line of splitLines(await process.stdin.readAll())) {
    const chars = [...line]
    await process.stdout.write((first === undefined ? line : [...chars.slice(0, first - 1), ...(last === undefined ? [] : chars.slice(last))].join('')) + '\n')
  }
  return 0
})

export const launchPrograms: readonly (readonly [string, Program])[] = [
  ['getopt', getopt], ['setsid', before('cfw', 0, 'no command specified')], ['ionice', before('c:n:tp:', 0, 'bad usage')], ['taskset', before('ac', 1, 'bad usage')], ['chrt', before('abdfimoRr', 1, 'bad usage')], ['flock', flock], ['link', link], ['shred', shred], ['colrm', colrm],
]
