/** Tools of the screen: less and more, vi, vim, view and nano (by the terminal's editor port), clear, reset, tput, help for man. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { complain, Fatal, nameOf, openInput, parseOptions, tool } from './common.ts'
import { page, rowsOf } from './pager.ts'

const less: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'eEFfgGiIJKLmMnNqQrRsSuUVwWXx:p:', long: { 'quit-if-one-screen': 'F', 'raw-control-chars': 'R', 'chop-long-lines': 'S', 'no-init': 'X', 'line-numbers': 'N', 'LINE-NUMBERS': 'N', 'ignore-case': 'i' } })
  const name = nameOf(process)
  const inputs: string[] = []
  const paths = o.rest.filter((p) => !p.startsWith('+'))
  if (paths.length === 0 && process.stdin.tty) throw new Fatal(name === 'more' ? 'more: bad usage\nTry \'more --help\' for more information.' : 'Missing filename ("less --help" for help)')
  for (const path of paths.length > 0 ? paths : ['-']) {
    if (path !== '-') {
      try {
        if (process.fs.stat(path).type === 'directory') {
          await process.stderr.write(name === 'more' ? `\n*** ${path}: directory ***\n\n` : `${path} is a directory\n`)
          return 1
        }
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await process.stderr.write(name === 'more' ? `more: cannot open ${path}: ${strerror(error.code)}\n` : `${path}: ${strerror(error.code)}\n`)
        return 1
      }
    }
    const file = await openInput(process, path)
    if (!file) return 1
    if (!process.stdout.tty) {
      for (let chunk = await file.read(); chunk !== undefined; chunk = await file.read()) await process.stdout.write(chunk)
      continue
    }
    inputs.push(await file.readAll())
  }
  const tty = process.tty
  if (!process.stdout.tty || !tty) return 0
  const text = inputs.join('')
  const lines = text.replace(/\n$/, '').split('\n')
  if ((o.has('F') || name === 'more') && lines.flatMap((l) => rowsOf(l, tty.columns)).length < tty.rows) {
    await process.stdout.write(text)
    return 0
  }
  const keys = process.stdin.tty ? process.stdin : process.open('/dev/tty', { read: true })
  await page(process, keys, lines, { title: paths[0] ?? '', numbers: o.has('N'), chop: o.has('S'), keep: o.has('X') || name === 'more', atEnd: o.rest.includes('+G'), ignoreCase: o.has('i') || o.has('I') })
  return 0
})

function editor(keys: 'vi' | 'nano'): Program {
  return tool(async (process) => {
    const name = nameOf(process)
    const args = process.argv.slice(1)
    const path = args.filter((a) => !/^[-+]./.test(a))[0]
    const port = process.tty?.editor
    const readOnly = name === 'view' || args.includes('-R') || (keys === 'nano' && args.includes('-v'))
    if (!port || !process.stdin.tty) {
      await complain(process, 'this terminal has no editor')
      return 1
    }
    if (path === undefined) throw new Fatal(`${name}: name a file to edit`)
    let text = ''
    let exists = true
    try {
      if (process.fs.stat(path).type === 'directory') throw new Fatal(keys === 'vi' ? `"${path}" is a directory` : `${path} is a directory`)
      text = process.fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (error.code !== 'ENOENT') throw new Fatal(`${name}: ${path}: ${strerror(error.code)}`)
      exists = false
    }
    const result = await port.open({ path, text, keys, readOnly })
    if (!result.saved || readOnly) return 0
    if (exists && result.text === text) return 0
    try {
      process.fs.writeFile(path, result.text)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`${name}: ${path}: ${strerror(error.code)}`)
    }
    return 0
  })
}

const capabilities: Readonly<Record<string, string>> = {
  bold: '\x1b[1m', dim: '\x1b[2m', smul: '\x1b[4m', rmul: '\x1b[24m', rev: '\x1b[7m', smso: '\x1b[7m', rmso: '\x1b[27m', sgr0: '\x1b(B\x1b[m', reset: '\x1b(B\x1b[m', blink: '\x1b[5m', clear: '\x1b[H\x1b[2J\x1b[3J', el: '\x1b[K', ed: '\x1b[J', home: '\x1b[H', civis: '\x1b[?25l', cnorm: '\x1b[?12l\x1b[?25h', smcup: '\x1b[?1049h', rmcup: '\x1b[?1049l', sc: '\x1b7', rc: '\x1b8', cuu1: '\x1b[A', bel: '\x07', op: '\x1b[39;49m',
}

const tput: Program = tool(async (process) => {
  const args = process.argv.slice(1).filter((a, i, all) => !a.startsWith('-T') && all[i - 1] !== '-T')
  const [name, ...values] = args
  if (name === undefined) throw new Fatal('usage: tput [-V] [-S] [-T term] capname', 2)
  const n = (i: number) => Number(values[i] ?? 0)
  switch (name) {
    case 'cols': await process.stdout.write(`${process.tty?.columns ?? 80}\n`); return 0
    case 'lines': await process.stdout.write(`${process.tty?.rows ?? 24}\n`); return 0
    case 'colors': await process.stdout.write(/256color/.test(process.env.get('TERM') ?? '') ? '256\n' : '8\n'); return 0
    case 'setaf': await process.stdout.write(n(0) < 8 ? `\x1b[3${n(0)}m` : n(0) < 16 ? `\x1b[9${n(0) - 8}m` : `\x1b[38;5;${n(0)}m`); return 0
    case 'setab': await process.stdout.write(n(0) < 8 ? `\x1b[4${n(0)}m` : n(0) < 16 ? `\x1b[10${n(0) - 8}m` : `\x1b[48;5;${n(0)}m`); return 0
    case 'cup': await process.stdout.write(`\x1b[${n(0) + 1};${n(1) + 1}H`); return 0
    case 'longname': await process.stdout.write('xterm terminal emulator (X Window System)'); return 0
  }
  const text = capabilities[name]
  if (text === undefined) throw new Fatal(`tput: unknown terminfo capability '${name}'`, 4)
  await process.stdout.write(text)
  return 0
})

const stty: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const tty = process.stdin.tty
  if (!tty) throw new Fatal("stty: 'standard input': Inappropriate ioctl for device")
  if (args[0] === 'size') await process.stdout.write(`${tty.rows} ${tty.columns}\n`)
  else if (args.length === 0 || args[0] === '-a') await process.stdout.write(args[0] === '-a' ? `speed 38400 baud; rows ${tty.rows}; columns ${tty.columns}; line = 0;\n` : 'speed 38400 baud; line = 0;\n')
  for (const a of args) {
    if (a === '-echo') tty.setEcho(false)
    else if (a === 'echo' || a === 'sane') tty.setEcho(true)
  }
  return 0
})

export const screenPrograms: readonly (readonly [string, Program])[] = [
  ['less', less], ['more', less], ['pager', less], ['vi', editor('vi')], ['vim', editor('vi')], ['view', editor('vi')], ['nano', editor('nano')], ['editor', editor('nano')], ['tput', tput], ['stty', stty],
  ['clear', tool(async (process) => {
    await process.stdout.write(process.argv.includes('-x') ? '\x1b[H\x1b[2J' : '\x1b[H\x1b[2J\x1b[3J')
    return 0
  })],
  ['reset', tool(async (process) => {
    await process.stdout.write('\x1bc')
    return 0
  })],
]
