/** dirs, pushd, popd. */
import { getScalar } from '../expand/variables.ts'
import type { Shell } from '../state.ts'
import { changeDirectory } from './basic.ts'
import type { Builtin } from './table.ts'

function shorten(sh: Shell, path: string): string {
  const home = getScalar(sh, 'HOME')
  return home && (path === home || path.startsWith(home + '/')) ? '~' + path.slice(home.length) : path
}

async function show(sh: Shell): Promise<void> {
  await sh.out([sh.process.cwd, ...sh.directories].map((d) => shorten(sh, d)).join(' ') + '\n')
}

/** Index into [cwd, ...stack] of `+N` or `-N`. */
function position(sh: Shell, arg: string): number | undefined {
  const m = /^([-+])(\d+)$/.exec(arg)
  if (!m) return undefined
  const n = Number(m[2])
  return m[1] === '+' ? n : sh.directories.length - n
}

const dirs: Builtin = async (sh, argv) => {
  const all = [sh.process.cwd, ...sh.directories]
  const flags = argv.slice(1).filter((a) => /^-[clpv]+$/.test(a)).join('')
  if (flags.includes('c')) {
    sh.directories = []
    return 0
  }
  const odd = argv.slice(1).find((a) => a.startsWith('-') && !/^-([clpv]+|\d+)$/.test(a))
  if (odd !== undefined) {
    await sh.complain(`dirs: ${odd}: invalid number`)
    await sh.write(2, 'dirs: usage: dirs [-clpv] [+N] [-N]\n')
    return 2
  }
  const name = (d: string) => (flags.includes('l') ? d : shorten(sh, d))
  const at = argv.slice(1).map((a) => position(sh, a)).find((p) => p !== undefined)
  if (at !== undefined) {
    if (all[at] === undefined) {
      if (sh.directories.length === 0) await sh.complain('dirs: directory stack empty')
      else await sh.complain(`dirs: ${argv.at(-1)!.replace(/^[-+]/, '')}: directory stack index out of range`)
      return 1
    }
    await sh.out(`${name(all[at])}\n`)
    return 0
  }
  if (flags.includes('v')) await sh.out(all.map((d, i) => `${String(i).padStart(2)}  ${name(d)}\n`).join(''))
  else if (flags.includes('p')) await sh.out(all.map((d) => `${name(d)}\n`).join(''))
  else await sh.out(all.map(name).join(' ') + '\n')
  return 0
}

const pushd: Builtin = async (sh, argv) => {
  const arg = argv[1] === '--' ? argv[2] : argv[1]
  const all = [sh.process.cwd, ...sh.directories]
  if (arg === undefined) {
    if (sh.directories.length === 0) {
      await sh.complain('pushd: no other directory')
      return 1
    }
    const failure = changeDirectory(sh, sh.directories[0]!, false)
    if (failure !== undefined) {
      await sh.complain(`pushd: ${failure}`)
      return 1
    }
    sh.directories[0] = all[0]!
  } else {
    const at = position(sh, arg)
    if (at !== undefined) {
      if (all[at] === undefined || sh.directories.length === 0) {
        await sh.complain(sh.directories.length === 0 ? 'pushd: directory stack empty' : `pushd: ${arg}: directory stack index out of range`)
        return 1
      }
      const rotated = [...all.slice(at), ...all.slice(0, at)]
      const failure = changeDirectory(sh, rotated[0]!, false)
      if (failure !== undefined) return 1
      sh.directories = rotated.slice(1)
    } else {
      const failure = changeDirectory(sh, arg, false)
      if (failure !== undefined) {
        await sh.complain(`pushd: ${failure}`)
        return 1
      }
      sh.directories = all
    }
  }
  await show(sh)
  return 0
}

const popd: Builtin = async (sh, argv) => {
  const arg = argv[1]
  if (sh.directories.length === 0) {
    await sh.complain('popd: directory stack empty')
    return 1
  }
  const at = arg === undefined ? 0 : position(sh, arg)
  const all = [sh.process.cwd, ...sh.directories]
  if (at === undefined || all[at] === undefined) {
    await sh.complain(`popd: ${arg}: ${at === undefined ? 'invalid argument' : 'directory stack index out of range'}`)
    return 1
  }
  if (at === 0) {
    const failure = changeDirectory(sh, sh.directories[0]!, false)
    if (failure !== undefined) {
      await sh.complain(`popd: ${failure}`)
      return 1
    }
    sh.directories = sh.directories.slice(1)
  } else sh.directories.splice(at - 1, 1)
  await show(sh)
  return 0
}

export const directoryBuiltins: readonly (readonly [string, Builtin])[] = [
  ['dirs', dirs],
  ['pushd', pushd],
  ['popd', popd],
]
