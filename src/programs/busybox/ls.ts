/** busybox's ls: fixed columns of the long format, names in columns and colours on a terminal. Leaves out: SELinux contexts, -w's effect on long lists. */
import { FsError, strerror, type Stat } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { compareBytes } from '../text/common.ts'
import { blocks, groupName, humanSize, modeText, userName } from '../text/ls.ts'
import { displayWidth } from '../text/lines.ts'
import { optionsOf, parse } from './options.ts'
import { showUsage } from './banner.ts'

interface Entry {
  readonly name: string
  readonly path: string
  readonly stat: Stat
}

/** Bold, and the colour, by type; executables are like nothing else. */
const colours: Readonly<Record<Stat['type'], string>> = { file: '0;0', directory: '1;34', symlink: '1;36', device: '1;35', fifo: '0;35', socket: '1;35' }

function paint(stat: Stat, text: string): string {
  const code = stat.type === 'file' && (stat.mode & 0o111) !== 0 ? '1;32' : colours[stat.type]
  return `\x1b[${code}m${text}\x1b[m`
}

function classify(stat: Stat, how: 'F' | 'p' | undefined): string {
  if (how === undefined) return ''
  if (stat.type === 'directory') return '/'
  if (how === 'p') return ''
  return stat.type === 'symlink' ? '@' : stat.type === 'fifo' ? '|' : stat.type === 'socket' ? '=' : stat.type === 'file' && (stat.mode & 0o111) !== 0 ? '*' : ''
}

export const ls: Program = async (p) => {
  const args = p.argv.slice(1)
  if (args.includes('--help')) return showUsage(p, undefined, 0)
  const o = parse(p, optionsOf('ls'), args)
  if (o.error !== undefined) return showUsage(p, o.error)
  const has = (letter: string) => o.options.has(letter)
  const tty = p.stdout.tty
  const width = Number(o.values.get('w') ?? tty?.columns ?? 80)
  const colour = args.some((a) => /^--color=always$/.test(a)) || (tty !== undefined && !args.some((a) => /^--color=never$/.test(a)))
  const long = has('l') || has('n') || has('g')
  const columns = !long && !has('1') && (has('C') || has('x') || tty !== undefined)
  let code = 0
  const complain = async (path: string, error: unknown, verb = '') => {
    if (!(error instanceof FsError)) throw error
    code = 1
    await p.stderr.write(`ls: ${verb === '' ? path : `${verb} '${path}'`}: ${strerror(error.code)}\n`)
  }
  const look = async (path: string, name: string, follow: boolean): Promise<Entry | undefined> => {
    try {
      return { name, path, stat: follow ? p.fs.stat(path) : p.fs.lstat(path) }
    } catch (error) {
      await complain(path, error)
      return undefined
    }
  }
  const order = (list: Entry[]): Entry[] => {
    const time = (e: Entry) => Math.floor(e.stat.mtime / 1000)
    const extension = (e: Entry) => e.name.slice(e.name.lastIndexOf('.') < 0 ? e.name.length : e.name.lastIndexOf('.'))
    list.sort((a, b) => (has('S') ? b.stat.size - a.stat.size : has('t') ? time(b) - time(a) : has('X') ? compareBytes(extension(a), extension(b)) : 0) || compareBytes(a.name, b.name))
    if (has('r')) list.reverse()
    if (args.includes('--group-directories-first')) list.sort((a, b) => Number(b.stat.type === 'directory') - Number(a.stat.type === 'directory'))
    return list
  }
  const show = async (list: readonly Entry[]) => {
    const mark = has('F') ? 'F' : has('p') ? 'p' : undefined
    const bare = (e: Entry) => `${has('i') ? `${String(e.stat.ino).padStart(7)} ` : ''}${has('s') ? `${String(room(e)).padStart(6)} ` : ''}`
    const name = (e: Entry) => (colour ? paint(e.stat, e.name) : e.name) + (e.stat.type === 'symlink' && long ? '' : classify(e.stat, mark))
    if (long) {
      let text = ''
      for (const e of list) text += `${bare(e)}${longLine(p, e, has('h'), has('n'), o.options.has('full-time'))}${name(e)}${await target(p, e, colour)}\n`
      return p.stdout.write(text)
    }
    if (!columns) return p.stdout.write(list.map((e) => `${bare(e)}${name(e)}\n`).join(''))
    const length = (e: Entry) => displayWidth(bare(e)) + displayWidth(e.name) + classify(e.stat, mark).length
    const cell = Math.max(0, ...list.map(length)) + 2
    const across = Math.max(1, Math.floor(width / cell))
    const down = Math.ceil(list.length / across)
    let text = ''
    for (let row = 0; row < down; row++) {
      for (let c = 0, gap = 0; c < across; c++) {
        const e = list[has('x') ? row * across + c : c * down + row]
        if (!e) break
        text += ' '.repeat(gap) + bare(e) + name(e)
        gap = cell - length(e)
      }
      text += '\n'
    }
    await p.stdout.write(text)
  }
  const files: Entry[] = []
  const folders: Entry[] = []
  for (const path of o.operands.length > 0 ? o.operands : ['.']) {
    // A link to a directory is entered, unless its own line is wanted.
    let e = await look(path, path, has('L') || has('H') || (!long && !has('F') && !has('d')))
    if (!e && !has('L') && p.fs.exists(path)) e = await look(path, path, false)
    if (e) (e.stat.type === 'directory' && !has('d') ? folders : files).push(e)
  }
  const several = o.operands.length > 1 || has('R')
  if (files.length > 0) await show(order(files))
  let first = files.length === 0
  const enter = async (folder: Entry): Promise<void> => {
    if (several) await p.stdout.write(`${first ? '' : '\n'}${folder.path}:\n`)
    first = false
    let names: string[]
    try {
      names = p.fs.readDir(folder.path)
    } catch (error) {
      return complain(folder.path, error, "can't open")
    }
    const wanted = [...(has('a') ? ['.', '..'] : []), ...names.filter((n) => has('a') || has('A') || !n.startsWith('.'))]
    const list: Entry[] = []
    for (const n of wanted) {
      const e = await look(folder.path.endsWith('/') ? folder.path + n : `${folder.path}/${n}`, n, has('L'))
      if (e) list.push(e)
    }
    order(list)
    if (long || has('s')) {
      const total = list.reduce((sum, e) => sum + room(e), 0)
      await p.stdout.write(`total ${has('h') ? humanSize(total * 1024).padEnd(7) : total}\n`)
    }
    await show(list)
    if (has('R')) for (const e of list) if (e.stat.type === 'directory' && e.name !== '.' && e.name !== '..') await enter(e)
  }
  for (const folder of order(folders)) await enter(folder)
  return code
}

/** KiB on disk; in memory (tmpfs) folders, which have another size there, take none. */
const room = ({ stat }: Entry): number => (stat.type === 'directory' && stat.size !== 4096 ? 0 : blocks(stat))

const halfYear = 15_778_476_000

function longLine(p: Process, { stat }: Entry, human: boolean, numeric: boolean, full: boolean): string {
  const user = numeric ? String(stat.uid) : userName(p, stat.uid)
  const group = numeric ? String(stat.gid) : groupName(p, stat.gid)
  const size = stat.type === 'device' ? '   1,   3 ' : human ? `${humanSize(stat.size).padStart(7)} ` : `${String(stat.size).padStart(9)} `
  const age = p.now() - stat.mtime
  const recent = age < halfYear && age > -15 * 60_000
  const when = full ? strftime('%Y-%m-%d %H:%M:%S +0000', stat.mtime) : strftime(recent ? '%b %e %H:%M' : '%b %e  %Y', stat.mtime)
  return `${modeText(stat).padEnd(10)} ${String(stat.nlink).padStart(4)} ${user.slice(0, 8).padEnd(8)} ${group.slice(0, 8).padEnd(8)} ${size}${when} `
}

async function target(p: Process, e: Entry, colour: boolean): Promise<string> {
  if (e.stat.type !== 'symlink') return ''
  const to = p.fs.readlink(e.path)
  if (!colour) return ` -> ${to}`
  try {
    return ` -> ${paint(p.fs.stat(e.path), to)}`
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return ` -> ${to}`
  }
}
