/** diff (normal, unified, context, brief, side-by-side-less; recursive) and cmp. The edit script is a longest common subsequence by Myers. */
import { encodeBytes } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, parseOptions, readText, tool } from './common.ts'

interface Hunk {
  /** Line ranges, from 0, end exclusive. */
  readonly a0: number
  readonly a1: number
  readonly b0: number
  readonly b1: number
}

/** Changed ranges between two lists of keys. */
export function changes(a: readonly string[], b: readonly string[]): Hunk[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let endA = a.length
  let endB = b.length
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--
    endB--
  }
  const n = endA - start
  const m = endB - start
  const keepA = Array<boolean>(a.length).fill(true)
  const keepB = Array<boolean>(b.length).fill(true)
  for (let i = start; i < endA; i++) keepA[i] = false
  for (let i = start; i < endB; i++) keepB[i] = false
  if (n > 0 && m > 0) {
    const max = n + m
    const trace: Int32Array[] = []
    const v = new Int32Array(2 * max + 2)
    search: for (let d = 0; d <= max; d++) {
      trace.push(v.slice())
      for (let k = -d; k <= d; k += 2) {
        let x = k === -d || (k !== d && v[max + k - 1]! < v[max + k + 1]!) ? v[max + k + 1]! : v[max + k - 1]! + 1
        let y = x - k
        while (x < n && y < m && a[start + x] === b[start + y]) {
          x++
          y++
        }
        v[max + k] = x
        if (x >= n && y >= m) break search
      }
    }
    let x = n
    let y = m
    for (let d = trace.length - 1; d >= 0; d--) {
      const w = trace[d]!
      const k = x - y
      const down = k === -d || (k !== d && w[max + k - 1]! < w[max + k + 1]!)
      const pk = down ? k + 1 : k - 1
      const px = d === 0 ? 0 : w[max + pk]!
      const py = d === 0 ? 0 : px - pk
      while (x > px && y > py && x > 0 && y > 0) {
        x--
        y--
        keepA[start + x] = true
        keepB[start + y] = true
      }
      x = px
      y = py
    }
  }
  slide(a, keepA)
  slide(b, keepB)
  const hunks: Hunk[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && keepA[i] && keepB[j]) {
      i++
      j++
      continue
    }
    const a0 = i
    const b0 = j
    while (i < a.length && !keepA[i]) i++
    while (j < b.length && !keepB[j]) j++
    hunks.push({ a0, a1: i, b0, b1: j })
  }
  return hunks
}

/** Moves runs of changed lines as far down as they go, as GNU diff does. */
function slide(lines: readonly string[], keep: boolean[]): void {
  for (let i = 0; i < lines.length; i++) {
    if (keep[i]) continue
    let end = i
    while (end < lines.length && !keep[end]) end++
    let start = i
    while (end < lines.length && keep[end] && lines[start] === lines[end]) {
      keep[start++] = true
      keep[end++] = false
      while (end < lines.length && !keep[end]) end++
    }
    i = end
  }
}

interface Style {
  readonly kind: 'normal' | 'unified' | 'context' | 'brief' | 'ed' | 'side'
  readonly context: number
  readonly key: (line: string) => string
  readonly ignoreBlank: boolean
  readonly labels: readonly string[]
  readonly identical: boolean
  readonly newFile: boolean
  readonly width: number
  readonly command: string
  readonly color: boolean
}

function lines(text: string): string[] {
  const out = text.split('\n')
  if (out.at(-1) === '') out.pop()
  return out
}

const missing = '\\ No newline at end of file\n'

function range(from: number, to: number): string {
  return to - from === 1 ? String(from + 1) : to === from ? String(from) : `${from + 1},${to}`
}

function header(process: Process, path: string, label: string | undefined): string {
  if (label !== undefined) return label
  const time = path === '-' ? process.now() : process.fs.exists(path) ? process.fs.stat(path).mtime : 0
  return `${/[\s"\\]/.test(path) ? JSON.stringify(path) : path}\t${strftime('%Y-%m-%d %H:%M:%S.%N +0000', time)}`
}

/** Groups hunks whose context would touch. */
function grouped(hunks: readonly Hunk[], context: number): Hunk[][] {
  const out: Hunk[][] = []
  for (const h of hunks) {
    const last = out.at(-1)?.at(-1)
    if (last && h.a0 - last.a1 <= 2 * context) out.at(-1)!.push(h)
    else out.push([h])
  }
  return out
}

function render(process: Process, s: Style, pathA: string, pathB: string, textA: string, textB: string): string {
  const a = lines(textA)
  const b = lines(textB)
  const noA = textA !== '' && !textA.endsWith('\n')
  const noB = textB !== '' && !textB.endsWith('\n')
  const keyed = (list: string[], no: boolean) => list.map((l, i) => s.key(l) + (no && i === list.length - 1 ? '\u0000' : ''))
  let hunks = changes(keyed(a, noA), keyed(b, noB))
  if (s.ignoreBlank) hunks = hunks.filter((h) => [...a.slice(h.a0, h.a1), ...b.slice(h.b0, h.b1)].some((l) => l.trim() !== ''))
  if (hunks.length === 0 && s.kind !== 'side') return ''
  const paint = (code: string, text: string) => (s.color ? `\x1b[${code}m${text}\x1b[0m` : text)
  const lineA = (i: number, prefix: string, code = '') => `${code ? paint(code, prefix + a[i]) : prefix + a[i]}\n${noA && i === a.length - 1 ? missing : ''}`
  const lineB = (i: number, prefix: string, code = '') => `${code ? paint(code, prefix + b[i]) : prefix + b[i]}\n${noB && i === b.length - 1 ? missing : ''}`
  let out = ''
  switch (s.kind) {
    case 'normal':
      for (const h of hunks) {
        const op = h.a0 === h.a1 ? 'a' : h.b0 === h.b1 ? 'd' : 'c'
        out += paint('36', `${range(h.a0, h.a1)}${op}${range(h.b0, h.b1)}`) + '\n'
        for (let i = h.a0; i < h.a1; i++) out += lineA(i, '< ', '31')
        if (op === 'c') out += '---\n'
        for (let i = h.b0; i < h.b1; i++) out += lineB(i, '> ', '32')
      }
      return out
    case 'ed':
      for (const h of [...hunks].reverse()) {
        const op = h.a0 === h.a1 ? 'a' : h.b0 === h.b1 ? 'd' : 'c'
        out += `${range(h.a0, h.a1)}${op}\n`
        if (op !== 'd') out += b.slice(h.b0, h.b1).map((l) => l + '\n').join('') + '.\n'
      }
      return out
    case 'unified': {
      out += `${paint('1', `--- ${header(process, pathA, s.labels[0])}`)}\n${paint('1', `+++ ${header(process, pathB, s.labels[1])}`)}\n`
      for (const group of grouped(hunks, s.context)) {
        const first = group[0]!
        const last = group.at(-1)!
        const before = Math.min(s.context, first.a0)
        const after = Math.min(s.context, a.length - last.a1)
        const span = (from: number, to: number) => (to - from === 1 ? String(from + 1) : to === from ? `${from},0` : `${from + 1},${to - from}`)
        out += paint('36', `@@ -${span(first.a0 - before, last.a1 + after)} +${span(first.b0 - before, last.b1 + after)} @@`) + '\n'
        let at = first.a0 - before
        for (const h of group) {
          for (; at < h.a0; at++) out += lineA(at, ' ')
          for (; at < h.a1; at++) out += lineA(at, '-', '31')
          for (let i = h.b0; i < h.b1; i++) out += lineB(i, '+', '32')
        }
        for (; at < last.a1 + after; at++) out += lineA(at, ' ')
      }
      return out
    }
    case 'context': {
      out += `*** ${header(process, pathA, s.labels[0])}\n--- ${header(process, pathB, s.labels[1])}\n`
      for (const group of grouped(hunks, s.context)) {
        const first = group[0]!
        const last = group.at(-1)!
        const before = Math.min(s.context, first.a0)
        const after = Math.min(s.context, a.length - last.a1)
        const span = (from: number, to: number) => (to - from <= 1 ? String(to) : `${from + 1},${to}`)
        out += `***************\n*** ${span(first.a0 - before, last.a1 + after)} ****\n`
        if (group.some((h) => h.a1 > h.a0)) {
          let at = first.a0 - before
          for (const h of group) {
            for (; at < h.a0; at++) out += lineA(at, '  ')
            for (; at < h.a1; at++) out += lineA(at, h.b1 > h.b0 ? '! ' : '- ')
          }
          for (; at < last.a1 + after; at++) out += lineA(at, '  ')
        }
        out += `--- ${span(first.b0 - before, last.b1 + after)} ----\n`
        if (group.some((h) => h.b1 > h.b0)) {
          let at = first.b0 - before
          for (const h of group) {
            for (; at < h.b0; at++) out += lineB(at, '  ')
            for (; at < h.b1; at++) out += lineB(at, h.a1 > h.a0 ? '! ' : '+ ')
          }
          for (; at < last.b1 + after; at++) out += lineB(at, '  ')
        }
      }
      return out
    }
    case 'side':
      return sideBySide(a, b, hunks, s.width)
    default:
      return out
  }
}

function sideBySide(a: readonly string[], b: readonly string[], hunks: readonly Hunk[], width: number): string {
  const half = Math.floor((width + 1 - 3) / 2)
  // GNU aligns the right column to a tab stop.
  const offset = Math.floor((width + 8 + 3 - 1) / 16) * 8
  const left = Math.min(Math.max(0, offset - 3), width)
  void half
  const tabs = (from: number, to: number) => {
    let out = ''
    let at = from
    while (Math.floor(at / 8) * 8 + 8 <= to) {
      out += '\t'
      at = Math.floor(at / 8) * 8 + 8
    }
    return out + ' '.repeat(to - at)
  }
  const row = (l: string | undefined, mark: string, r: string | undefined) => {
    const text = (l ?? '').slice(0, left)
    let line = text
    if (mark !== ' ') line += tabs(text.length, left + 1) + mark
    if (r !== undefined && r !== '') line += tabs(mark === ' ' ? text.length : left + 2, offset) + r.slice(0, width - offset)
    return line + '\n'
  }
  let out = ''
  let i = 0
  let j = 0
  for (const h of [...hunks, { a0: a.length, a1: a.length, b0: b.length, b1: b.length }]) {
    while (i < h.a0 && j < h.b0) out += row(a[i++], ' ', b[j++])
    while (i < h.a1 && j < h.b1) out += row(a[i++], '|', b[j++])
    while (i < h.a1) out += row(a[i++], '<', undefined)
    while (j < h.b1) out += row(undefined, '>', b[j++])
  }
  return out
}

const diff: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const o = parseOptions(process, {
    short: 'abBcC:deEiI:lL:nNpPqrsTtu::U:wW:x:yZ', code: 2,
    long: { brief: 'q', 'report-identical-files': 's', context: 'c', unified: 'u', 'unified=?': 'U?', 'ignore-case': 'i', 'ignore-all-space': 'w', 'ignore-space-change': 'b', 'ignore-blank-lines': 'B', recursive: 'r', 'new-file': 'N', 'label=': 'L', 'side-by-side': 'y', 'width=': 'W', ed: 'e', 'exclude=': 'x', 'color=?': 'color', 'strip-trailing-cr': 'cr', normal: 'normal', text: 'a', 'ignore-trailing-space': 'Z', 'suppress-common-lines': 'suppress' },
  }, args.map((a) => (/^-\d+$/.test(a) ? `-U${a.slice(1)}` : a)))
  if (o.rest.length < 2) throw new Fatal(o.rest.length === 0 ? "diff: missing operand after 'diff'\ndiff: Try 'diff --help' for more information." : `diff: missing operand after '${o.rest[0]}'\ndiff: Try 'diff --help' for more information.`, 2)
  if (o.rest.length > 2) throw new Fatal(`diff: extra operand '${o.rest[2]}'\ndiff: Try 'diff --help' for more information.`, 2)
  const key = (line: string) => {
    let k = line
    if (o.has('cr')) k = k.replace(/\r$/, '')
    if (o.has('w')) k = k.replace(/\s+/g, '')
    else if (o.has('b')) k = k.replace(/\s+/g, ' ').replace(/ $/, '')
    else if (o.has('Z')) k = k.replace(/\s+$/, '')
    return o.has('i') ? k.toLowerCase() : k
  }
  const color = o.has('color') && o.get('color') !== 'never' && (o.get('color') === 'always' || process.stdout.tty !== undefined)
  const style: Style = {
    kind: o.has('q') ? 'brief' : o.has('y') ? 'side' : o.has('u') || o.has('U') || o.has('U?') ? 'unified' : o.has('c') || o.has('C') ? 'context' : o.has('e') ? 'ed' : 'normal',
    context: Number(o.get('U') || o.get('u') || o.get('U?') || o.get('C') || 3), key, ignoreBlank: o.has('B'), labels: o.all('L'), identical: o.has('s'), newFile: o.has('N'), width: Number(o.get('W') ?? 130), command: args.slice(0, args.length - 2).join(' '), color,
  }
  if (o.get('U') === '0' || o.get('C') === '0') (style as { context: number }).context = 0
  let status = 0
  const read = (path: string): Promise<string> => readText(process, path)
  const files = async (a: string, b: string, nested: boolean): Promise<void> => {
    let ta: string
    let tb: string
    try {
      ta = style.newFile && !process.fs.exists(a) && a !== '-' ? '' : await read(a)
      tb = style.newFile && !process.fs.exists(b) && b !== '-' ? '' : await read(b)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      for (const p of [a, b]) {
        if (p === '-') continue
        try {
          process.fs.stat(p)
          if (!process.fs.access(p, { read: true })) throw new FsError('EACCES', p)
        } catch (e) {
          if (e instanceof FsError) await complain(process, `${p}: ${strerror(e.code)}`)
        }
      }
      status = 2
      return
    }
    if (ta === tb) {
      if (style.identical) await process.stdout.write(`Files ${a} and ${b} are identical\n`)
      else if (style.kind === 'side') await process.stdout.write(render(process, style, a, b, ta, tb))
      return
    }
    if (ta.includes('\0') || tb.includes('\0')) {
      await process.stdout.write(`Binary files ${a} and ${b} differ\n`)
      status = Math.max(status, 2) === 2 && status === 2 ? 2 : 1
      return
    }
    const text = style.kind === 'brief' ? (render(process, { ...style, kind: 'normal' }, a, b, ta, tb) === '' ? '' : `Files ${a} and ${b} differ\n`) : render(process, style, a, b, ta, tb)
    if (text === '') return
    status = Math.max(status, 1)
    if (nested && style.kind !== 'brief') await process.stdout.write(`diff ${style.command ? style.command + ' ' : ''}${a} ${b}\n`)
    await process.stdout.write(text)
  }
  const kind = (p: string) => {
    if (p === '-') return 'file'
    try {
      return process.fs.stat(p).type
    } catch {
      return undefined
    }
  }
  const dirs = async (a: string, b: string): Promise<void> => {
    const names = [...new Set([...process.fs.readDir(a), ...process.fs.readDir(b)])].sort()
    for (const n of names) {
      if (o.all('x').includes(n)) continue
      const pa = `${a}/${n}`
      const pb = `${b}/${n}`
      const ka = kind(pa)
      const kb = kind(pb)
      if (ka === undefined || kb === undefined) {
        if (style.newFile && ka !== 'directory' && kb !== 'directory') await files(pa, pb, true)
        else {
          await process.stdout.write(`Only in ${ka === undefined ? b : a}: ${n}\n`)
          status = Math.max(status, 1)
        }
      } else if (ka === 'directory' && kb === 'directory') {
        if (o.has('r')) await dirs(pa, pb)
        else await process.stdout.write(`Common subdirectories: ${pa} and ${pb}\n`)
      } else if (ka !== kb) {
        const word = (k: string) => (k === 'directory' ? 'directory' : 'regular file')
        await process.stdout.write(`File ${pa} is a ${word(ka)} while file ${pb} is a ${word(kb)}\n`)
        status = Math.max(status, 1)
      } else await files(pa, pb, true)
    }
  }
  let [a, b] = o.rest as [string, string]
  const ka = kind(a)
  const kb = kind(b)
  if (ka === 'directory' && kb === 'directory') await dirs(a.replace(/(.)\/+$/, '$1'), b.replace(/(.)\/+$/, '$1'))
  else {
    if (ka === 'directory' && kb !== undefined) a = `${a}/${b.slice(b.lastIndexOf('/') + 1)}`
    else if (kb === 'directory' && ka !== undefined) b = `${b}/${a.slice(a.lastIndexOf('/') + 1)}`
    if (!style.newFile || (ka === undefined && kb === undefined)) {
      let bad = false
      for (const p of [a, b]) {
        if (kind(p) === undefined) {
          await complain(process, `${p}: No such file or directory`)
          bad = true
        }
      }
      if (bad) return 2
    }
    await files(a, b, false)
  }
  return status
})

const cmp: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'bi:ln:s', long: { 'print-bytes': 'b', 'ignore-initial=': 'i', verbose: 'l', 'bytes=': 'n', quiet: 's', silent: 's' }, code: 2 })
  if (o.rest.length === 0) throw new Fatal("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.", 2)
  const texts: Uint8Array[] = []
  const [a, b] = [o.rest[0]!, o.rest[1] ?? '-']
  for (const p of [a, b]) {
    try {
      texts.push(encodeBytes(await readText(process, p)))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (!o.has('s')) await complain(process, `${p}: ${strerror(error.code)}`)
      return 2
    }
  }
  const skips = (o.get('i') ?? '0').split(':')
  const bad = skips.length > 2 ? o.get('i')! : skips.find((n) => !/^\d+$/.test(n))
  if (bad !== undefined) throw new Fatal(`cmp: invalid --ignore-initial value '${bad}'\ncmp: Try 'cmp --help' for more information.`, 2)
  const [x, y] = texts.map((bytes, i) => bytes.subarray(Number(skips[i] ?? skips[0]))) as [Uint8Array, Uint8Array]
  const limit = o.has('n') ? Number(o.get('n')) : Infinity
  const n = Math.min(x.length, y.length, limit)
  let line = 1
  let differs = false
  for (let i = 0; i < n; i++) {
    if (x[i] !== y[i]) {
      if (o.has('s')) return 1
      if (!o.has('l')) {
        await process.stdout.write(`${a} ${b} differ: byte ${i + 1}, line ${line}${o.has('b') ? ` is ${x[i]!.toString(8).padStart(3)} ${String.fromCharCode(x[i]!)} ${y[i]!.toString(8).padStart(3)} ${String.fromCharCode(y[i]!)}` : ''}\n`)
        return 1
      }
      differs = true
      await process.stdout.write(`${String(i + 1).padStart(String(Math.max(x.length, y.length)).length)} ${x[i]!.toString(8).padStart(3)} ${y[i]!.toString(8).padStart(3)}\n`)
    }
    if (x[i] === 10) line++
  }
  if (x.length !== y.length && n < limit) {
    const short = x.length < y.length ? a : b
    const bytes = x.length < y.length ? x : y
    const lineCount = [...bytes].filter((c) => c === 10).length
    if (!o.has('s')) await complain(process, bytes.length === 0 ? `EOF on ${short} which is empty` : `EOF on ${short} after byte ${n}, ${bytes.at(-1) === 10 ? `line ${lineCount}` : `in line ${lineCount + 1}`}`)
    return 1
  }
  return differs ? 1 : 0
})

export const diffPrograms: readonly (readonly [string, Program])[] = [['diff', diff], ['cmp', cmp]]
