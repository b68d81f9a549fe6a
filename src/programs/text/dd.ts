/** dd (coreutils 9.1): blocks from a file to a file; the numbers and words of its report. Time is what such a copy would take. */
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { Fatal, quote, tool } from './common.ts'

const hint = "\nTry 'dd --help' for more information."
const units: Readonly<Record<string, number>> = { '': 1, c: 1, w: 2, b: 512, kB: 1e3, k: 1024, K: 1024, KB: 1e3, MB: 1e6, M: 1048576, GB: 1e9, G: 1073741824, KiB: 1024, MiB: 1048576, GiB: 1073741824 }

function size(text: string): number {
  let product = 1
  for (const part of text.split('x')) {
    const m = /^(\d+)(c|w|b|kB|k|KB|KiB|K|MB|MiB|M|GB|GiB|G|)B?$/.exec(part)
    if (!m) throw new Fatal(`dd: invalid number: ‘${text}’`)
    product *= Number(m[1]) * units[m[2]!]!
  }
  return product
}

function human(n: number, base: number, names: readonly string[]): string {
  let u = 0
  let v = n
  while (v >= base && u < names.length - 1) {
    v /= base
    u++
  }
  const text = u === 0 ? String(n) : v < 9.95 ? v.toFixed(1) : String(Math.round(v))
  return `${text} ${names[u]}`
}

const si = ['B', 'kB', 'MB', 'GB', 'TB']
const iec = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function report(bytes: number, whole: number, part: number, outWhole: number, outPart: number): string {
  const seconds = 0.00012 + bytes / 1.6e9
  const amount = bytes === 1 ? '1 byte' : `${bytes} bytes${bytes >= 1000 ? ` (${human(bytes, 1000, si)}${bytes >= 1024 ? `, ${human(bytes, 1024, iec)}` : ''})` : ''}`
  return `${whole}+${part} records in\n${outWhole}+${outPart} records out\n${amount} copied, ${Number(seconds.toPrecision(6))} s, ${human(Math.round(bytes / seconds), 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'])}\n`
}

/** At most `most` bytes; devices without end give as many as asked for. */
async function readSome(process: Process, path: string | undefined, from: number, most: number): Promise<Uint8Array> {
  if (path !== undefined && !/^\/(dev|proc)\//.test(path)) return encodeBytes(process.fs.readFile(path)).slice(from, from + most)
  const file = path === undefined ? process.stdin : process.open(path, { read: true })
  const parts: number[] = []
  while (parts.length < from + most) {
    const chunk = await file.readBytes(Math.min(65536, from + most - parts.length))
    if (chunk === undefined) break
    for (const b of encodeBytes(chunk)) parts.push(b)
  }
  if (path !== undefined) file.release()
  return new Uint8Array(parts.slice(from))
}

export const dd: Program = tool(async (process) => {
  const given = new Map<string, string>()
  const known = new Set(['if', 'of', 'bs', 'ibs', 'obs', 'count', 'skip', 'seek', 'conv', 'status', 'iflag', 'oflag', 'cbs', 'iseek', 'oseek'])
  for (const arg of process.argv.slice(1)) {
    const at = arg.indexOf('=')
    if (at < 0 || !known.has(arg.slice(0, at))) throw new Fatal(`dd: unrecognized operand ‘${arg}’${hint}`)
    given.set(arg.slice(0, at), arg.slice(at + 1))
  }
  const number = (name: string, none: number) => (given.has(name) ? size(given.get(name)!) : none)
  const block = number('bs', number('ibs', 512))
  const outBlock = number('bs', number('obs', 512))
  if (block === 0 || outBlock === 0) throw new Fatal(`dd: invalid number: ‘${given.get('bs')}’`)
  const count = number('count', Infinity)
  const conv = (given.get('conv') ?? '').split(',')
  const from = given.get('if')
  const to = given.get('of')
  if (from !== undefined && !process.fs.exists(from)) throw new Fatal(`dd: failed to open ${quote(from)}: No such file or directory`)
  let data: Uint8Array
  try {
    data = await readSome(process, from, number('skip', number('iseek', 0)) * block, count === Infinity ? 1e8 : count * block)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Fatal(error.code === 'EISDIR' ? `dd: error reading ${quote(from!)}: Is a directory\n0+0 records in\n0+0 records out\n0 bytes copied, 0.000139 s, 0.0 kB/s` : `dd: failed to open ${quote(from ?? '')}: ${strerror(error.code)}`)
  }
  if (conv.includes('ucase') || conv.includes('lcase')) data = data.map((b) => (conv.includes('ucase') && b >= 97 && b <= 122 ? b - 32 : conv.includes('lcase') && b >= 65 && b <= 90 ? b + 32 : b))
  if (to === undefined) await process.stdout.write(decodeBytes(data))
  else {
    const start = number('seek', number('oseek', 0)) * outBlock
    try {
      if (/^\/dev\//.test(to)) {
        const file = process.open(to, { write: true })
        await file.write(decodeBytes(data))
        file.release()
      } else {
        const old = process.fs.exists(to) ? encodeBytes(process.fs.readFile(to)) : new Uint8Array(0)
        const kept = conv.includes('notrunc') ? old : old.slice(0, start)
        const all = new Uint8Array(Math.max(kept.length, start + data.length))
        all.set(kept)
        all.set(data, start)
        process.fs.writeFile(to, decodeBytes(all))
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`dd: failed to open ${quote(to)}: ${strerror(error.code)}`)
    }
  }
  const status = given.get('status')
  if (status === 'none') return 0
  const text = report(data.length, Math.floor(data.length / block), data.length % block === 0 ? 0 : 1, Math.floor(data.length / outBlock), data.length % outBlock === 0 ? 0 : 1)
  await process.stderr.write(status === 'noxfer' ? text.split('\n').slice(0, 2).join('\n') + '\n' : text)
  return 0
})
