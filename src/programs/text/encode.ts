/** base64, base32-less, od, hexdump, xxd, numfmt-less: bytes shown in other ways. */
import { decodeBytes, encodeBytes, fromBase64, toBase64 } from '#base/bytes.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { Fatal, openInput, parseOptions, tool } from './common.ts'

async function bytesOf(process: Process, paths: readonly string[]): Promise<Uint8Array | undefined> {
  let text = ''
  for (const path of paths.length > 0 ? paths : ['-']) {
    const file = await openInput(process, path)
    if (!file) return undefined
    text += await file.readAll()
  }
  return encodeBytes(text)
}

const base64: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'diw:', long: { decode: 'd', 'ignore-garbage': 'i', 'wrap=': 'w' } })
  if (o.rest.length > 1) throw new Fatal(`base64: extra operand ‘${o.rest[1]}’\nTry 'base64 --help' for more information.`)
  const width = Number(o.get('w') ?? 76)
  if (!Number.isInteger(width) || width < 0) throw new Fatal(`base64: invalid wrap size: ‘${o.get('w')}’`)
  const file = await openInput(process, o.rest[0] ?? '-')
  if (!file) return 1
  const text = await file.readAll()
  if (o.has('d')) {
    let clean = text.replace(/\n/g, '')
    if (o.has('i')) clean = clean.replace(/[^A-Za-z0-9+/=]/g, '')
    // What is right is decoded before the complaint.
    const good = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)*/.exec(clean)![0]
    await process.stdout.write((good.match(/[^=]+=*/g) ?? []).map((part) => fromBase64(part) ?? '').join(''))
    if (good.length !== clean.length) {
      const rest = clean.slice(good.length)
      const tail = /^[A-Za-z0-9+/]{2,3}/.exec(rest)?.[0] ?? ''
      if (tail !== '') await process.stdout.write((fromBase64(tail.padEnd(4, 'A').slice(0, 4)) ?? '').slice(0, tail.length - 1))
      throw new Fatal('base64: invalid input')
    }
    return 0
  }
  const out = toBase64(text)
  await process.stdout.write(width === 0 ? out : out.replace(new RegExp(`.{1,${width}}`, 'g'), '$&\n'))
  return 0
})

const named: Record<number, string> = { 0: '\\0', 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r' }

const od: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'A:t:N:j:vw::cxdbao', long: { 'address-radix=': 'A', 'format=': 't', 'read-bytes=': 'N', 'skip-bytes=': 'j', 'width=?': 'w', 'output-duplicates': 'v' } })
  const data = await bytesOf(process, o.rest)
  if (!data) return 1
  let bytes = data.slice(Number(o.get('j') ?? 0))
  if (o.has('N')) bytes = bytes.slice(0, Number(o.get('N')))
  const formats = [...o.all('t'), ...(o.has('c') ? ['c'] : []), ...(o.has('x') ? ['x2'] : []), ...(o.has('b') ? ['o1'] : []), ...(o.has('d') ? ['u2'] : []), ...(o.has('a') ? ['a'] : [])]
  if (formats.length === 0) formats.push('o2')
  const radix = o.get('A') ?? 'o'
  const width = Number(o.get('w') || 16)
  const address = (n: number) => (radix === 'n' ? '' : radix === 'd' ? String(n).padStart(7, '0') : n.toString(radix === 'x' ? 16 : 8).padStart(radix === 'x' ? 6 : 7, '0'))
  const start = Number(o.get('j') ?? 0)
  let previous = ''
  let starred = false
  for (let at = 0; at < bytes.length; at += width) {
    const row = bytes.slice(at, at + width)
    const key = row.join()
    if (!o.has('v') && key === previous && row.length === width) {
      if (!starred) await process.stdout.write('*\n')
      starred = true
      continue
    }
    previous = key
    starred = false
    let first = true
    for (const f of formats) {
      const m = /^([acdfoux])(\d*|[CSIL])(z?)$/.exec(f)
      if (!m) throw new Fatal(`od: invalid type string ‘${f}’`)
      const size = m[1] === 'c' || m[1] === 'a' ? 1 : ({ C: 1, S: 2, I: 4, L: 8 } as Record<string, number>)[m[2]!] ?? (Number(m[2]) || 4)
      const cells: string[] = []
      const w = m[1] === 'c' || m[1] === 'a' ? 3 : m[1] === 'x' ? size * 2 : m[1] === 'o' ? [0, 3, 6, 0, 11][size]! : [0, m[1] === 'd' ? 4 : 3, m[1] === 'd' ? 6 : 5, 0, m[1] === 'd' ? 11 : 10][size]!
      for (let i = 0; i < row.length; i += size) {
        let n = 0
        for (let k = size - 1; k >= 0; k--) n = n * 256 + (row[i + k] ?? 0)
        if (m[1] === 'c') cells.push((named[n] ?? (n >= 32 && n < 127 ? String.fromCharCode(n) : n.toString(8).padStart(3, '0'))).padStart(w))
        else if (m[1] === 'a') cells.push((n === 10 ? 'nl' : n === 32 ? 'sp' : n === 9 ? 'ht' : n === 0 ? 'nul' : String.fromCharCode(n & 127)).padStart(w))
        else if (m[1] === 'x') cells.push(n.toString(16).padStart(w, '0'))
        else if (m[1] === 'o') cells.push(n.toString(8).padStart(w, '0'))
        else {
          if (m[1] === 'd' && n >= 2 ** (size * 8 - 1)) n -= 2 ** (size * 8)
          cells.push(String(n).padStart(w))
        }
      }
      const text = m[3] === 'z' ? '  >' + [...row].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('') + '<' : ''
      await process.stdout.write(`${first ? address(start + at) : ' '.repeat(radix === 'n' ? 0 : 7)}${cells.map((c) => ' ' + c).join('')}${text}\n`)
      first = false
    }
  }
  if (radix !== 'n') await process.stdout.write(address(start + bytes.length) + '\n')
  return 0
})

const hexdump: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'Cn:s:vxe:', long: { canonical: 'C', 'length=': 'n', 'skip=': 's', 'no-squeezing': 'v' } })
  const data = await bytesOf(process, o.rest)
  if (!data) return 1
  let bytes = data.slice(Number(o.get('s') ?? 0))
  if (o.has('n')) bytes = bytes.slice(0, Number(o.get('n')))
  const canonical = o.has('C') || process.argv[0]!.endsWith('hd')
  let previous = ''
  let starred = false
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16)
    const key = row.join()
    if (!o.has('v') && key === previous && row.length === 16) {
      if (!starred) await process.stdout.write('*\n')
      starred = true
      continue
    }
    previous = key
    starred = false
    if (canonical) {
      const cell = (i: number) => (i < row.length ? row[i]!.toString(16).padStart(2, '0') : '  ')
      const half = (from: number) => Array.from({ length: 8 }, (_, i) => cell(from + i)).join(' ')
      await process.stdout.write(`${at.toString(16).padStart(8, '0')}  ${half(0)}  ${half(8)}  |${[...row].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('')}|\n`)
    } else {
      let line = at.toString(16).padStart(7, '0')
      const gap = o.has('x') ? '    ' : ' '
      for (let i = 0; i < 16; i += 2) line += gap + (i < row.length ? (row[i]! | ((row[i + 1] ?? 0) << 8)).toString(16).padStart(4, '0') : '    ')
      await process.stdout.write(line + '\n')
    }
  }
  if (bytes.length > 0) await process.stdout.write(bytes.length.toString(16).padStart(canonical ? 8 : 7, '0') + '\n')
  return 0
})

const xxd: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'pril:c:s:g:u', long: { plain: 'p', postscript: 'p', revert: 'r', include: 'i' } })
  const data = await bytesOf(process, o.rest.slice(0, 1))
  if (!data) return 1
  if (o.has('r')) {
    const text = decodeBytes(data)
    const digits = o.has('p') ? text.replace(/[^0-9a-fA-F]/g, '') : text.split('\n').map((l) => l.replace(/^[0-9a-f]+:\s*/i, '').replace(/ {2}.*$/, '').replace(/\s/g, '')).join('')
    await process.stdout.write(decodeBytes((digits.match(/../g) ?? []).map((h) => parseInt(h, 16))))
    return 0
  }
  let bytes = data.slice(Number(o.get('s') ?? 0))
  if (o.has('l')) bytes = bytes.slice(0, Number(o.get('l')))
  const two = (b: number) => (o.has('u') ? b.toString(16).toUpperCase() : b.toString(16)).padStart(2, '0')
  if (o.has('p')) {
    const all = [...bytes].map(two).join('')
    const width = o.has('c') ? Number(o.get('c')) * 2 : 60
    if (all !== '') await process.stdout.write(all.replace(new RegExp(`.{1,${width}}`, 'g'), '$&\n'))
    return 0
  }
  if (o.has('i')) {
    const width = Number(o.get('c') ?? 12)
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += width) lines.push(`  ${[...bytes.slice(at, at + width)].map((b) => `0${o.has('u') ? 'X' : 'x'}${two(b)}`).join(', ')}`)
    const body = lines.length > 0 ? lines.join(',\n') + '\n' : ''
    // A file gives the array its name; standard input has none.
    const name = o.rest[0] === undefined || o.rest[0] === '-' ? undefined : o.rest[0].replace(/^(?=\d)/, '__').replace(/[^A-Za-z0-9_]/g, '_')
    await process.stdout.write(name === undefined ? body : `unsigned char ${name}[] = {\n${body}};\nunsigned int ${name}_len = ${bytes.length};\n`)
    return 0
  }
  const columns = Number(o.get('c') ?? 16)
  const group = Number(o.get('g') ?? 2)
  for (let at = 0; at < bytes.length; at += columns) {
    const row = [...bytes.slice(at, at + columns)]
    let text = ''
    for (let i = 0; i < columns; i++) text += (i < row.length ? two(row[i]!) : '  ') + ((i + 1) % group === 0 ? ' ' : '')
    await process.stdout.write(`${at.toString(16).padStart(8, '0')}: ${text} ${row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('')}\n`)
  }
  return 0
})

const siUnits = ['', 'K', 'M', 'G', 'T', 'P', 'E']

const numfmt: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'd:z', long: { 'from=': 'from', 'to=': 'to', 'suffix=': 'suffix', 'padding=': 'padding', 'field=': 'field', 'format=': 'format', 'round=': 'round', 'delimiter=': 'd', 'header=?': 'header' } })
  const convert = (text: string): string => {
    const m = /^(-?\d+\.?\d*)([KMGTPE]?)(i?)$/.exec(text)
    if (!m) throw new Fatal(`numfmt: invalid number: ‘${text}’`, 2)
    if (m[2] !== '' && !o.has('from')) throw new Fatal(`numfmt: rejecting suffix in input: ‘${text}’ (consider using --from)`, 2)
    const from = o.get('from') === 'si' || (o.get('from') === 'auto' && m[3] === '') ? 1000 : 1024
    let n = Number(m[1]) * from ** siUnits.indexOf(m[2]!)
    const to = o.get('to')
    let out: string
    if (to === undefined || to === 'none') out = Number.isInteger(n) ? String(n) : String(Math.ceil(n * 10) / 10)
    else {
      const base = to === 'si' ? 1000 : 1024
      let u = 0
      while (Math.abs(n) >= base && u < siUnits.length - 1) {
        n /= base
        u++
      }
      const rounded = u === 0 ? String(Math.ceil(n)) : Math.abs(n) < 10 && Math.ceil(Math.abs(n) * 10 - 1e-9) / 10 < 10 ? (Math.ceil(n * 10 - 1e-9) / 10).toFixed(1) : String(Math.ceil(n - 1e-9))
      out = rounded + (to === 'si' && siUnits[u] === 'K' ? 'K' : siUnits[u]) + (to === 'iec-i' && u > 0 ? 'i' : '')
    }
    out += o.get('suffix') ?? ''
    const padding = Number(o.get('padding') ?? 0)
    return padding >= 0 ? out.padStart(padding) : out.padEnd(-padding)
  }
  if (o.rest.length > 0) {
    for (const text of o.rest) await process.stdout.write(convert(text) + '\n')
    return 0
  }
  const field = Number(o.get('field') ?? 1)
  for (let line = await process.stdin.readLine(); line !== undefined; line = await process.stdin.readLine()) {
    const parts = line.replace(/\n$/, '').split(o.get('d') ?? /(?<=\S)(?=\s)/)
    const cell = parts[field - 1]
    if (cell !== undefined) parts[field - 1] = o.has('d') ? convert(cell) : /^\s*/.exec(cell)![0] + convert(cell.trim())
    await process.stdout.write(parts.join(o.get('d') ?? '') + '\n')
  }
  return 0
})

export const encodePrograms: readonly (readonly [string, Program])[] = [['base64', base64], ['od', od], ['hexdump', hexdump], ['hd', hexdump], ['xxd', xxd], ['numfmt', numfmt]]
