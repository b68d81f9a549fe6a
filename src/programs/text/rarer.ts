/** Small tools that are seldom met: factor, base32, tsort, strings, arch, iconv, csplit, stdbuf. */
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import { posixRegex } from '#base/regex.ts'
import { strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { complain, Fatal, openInput, parseOptions, quote, readInputs, splitLines, tool } from './common.ts'
import { runCommand } from './simple.ts'

const factor: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'h', long: { exponents: 'h' } })
  const words = o.rest.length > 0 ? o.rest : (await process.stdin.readAll()).split(/\s+/).filter((w) => w !== '')
  let failed = false
  for (const word of words) {
    if (!/^\s*\+?\d+\s*$/.test(word)) {
      await complain(process, `‘${word}’ is not a valid positive integer`)
      failed = true
      continue
    }
    let n = BigInt(word.trim().replace('+', ''))
    const found: bigint[] = []
    for (let p = 2n; p * p <= n; p += p === 2n ? 1n : 2n) {
      while (n % p === 0n) {
        found.push(p)
        n /= p
      }
    }
    if (n > 1n) found.push(n)
    const text = o.has('h') ? [...new Set(found)].map((p) => (found.filter((x) => x === p).length > 1 ? `${p}^${found.filter((x) => x === p).length}` : `${p}`)) : found.map(String)
    await process.stdout.write(`${[`${BigInt(word.trim().replace('+', ''))}:`, ...text].join(' ')}\n`)
  }
  return failed ? 1 : 0
})

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

const base32: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'diw:', long: { decode: 'd', 'ignore-garbage': 'i', 'wrap=': 'w' } })
  if (o.rest.length > 1) throw new Fatal(`base32: extra operand ‘${o.rest[1]}’\nTry 'base32 --help' for more information.`)
  const file = await openInput(process, o.rest[0] ?? '-')
  if (!file) return 1
  const text = await file.readAll()
  if (o.has('d')) {
    const clean = text.replace(o.has('i') ? /[^A-Z2-7=]/g : /\n/g, '')
    const out: number[] = []
    let bits = 0
    let value = 0
    for (const c of clean.replace(/=+$/, '')) {
      const at = alphabet.indexOf(c)
      if (at < 0) {
        await process.stdout.write(decodeBytes(out))
        throw new Fatal('base32: invalid input')
      }
      value = ((value << 5) | at) & 0xfff
      bits += 5
      if (bits >= 8) out.push((value >> (bits -= 8)) & 255)
    }
    await process.stdout.write(decodeBytes(out))
    return 0
  }
  let out = ''
  let bits = 0
  let value = 0
  for (const b of encodeBytes(text)) {
    value = ((value << 8) | b) & 0x1fff
    bits += 8
    while (bits >= 5) out += alphabet[(value >> (bits -= 5)) & 31]
  }
  if (bits > 0) out += alphabet[(value << (5 - bits)) & 31]
  out = out.padEnd(Math.ceil(out.length / 8) * 8, '=')
  const width = Number(o.get('w') ?? 76)
  await process.stdout.write(width === 0 ? out : (out.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).map((l) => l + '\n').join(''))
  return 0
})

const tsort: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '' })
  if (o.rest.length > 1) throw new Fatal(`tsort: extra operand ‘${o.rest[1]}’\nTry 'tsort --help' for more information.`)
  const name = o.rest[0] ?? '-'
  const file = await openInput(process, name)
  if (!file) return 1
  const words = (await file.readAll()).split(/\s+/).filter((w) => w !== '')
  if (words.length % 2 === 1) throw new Fatal(`tsort: ${name}: input contains an odd number of tokens`)
  const before = new Map<string, number>()
  const after = new Map<string, string[]>()
  for (let i = 0; i < words.length; i += 2) {
    const [a, b] = [words[i]!, words[i + 1]!]
    for (const w of [a, b]) if (!before.has(w)) before.set(w, 0)
    if (a === b) continue
    before.set(b, before.get(b)! + 1)
    after.set(a, [...(after.get(a) ?? []), b])
  }
  // What is free at first comes in order of the names, then as it becomes free.
  const queue = [...before].filter(([, n]) => n === 0).map(([w]) => w).sort()
  let failed = false
  const left = new Set(before.keys())
  for (;;) {
    while (queue.length > 0) {
      const w = queue.shift()!
      left.delete(w)
      await process.stdout.write(w + '\n')
      for (const next of (after.get(w) ?? []).toReversed()) {
        before.set(next, before.get(next)! - 1)
        if (before.get(next) === 0) queue.push(next)
      }
    }
    if (left.size === 0) return failed ? 1 : 0
    failed = true
    await complain(process, `${name}: input contains a loop:`)
    const first = [...left].sort()[0]!
    const loop: string[] = []
    for (let w: string | undefined = first; w !== undefined && !loop.includes(w); w = [...left].find((x) => (after.get(x) ?? []).includes(w!))) loop.unshift(w)
    for (const w of loop) await complain(process, w)
    before.set(loop[0]!, 0)
    queue.push(loop[0]!)
  }
})

const strings: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'afn:t:o', long: { all: 'a', 'print-file-name': 'f', 'bytes=': 'n', 'radix=': 't' }, digits: (d) => ['n', d] as const })
  const least = Number(o.get('n') ?? 4)
  const { texts, failed } = await readInputs(process, o.rest, (path, error) => (error.code === 'ENOENT' ? `'${path}': No such file` : `${path}: ${strerror(error.code)}`))
  for (const [i, text] of texts.entries()) {
    const bytes = [...encodeBytes(text)].map((b) => String.fromCharCode(b)).join('')
    for (const m of bytes.matchAll(/[\t\x20-\x7e]+/g)) {
      if (m[0].length < least) continue
      const radix = { d: 10, o: 8, x: 16 }[o.has('o') ? 'o' : (o.get('t') ?? '')]
      await process.stdout.write(`${o.has('f') ? `${o.rest[i] ?? '{standard input}'}: ` : ''}${radix ? `${m.index.toString(radix).padStart(7)} ` : ''}${m[0]}\n`)
    }
  }
  return failed ? 1 : 0
})

const iconv: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'f:t:co:l', long: { 'from-code=': 'f', 'to-code=': 't', 'output=': 'o' } })
  const kind = (name: string | undefined) => (name ?? 'UTF-8').toUpperCase().replace(/\/\/.*$/, '').replace(/^(ISO-?8859-1|LATIN-?1)$/, 'latin').replace(/^(US-)?ASCII$/, 'ascii').replace(/^UTF-?8$/, 'utf8')
  const [from, to] = [kind(o.get('f')), kind(o.get('t'))]
  for (const [k, name, way] of [[from, o.get('f'), 'from'], [to, o.get('t'), 'to']] as const) if (!['latin', 'ascii', 'utf8'].includes(k)) throw new Fatal(`iconv: conversion ${way} \`${name}' is not supported\nTry \`iconv --help' or \`iconv --usage' for more information.`)
  const { texts, failed } = await readInputs(process, o.rest, (path, error) => `cannot open input file \`${path}': ${strerror(error.code)}`)
  const loose = o.has('c') || /\/\/(IGNORE|TRANSLIT)/i.test(o.get('t') ?? '')
  let at = 0
  let out = ''
  let bad = -1
  for (const text of texts) {
    const chars = from === 'latin' ? [...encodeBytes(text)].map((b) => String.fromCharCode(b)) : [...text]
    for (const c of chars) {
      const code = c.codePointAt(0)!
      if ((code < 128 && to !== 'utf8') || (to === 'utf8' && code < 0xdc80)) out += c
      else if (to === 'latin' && code < 256) out += decodeBytes([code])
      else if (!loose) {
        bad = at
        break
      } else if (/TRANSLIT/i.test(o.get('t') ?? '')) out += '?'
      at += encodeBytes(c).length
    }
    if (bad >= 0) break
  }
  const file = o.get('o')
  if (file !== undefined) process.fs.writeFile(file, out)
  else await process.stdout.write(out)
  if (bad >= 0) throw new Fatal(`iconv: illegal input sequence at position ${bad}`)
  return failed ? 1 : 0
})

/** csplit's -b: a printf format with one conversion of an integer. */
function numbered(format: string, n: number): string {
  const conversions = [...format.replaceAll('%%', '').matchAll(/%([-+ #0']*)(\d*)(?:\.(\d*))?([a-zA-Z]?)/g)]
  if (conversions.length === 0) throw new Fatal('csplit: missing % conversion specification in suffix')
  if (conversions.length > 1) throw new Fatal('csplit: too many % conversion specifications in suffix')
  const [, , , , letter] = conversions[0]!
  if (letter === '') throw new Fatal('csplit: missing conversion specifier in suffix')
  if (!'diuoxX'.includes(letter!)) throw new Fatal(`csplit: invalid conversion specifier in suffix: ${letter}`)
  return format.replace(/%%|%([-+ #0']*)(\d*)(?:\.(\d*))?([diuoxX])/g, (all, flags: string, width: string, precision: string | undefined, kind: string) => {
    if (all === '%%') return '%'
    const digits = (kind === 'o' ? n.toString(8) : kind === 'x' ? n.toString(16) : kind === 'X' ? n.toString(16).toUpperCase() : String(n)).padStart(Number(precision ?? 0), '0')
    return flags.includes('-') ? digits.padEnd(Number(width)) : digits.padStart(Number(width), flags.includes('0') && precision === undefined ? '0' : ' ')
  })
}

const csplit: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'b:f:n:qskz', long: { 'prefix=': 'f', 'digits=': 'n', quiet: 'q', silent: 'q', 'keep-files': 'k', 'elide-empty-files': 'z', 'suffix-format=': 'b' } })
  const [path, ...patterns] = o.rest
  if (path === undefined || patterns.length === 0) throw new Fatal(`csplit: missing operand${path === undefined ? '' : ` after ‘${path}’`}\nTry 'csplit --help' for more information.`)
  const file = await openInput(process, path, (p, e) => `cannot open ${quote(p)} for reading: ${strerror(e.code)}`)
  if (!file) return 1
  const lines = splitLines(await file.readAll())
  const made: string[] = []
  let at = 0
  const suffix = o.get('b')
  const name = () => `${o.get('f') ?? 'xx'}${suffix === undefined ? String(made.length).padStart(Number(o.get('n') ?? 2), '0') : numbered(suffix, made.length)}`
  const piece = async (to: number) => {
    const text = lines.slice(at, to).map((l) => l + '\n').join('')
    at = to
    if (text === '' && o.has('z')) return
    process.fs.writeFile(name(), text)
    made.push(name())
    if (!o.has('s') && !o.has('q')) await process.stdout.write(`${encodeBytes(text).length}\n`)
  }
  const refuse = async (text: string): Promise<number> => {
    await piece(lines.length)
    if (!o.has('k')) for (const n of made) process.fs.unlink(n)
    await complain(process, text)
    return 1
  }
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i]!
    const again = /^\{(\d+|\*)\}$/.exec(patterns[i + 1] ?? '')
    if (again) i++
    const times = again ? (again[1] === '*' ? Infinity : Number(again[1]) + 1) : 1
    const m = /^([/%])(.*)\1([-+]?\d+)?$/.exec(pattern)
    for (let n = 0; n < times; n++) {
      let to: number
      if (m) {
        const regex = posixRegex(m[2]!, {})
        const found = lines.findIndex((l, k) => k >= at + (n > 0 || (made.length > 0 && !/^%/.test(pattern)) ? 1 : 0) && regex.test(l))
        if (found < 0) {
          if (times === Infinity) break
          return refuse(`‘${pattern}’: match not found${n > 0 ? ` on repetition ${n}` : ''}`)
        }
        to = found + Number(m[3] ?? 0)
      } else {
        if (!/^\d+$/.test(pattern)) throw new Fatal(`csplit: ‘${pattern}’: invalid pattern`)
        to = Number(pattern) * (n + 1) - 1
        if (to >= lines.length + 1) {
          if (times === Infinity) break
          return refuse(`‘${pattern}’: line number out of range${n > 0 ? ` on repetition ${n}` : ''}`)
        }
      }
      if (m?.[1] === '%') at = to
      else await piece(to)
    }
  }
  await piece(lines.length)
  return 0
})

const stdbuf: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+i:o:e:', long: { 'input=': 'i', 'output=': 'o', 'error=': 'e' }, code: 125 })
  if (o.rest.length === 0) throw new Fatal("stdbuf: missing operand\nTry 'stdbuf --help' for more information.", 125)
  if (o.list.length === 0) throw new Fatal("stdbuf: you must specify a buffering mode option\nTry 'stdbuf --help' for more information.", 125)
  for (const [stream, mode] of o.list) {
    if (stream === 'i' && mode === 'L') throw new Fatal("stdbuf: line buffering stdin is meaningless\nTry 'stdbuf --help' for more information.", 125)
    if (mode !== 'L' && !/^\d+([KMGTPEZY]i?B?|[kmgt]B?)?$/.test(mode)) throw new Fatal(`stdbuf: invalid mode ‘${mode}’`, 125)
  }
  return runCommand(process, o.rest)
})

const arch: Program = async (process) => {
  await process.stdout.write('x86_64\n')
  return 0
}

export const rarePrograms: readonly (readonly [string, Program])[] = [['factor', factor], ['base32', base32], ['tsort', tsort], ['strings', strings], ['iconv', iconv], ['csplit', csplit], ['stdbuf', stdbuf], ['arch', arch]]
