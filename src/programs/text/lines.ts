/** Tools that work line by line: head, tail, wc, cut, paste, tr, uniq, comm, join, fold, expand, unexpand, column, split, shuf. */
import { byteLength, decodeBytes, encodeBytes } from '#base/bytes.ts'
import { strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import { compareBytes, complain, Fatal, linesOf, nameOf, openInput, Out, parseOptions, quote, readInputs, splitLines, tool } from './common.ts'

const suffixes: Record<string, number> = { b: 512, kB: 1000, k: 1024, K: 1024, MB: 1e6, M: 1048576, G: 1073741824, GB: 1e9 }

function count(process: Process, text: string, what: string): number {
  const m = /^(\d+)(b|kB|k|K|MB|M|GB|G)?$/.exec(text)
  if (!m) throw new Fatal(`${nameOf(process)}: invalid number of ${what}: ‘${text}’`)
  if (BigInt(m[1]!) >= 1n << 64n && nameOf(process) === 'head') throw new Fatal(`head: invalid number of ${what}: ‘${text}’: Value too large for defined data type`)
  return Number(m[1]) * (m[2] ? suffixes[m[2]]! : 1)
}

const headHelp = { short: 'n:c:qvz', long: { 'lines=': 'n', 'bytes=': 'c', quiet: 'q', silent: 'q', verbose: 'v', 'zero-terminated': 'z' }, digits: (d: string) => ['n', d] as const }

const head: Program = tool(async (process) => {
  const old = /^-\d+(?:[bkm]?[cl]?)?([a-zA-Z])?/.exec(process.argv[1] ?? '')
  if (old?.[1] !== undefined && !'bkmclqvz'.includes(old[1])) throw new Fatal(`head: invalid trailing option -- ${old[1]}\nTry 'head --help' for more information.`)
  const o = parseOptions(process, headHelp)
  const mode = o.list.findLast(([k]) => k === 'n' || k === 'c') ?? ['n', '10']
  const what = mode[0] === 'n' ? 'lines' : 'bytes'
  const allBut = mode[1].startsWith('-')
  const limit = count(process, mode[1].replace(/^[-+]/, ''), what)
  const paths = o.rest.length > 0 ? o.rest : ['-']
  const title = (paths.length > 1 || o.has('v')) && !o.has('q')
  let failed = false
  let first = true
  for (const path of paths) {
    const file = await openInput(process, path, (p, e) => (e.code === 'EISDIR' ? `error reading ${quote(p)}: ${strerror(e.code)}` : `cannot open ${quote(p)} for reading: ${strerror(e.code)}`))
    if (!file) {
      failed = true
      continue
    }
    if (title) await process.stdout.write(`${first ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`)
    first = false
    if (what === 'bytes') {
      if (allBut) {
        const bytes = encodeBytes(await file.readAll())
        await process.stdout.write(decodeBytes(bytes.slice(0, Math.max(0, bytes.length - limit))))
      } else {
        let left = limit
        while (left > 0) {
          const chunk = await file.readBytes(left)
          if (chunk === undefined) break
          left -= byteLength(chunk)
          await process.stdout.write(chunk)
        }
      }
    } else if (allBut) {
      const lines = (await file.readAll()).match(/[^\n]*\n|[^\n]+$/g) ?? []
      await process.stdout.write(lines.slice(0, Math.max(0, lines.length - limit)).join(''))
    } else {
      for (let i = 0; i < limit; i++) {
        const line = await file.readLine()
        if (line === undefined) break
        await process.stdout.write(line)
      }
    }
    if (path !== '-') file.release()
  }
  return failed ? 1 : 0
})

const tail: Program = tool(async (process) => {
  // The old `tail +9 file`.
  const plus = /^\+\d+$/.test(process.argv[1] ?? '')
  const o = parseOptions(process, { short: 'n:c:fFqvs:z', long: { 'lines=': 'n', 'bytes=': 'c', 'follow=?': 'f', quiet: 'q', verbose: 'v', 'pid=': 'P', 'sleep-interval=': 's', retry: 'R' }, digits: (d) => ['n', d] as const }, process.argv.slice(plus ? 2 : 1))
  const odd = /^-\d+(?!\d*[bcl]*f?$)\D/.exec(process.argv[1] ?? '')
  if (odd) throw new Fatal(`tail: option used in invalid context -- ${process.argv[1]![1]}`)
  const mode = o.list.findLast(([k]) => k === 'n' || k === 'c') ?? (plus ? ['n', process.argv[1]!] : ['n', '10'])
  const fromStart = mode[1].startsWith('+')
  const limit = count(process, mode[1].replace(/^[-+]/, ''), mode[0] === 'n' ? 'lines' : 'bytes')
  const paths = o.rest.length > 0 ? o.rest : ['-']
  const title = (paths.length > 1 || o.has('v')) && !o.has('q')
  const follow = o.has('f') || o.has('F')
  let failed = false
  let first = true
  const followed: { path: string; position: number }[] = []
  for (const path of paths) {
    const file = await openInput(process, path, (p, e) => (e.code === 'EISDIR' ? `error reading ${quote(p)}: ${strerror(e.code)}` : `cannot open ${quote(p)} for reading: ${strerror(e.code)}`))
    if (!file) {
      failed = true
      if (o.has('F')) followed.push({ path, position: 0 })
      continue
    }
    if (title) await process.stdout.write(`${first ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`)
    first = false
    const text = await file.readAll()
    if (mode[0] === 'c') {
      const bytes = encodeBytes(text)
      await process.stdout.write(decodeBytes(fromStart ? bytes.slice(Math.max(0, limit - 1)) : limit === 0 ? [] : bytes.slice(-limit)))
    } else {
      const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
      await process.stdout.write((fromStart ? lines.slice(Math.max(0, limit - 1)) : limit === 0 ? [] : lines.slice(-limit)).join(''))
    }
    if (path !== '-') {
      file.release()
      followed.push({ path, position: text.length })
    }
  }
  if (!follow || followed.length === 0) return failed ? 1 : 0
  // With the writer gone there is nothing to wait for.
  const writer = o.get('P')
  if (writer !== undefined && !process.fs.exists(`/proc/${writer}`)) return failed ? 1 : 0
  await followFiles(process, followed, title)
  return 0
})

/** Prints what is appended to the files, until killed. */
async function followFiles(process: Process, files: { path: string; position: number }[], title: boolean): Promise<void> {
  let last = files.at(-1)?.path
  for (;;) {
    let changed = false
    for (const f of files) {
      let text: string
      try {
        text = process.fs.readFile(f.path)
      } catch {
        continue
      }
      if (text.length < f.position) {
        await process.stderr.write(`tail: ${f.path}: file truncated\n`)
        f.position = 0
      }
      if (text.length > f.position) {
        if (title && last !== f.path) await process.stdout.write(`\n==> ${f.path} <==\n`)
        last = f.path
        await process.stdout.write(text.slice(f.position))
        f.position = text.length
        changed = true
      }
    }
    if (!changed) await process.sleep(1000)
  }
}

const wc: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'clmwL', long: { bytes: 'c', lines: 'l', chars: 'm', words: 'w', 'max-line-length': 'L', 'files0-from=': 'files' } })
  const all = !o.list.some(([k]) => k !== 'files')
  let names = o.rest
  if (o.has('files')) {
    if (o.rest.length > 0) throw new Fatal(`wc: extra operand ‘${o.rest[0]}’\nfile operands cannot be combined with --files0-from\nTry 'wc --help' for more information.`)
    const list = await openInput(process, o.get('files')!, (p, e) => `cannot open ${quote(p)} for reading: ${strerror(e.code)}`)
    if (!list) return 1
    names = (await list.readAll()).split('\0').filter((n) => n !== '')
  }
  const want = { l: all || o.has('l'), w: all || o.has('w'), m: o.has('m'), c: all || o.has('c'), L: o.has('L') }
  const rows: { counts: number[]; name: string }[] = []
  let failed = false
  const total = [0, 0, 0, 0, 0]
  const paths = names.length > 0 || o.has('files') ? names : ['-']
  let size = 0
  for (const path of paths) {
    const file = await openInput(process, path)
    if (!file) {
      failed = true
      if (process.fs.exists(path) && path !== '-') rows.push({ counts: [0, 0, 0, 0, 0], name: path })
      continue
    }
    const text = await file.readAll()
    if (path !== '-') file.release()
    const c = [text.split('\n').length - 1, text.match(/[^\s]+/g)?.length ?? 0, [...text].length, byteLength(text), Math.max(0, ...text.split('\n').map((l) => displayWidth(l)))]
    if (path !== '-' || file.kind === 'file') size += c[3]!
    c.forEach((n, i) => {
      total[i] = i === 4 ? Math.max(total[i]!, n) : total[i]! + n
    })
    rows.push({ counts: c, name: names.length > 0 ? path : '' })
  }
  if (paths.length > 1) rows.push({ counts: total, name: 'total' })
  const picks = [want.l, want.w, want.m, want.c, want.L]
  const columns = picks.filter(Boolean).length
  const stdin = paths.some((p) => (p === '-' && process.stdin.kind !== 'file') || (p !== '-' &&process.fs.exists(p) && process.fs.stat(p).type !== 'file'))
  const width = columns === 1 && paths.length === 1 ? 1 : stdin ? 7 : String(size).length
  for (const r of rows) {
    const cells = r.counts.filter((_, i) => picks[i]).map((n) => String(n).padStart(width))
    await process.stdout.write(cells.join(' ') + (r.name ? ` ${r.name}` : '') + '\n')
  }
  return failed ? 1 : 0
})

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  let n = 0
  for (const c of text) {
    const code = c.codePointAt(0)!
    if (code === 9) n += 8 - (n % 8)
    else if (code < 32 || (code >= 0x300 && code < 0x370)) continue
    else n += (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || (code >= 0x1f300 && code <= 0x1faff) ? 2 : 1
  }
  return n
}

/** `1,3-5,7-` as ranges from 1. */
function ranges(list: string, fail: (text: string) => never, what: string): [number, number][] {
  const out: [number, number][] = []
  for (const part of list.split(/[,\s]/)) {
    if (/^\d*-\d*-/.test(part)) fail(what === 'fields' ? 'invalid field range' : 'invalid byte or character range')
    const m = /^(\d*)(-?)(\d*)$/.exec(part)
    if (!m || part === '-' ) {
      if (part === '-') fail('invalid range with no endpoint: -')
      if (part === '') fail(what === 'fields' ? 'fields are numbered from 1' : 'byte/character positions are numbered from 1')
      fail(what === 'fields' ? `invalid field value ‘${part.replace(/^[\d-]*/, '') || part}’` : `invalid byte or character range ‘${part}’`)
      continue
    }
    if (part === '') fail(what === 'fields' ? 'fields are numbered from 1' : 'byte/character positions are numbered from 1')
    const from = m[1] === '' ? 1 : Number(m[1])
    const to = m[2] === '' ? from : m[3] === '' ? Infinity : Number(m[3])
    if (from === 0 || (m[3] !== '' && to === 0)) fail(what === 'fields' ? 'fields are numbered from 1' : 'byte/character positions are numbered from 1')
    if (to < from) fail('invalid decreasing range')
    out.push([from, to])
  }
  return out
}

const cut: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'b:c:d:f:nsz', long: { 'bytes=': 'b', 'characters=': 'c', 'delimiter=': 'd', 'fields=': 'f', complement: 'C', 'only-delimited': 's', 'output-delimiter=': 'O', 'zero-terminated': 'z' } })
  const fail = (text: string): never => {
    throw new Fatal(`cut: ${text}\nTry 'cut --help' for more information.`)
  }
  const modes = o.list.filter(([k]) => 'bcf'.includes(k))
  if (modes.length === 0) fail('you must specify a list of bytes, characters, or fields')
  if (modes.length > 1) fail('only one list may be specified')
  const [mode, list] = modes[0]!
  const delimiter = o.get('d') ?? '\t'
  if ([...delimiter].length > 1) fail('the delimiter must be a single character')
  if (mode !== 'f' && o.has('d')) fail('an input delimiter may be specified only when operating on fields')
  if (mode !== 'f' && o.has('s')) fail('suppressing non-delimited lines makes sense\n\tonly when operating on fields')
  const wanted = ranges(list, fail, mode === 'f' ? 'fields' : 'bytes')
  const inside = (n: number) => wanted.some(([a, b]) => n >= a && n <= b) !== o.has('C')
  const output = o.get('O') ?? (mode === 'f' ? delimiter : '')
  const end = o.has('z') ? '\0' : '\n'
  let failed = false
  for (const path of o.rest.length > 0 ? o.rest : ['-']) {
    const file = await openInput(process, path)
    if (!file) {
      failed = true
      continue
    }
    const out = new Out(process.stdout)
    out.lineBuffered = file.kind === 'tty'
    for await (const raw of linesOf(file, end)) {
      const line = raw.endsWith(end) ? raw.slice(0, -1) : raw
      if (mode === 'f') {
        if (!line.includes(delimiter)) {
          if (!o.has('s')) await out.put(line + end)
          continue
        }
        await out.put(line.split(delimiter).filter((_, i) => inside(i + 1)).join(output) + end)
      } else {
        const bytes = encodeBytes(line)
        if (bytes.length === line.length && output === '') await out.put([...line].filter((_, i) => inside(i + 1)).join('') + end)
        else {
          const groups: number[][] = []
          let previous = -1
          bytes.forEach((b, i) => {
            if (!inside(i + 1)) return
            const range = wanted.findIndex(([x, y]) => i + 1 >= x && i + 1 <= y)
            if (i !== previous + 1 || groups.length === 0 || (output !== '' && wanted[range]?.[0] === i + 1 && !wanted.some(([x, y], k) => k !== range && i >= x && i + 1 <= y))) groups.push([])
            groups.at(-1)!.push(b)
            previous = i
          })
          await out.put(groups.map((g) => decodeBytes(g)).join(output) + end)
        }
      }
    }
    await out.flush()
    if (path !== '-') file.release()
  }
  return failed ? 1 : 0
})

function escapes(text: string): string {
  return text.replace(/\\(n|t|r|0|\\|[0-7]{1,3})/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r', '0': '', '\\': '\\' })[c] ?? String.fromCharCode(parseInt(c, 8)))
}

const paste: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'd:sz', long: { 'delimiters=': 'd', serial: 's', 'zero-terminated': 'z' } })
  const end = o.has('z') ? '\0' : '\n'
  const raw = o.get('d') ?? '\t'
  const delimiters = raw === '' ? [''] : (raw.match(/\\[\s\S]|[\s\S]/g) ?? []).map(escapes)
  const files: OpenFile[] = []
  for (const path of o.rest.length > 0 ? o.rest : ['-']) {
    const file = await openInput(process, path)
    if (!file) return 1
    files.push(file)
  }
  if (o.has('s')) {
    for (const file of files) {
      const text = await file.readAll()
      const lines = text === '' ? [] : (text.endsWith(end) ? text.slice(0, -1) : text).split(end)
      await process.stdout.write(lines.map((l, i) => l + (i === lines.length - 1 ? '' : delimiters[i % delimiters.length])).join('') + end)
    }
    return 0
  }
  for (;;) {
    let text = ''
    let any = false
    for (const [i, file] of files.entries()) {
      const line = await file.readLine()
      if (line !== undefined) any = true
      text += (line ?? '').replace(/\n$/, '') + (i === files.length - 1 ? '' : delimiters[i % delimiters.length])
    }
    if (!any) return 0
    await process.stdout.write(text + '\n')
  }
})

const comm: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '123z', long: { 'check-order': 'K', 'nocheck-order': 'N', 'output-delimiter=': 'O', total: 'T' } })
  if (o.rest.length < 2) throw new Fatal(o.rest.length === 0 ? "comm: missing operand\nTry 'comm --help' for more information." : `comm: missing operand after ‘${o.rest[0]}’\nTry 'comm --help' for more information.`)
  const { texts, failed } = await readInputs(process, o.rest.slice(0, 2))
  if (failed) return 1
  const [a, b] = texts.map(splitLines) as [string[], string[]]
  const delimiter = o.get('O') ?? '\t'
  const indent = [0, o.has('1') ? 0 : 1, (o.has('1') ? 0 : 1) + (o.has('2') ? 0 : 1)]
  const totals = [0, 0, 0]
  let i = 0
  let j = 0
  let disorder = 0
  const report: number[] = []
  const check = async (list: string[], at: number, n: number) => {
    if (!o.has('N') && !report.includes(n) && at > 0 && at < list.length && compareBytes(list[at - 1]!, list[at]!) > 0) {
      report.push(n)
      if (o.has('K')) throw new Fatal(`comm: file ${n} is not in sorted order`)
      await complain(process, `file ${n} is not in sorted order`)
      disorder = 1
    }
  }
  while (i < a.length || j < b.length) {
    await check(a, i, 1)
    await check(b, j, 2)
    const order = i >= a.length ? 1 : j >= b.length ? -1 : compareBytes(a[i]!, b[j]!)
    const column = order < 0 ? 1 : order > 0 ? 2 : 3
    const line = order > 0 ? b[j]! : a[i]!
    if (order <= 0) i++
    if (order >= 0) j++
    totals[column - 1]!++
    if (!o.has(String(column))) await process.stdout.write(delimiter.repeat(indent[column - 1]!) + line + '\n')
  }
  const mark = o.has('z') ? '\0' : '\n'
  if (o.has('T')) await process.stdout.write(`${totals.join(delimiter)}${delimiter}total${mark}`)
  if (disorder) {
    await complain(process, 'input is not in sorted order')
    return 1
  }
  return 0
})

const join: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'a:e:ij:o:t:v:1:2:', long: { header: 'H', 'check-order': 'K', 'nocheck-order': 'N', 'ignore-case': 'i' } })
  if (o.rest.length < 2) throw new Fatal(o.rest.length === 0 ? "join: missing operand\nTry 'join --help' for more information." : `join: missing operand after ‘${o.rest[0]}’\nTry 'join --help' for more information.`)
  const { texts, failed } = await readInputs(process, o.rest.slice(0, 2))
  if (failed) return 1
  const t = o.get('t')
  const fields = (line: string) => (t !== undefined ? line.split(t) : line.replace(/^\s+/, '').split(/[ \t]+/))
  const f1 = Number(o.get('1') ?? o.get('j') ?? 1) - 1
  const f2 = Number(o.get('2') ?? o.get('j') ?? 1) - 1
  const separator = t ?? ' '
  const [a, b] = texts.map((x) => splitLines(x).map(fields)) as [string[][], string[][]]
  const unpaired = [...o.all('a'), ...o.all('v')]
  const pairs = !o.has('v')
  const empty = o.get('e') ?? ''
  const format = o.get('o')?.split(/[ ,]+/)
  for (const spec of format ?? []) {
    if (spec === '0' || spec === 'auto') continue
    if (!/^[12]\./.test(spec)) throw new Fatal(/^\d+\./.test(spec) ? `join: invalid file number in field spec: ‘${spec}’` : `join: invalid field specifier: ‘${spec}’`)
    if (!/^[12]\.[1-9]\d*$/.test(spec)) throw new Fatal(`join: invalid field number: ‘${spec.slice(2)}’`)
  }
  for (const flag of ['1', '2', 'j']) if (o.has(flag) && !/^[1-9]\d*$/.test(o.get(flag)!)) throw new Fatal(`join: invalid field number: ‘${o.get(flag)}’`)
  for (const flag of ['a', 'v']) for (const n of o.all(flag)) if (n !== '1' && n !== '2') throw new Fatal(`join: invalid field number: ‘${n}’`)
  if (t !== undefined && [...t].length > 1 && t !== '\\0') throw new Fatal(`join: multi-character tab ‘${t}’`)
  const key = (x: string[] | undefined, f: number) => (o.has('i') ? (x?.[f] ?? '').toLowerCase() : (x?.[f] ?? ''))
  const line = (x: string[] | undefined, y: string[] | undefined) => {
    if (format && format[0] !== 'auto') return format.map((spec) => (spec === '0' ? (x?.[f1] ?? y?.[f2] ?? empty) : ((spec.startsWith('1.') ? x : y)?.[Number(spec.slice(2)) - 1] ?? empty) || empty)).join(separator)
    return [x?.[f1] ?? y?.[f2] ?? '', ...(x ?? []).filter((_, i) => i !== f1), ...(y ?? []).filter((_, i) => i !== f2)].join(separator)
  }
  const out = new Out(process.stdout)
  if (o.has('H') && (a.length > 0 || b.length > 0)) await out.put(line(a.shift(), b.shift()) + '\n')
  let disorder = false
  const ordered = async (list: string[][], f: number, n: number, path: string) => {
    for (let i = 1; i < list.length; i++) {
      if (compareBytes(key(list[i - 1], f), key(list[i], f)) > 0) {
        await out.flush()
        await complain(process, `${path}:${i + 1 + (o.has('H') ? 1 : 0)}: is not sorted: ${splitLines(texts[n]!)[i + (o.has('H') ? 1 : 0)]}`)
        disorder = true
        return
      }
    }
  }
  if (o.has('K')) {
    await ordered(a, f1, 0, o.rest[0]!)
    if (!disorder) await ordered(b, f2, 1, o.rest[1]!)
    if (disorder) return 1
  }
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const order = i >= a.length ? 1 : j >= b.length ? -1 : compareBytes(key(a[i], f1), key(b[j], f2))
    if (order < 0) {
      if (unpaired.includes('1')) await out.put(line(a[i], undefined) + '\n')
      i++
    } else if (order > 0) {
      if (unpaired.includes('2')) await out.put(line(undefined, b[j]) + '\n')
      j++
    } else {
      const k = key(a[i], f1)
      let i2 = i
      while (i2 < a.length && key(a[i2], f1) === k) i2++
      let j2 = j
      while (j2 < b.length && key(b[j2], f2) === k) j2++
      if (pairs) for (let x = i; x < i2; x++) for (let y = j; y < j2; y++) await out.put(line(a[x], b[y]) + '\n')
      i = i2
      j = j2
    }
  }
  if (!o.has('N') && !o.has('K')) {
    await ordered(a, f1, 0, o.rest[0]!)
    await ordered(b, f2, 1, o.rest[1]!)
  }
  await out.flush()
  if (disorder) {
    await complain(process, 'input is not in sorted order')
    return 1
  }
  return 0
})

const fold: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'bsw:', long: { bytes: 'b', spaces: 's', 'width=': 'w' }, digits: (d) => ['w', d] as const })
  const width = Number(o.get('w') ?? 80)
  if (!(width > 0)) throw new Fatal(`fold: invalid number of columns: ‘${o.get('w')}’`)
  const { texts, failed } = await readInputs(process, o.rest)
  for (const text of texts) {
    for (const raw of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
      let rest = raw.replace(/\n$/, '')
      let out = ''
      while ([...rest].length > width) {
        const chars = [...rest]
        let at = width
        if (o.has('s')) {
          const blank = chars.slice(0, width).lastIndexOf(' ')
          if (blank >= 0) at = blank + 1
        }
        out += chars.slice(0, at).join('') + '\n'
        rest = chars.slice(at).join('')
      }
      await process.stdout.write(out + rest + (raw.endsWith('\n') ? '\n' : ''))
    }
  }
  return failed ? 1 : 0
})

const expand: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'it:', long: { initial: 'i', 'tabs=': 't' }, digits: (d) => ['t', d] as const })
  const stops = (o.get('t') ?? '8').split(/[ ,]/).map(Number)
  const { texts, failed } = await readInputs(process, o.rest)
  for (const text of texts) {
    let column = 0
    let out = ''
    let initial = true
    for (const c of text) {
      if (c === '\t' && (initial || !o.has('i'))) {
        const next = stops.length === 1 ? (Math.floor(column / stops[0]!) + 1) * stops[0]! : (stops.find((s) => s > column) ?? column + 1)
        out += ' '.repeat(next - column)
        column = next
      } else {
        out += c
        column = c === '\n' ? 0 : column + 1
        initial = c === '\n' || (initial && /[ \t]/.test(c))
      }
    }
    await process.stdout.write(out)
  }
  return failed ? 1 : 0
})

const unexpand: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'at:', long: { all: 'a', 'tabs=': 't', 'first-only': 'F' } })
  const size = Number(o.get('t') ?? 8)
  const all = (o.has('a') || o.has('t')) && !o.has('F')
  const { texts, failed } = await readInputs(process, o.rest)
  for (const text of texts) {
    const lines = text.split('\n').map((line) => {
      const lead = /^[ \t]*/.exec(line)![0]
      const width = displayWidth(lead)
      const head = '\t'.repeat(Math.floor(width / size)) + ' '.repeat(width % size)
      let rest = line.slice(lead.length)
      if (all) {
        let out = ''
        let column = width
        for (const m of rest.matchAll(/( {2,})|([^ ]+| )/g)) {
          if (m[1]) {
            const end = column + m[1].length
            while (Math.floor(column / size) * size + size <= end) {
              out += '\t'
              column = Math.floor(column / size) * size + size
            }
            out += ' '.repeat(end - column)
            column = end
          } else {
            out += m[0]
            column += m[0].length
          }
        }
        rest = out
      }
      return head + rest
    })
    await process.stdout.write(lines.join('\n'))
  }
  return failed ? 1 : 0
})

const split: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'l:b:n:da:', long: { 'lines=': 'l', 'bytes=': 'b', 'number=': 'n', 'numeric-suffixes=?': 'd', 'suffix-length=': 'a', 'additional-suffix=': 'X' } })
  const { texts, failed } = await readInputs(process, o.rest.slice(0, 1))
  if (failed) throw new Fatal('')
  const prefix = o.rest[1] ?? 'x'
  const width = Number(o.get('a') ?? 2)
  const text = texts[0] ?? ''
  let pieces: string[] = []
  if (o.has('b')) {
    const bytes = encodeBytes(text)
    const size = count(process, o.get('b')!, 'bytes')
    for (let i = 0; i < bytes.length; i += size) pieces.push(decodeBytes(bytes.slice(i, i + size)))
  } else if (o.has('n')) {
    const bytes = encodeBytes(text)
    const n = Number(o.get('n')!.replace(/^l\//, ''))
    if (!(n >= 1)) throw new Fatal(`split: invalid number of chunks: ‘${o.get('n')}’${n === 0 ? ': Numerical result out of range' : ''}`)
    const size = Math.ceil(bytes.length / n)
    for (let i = 0; i < n; i++) pieces.push(decodeBytes(bytes.slice(i * size, (i + 1) * size)))
  } else {
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
    const size = Number(o.get('l') ?? 1000)
    if (!(size >= 1)) throw new Fatal(`split: invalid number of lines: ‘${o.get('l')}’${size === 0 ? ': Numerical result out of range' : ''}`)
    for (let i = 0; i < lines.length; i += size) pieces.push(lines.slice(i, i + size).join(''))
  }
  pieces = pieces.filter((p, i) => p !== '' || i === 0)
  pieces.forEach((piece, i) => {
    let suffix = ''
    if (o.has('d')) suffix = String(i).padStart(width, '0')
    else for (let k = 0, n = i; k < width; k++, n = Math.floor(n / 26)) suffix = String.fromCharCode(97 + (n % 26)) + suffix
    process.fs.writeFile(prefix + suffix + (o.get('X') ?? ''), piece)
  })
  return 0
})

const shuf: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'en:i:o:rz', long: { echo: 'e', 'head-count=': 'n', 'input-range=': 'i', repeat: 'r', 'random-source=': 'source', 'output=': 'o', 'zero-terminated': 'z' } })
  let lines: string[]
  const range = /^(\d+)-(\d+)$/.exec(o.get('i') ?? '')
  if (range) lines = Array.from({ length: Number(range[2]) - Number(range[1]) + 1 }, (_, i) => String(Number(range[1]) + i))
  else if (o.has('e')) lines = [...o.rest]
  else lines = (await readInputs(process, o.rest)).texts.flatMap(splitLines)
  const random = process.machine.sim.random
  for (let i = lines.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    ;[lines[i], lines[j]] = [lines[j]!, lines[i]!]
  }
  const end = o.has('z') ? '\0' : '\n'
  const count = o.has('n') ? Number(o.get('n')) : Infinity
  if (o.has('r') && lines.length === 0 && count > 0) throw new Fatal('shuf: no lines to repeat')
  const file = o.get('o')
  if (file !== undefined && !(o.has('r') && count === Infinity)) process.fs.writeFile(file, '')
  const target = file === undefined ? process.stdout : process.open(file, { write: true })
  // With -r each line is drawn anew; without a count that has no end.
  if (o.has('r')) for (let n = 0; n < count; n++) {
    await target.write(lines[Math.floor(random.next() * lines.length)]! + end)
    if (n % 100 === 99) await process.yield()
  }
  else for (const line of lines.slice(0, count)) await target.write(line + end)
  return 0
})

const fmt: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'w:su', long: { 'width=': 'w' }, digits: (d) => ['w', d] as const })
  const width = Number(o.get('w') ?? 75)
  const { texts } = await readInputs(process, o.rest)
  for (const paragraph of texts.join('').split(/\n{2,}/)) {
    let line = ''
    const goal = Math.floor(width * 0.93)
    for (const word of paragraph.split(/\s+/).filter((x) => x !== '')) {
      if (line !== '' && line.length + 1 + word.length > goal) {
        await process.stdout.write(line + '\n')
        line = word
      } else line += (line === '' ? '' : ' ') + word
    }
    if (line !== '') await process.stdout.write(line + '\n')
  }
  return 0
})

export const linePrograms: readonly (readonly [string, Program])[] = [
  ['head', head], ['tail', tail], ['wc', wc], ['cut', cut], ['paste', paste], ['comm', comm], ['join', join], ['fold', fold], ['expand', expand], ['unexpand', unexpand], ['split', split], ['shuf', shuf], ['fmt', fmt],
]
