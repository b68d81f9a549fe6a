/** gzip, gunzip, zcat, zgrep (gzip 1.12): files and streams; -c -d -f -k -l -n -q -r -t -v and levels, which change nothing. */
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { Fatal, nameOf, parseOptions, readText, tool } from './common.ts'
import type { Options } from './common.ts'
import { gunzip, gzip as pack, GzipError } from './deflate.ts'

interface Job {
  readonly process: Process
  readonly o: Options
  readonly unpack: boolean
  readonly toOutput: boolean
  status: number
}

async function say(job: Job, text: string, status: number): Promise<void> {
  await job.process.stderr.write(`gzip: ${text}\n`)
  job.status = job.status === 1 ? 1 : status
}

const ratio = (before: number, after: number) => `${(before === 0 ? 0 : 100 - (100 * after) / before).toFixed(1).padStart(5)}%`

async function one(job: Job, given: string): Promise<void> {
  const { process, o } = job
  const { fs } = process
  let path = given
  if (job.unpack && !fs.exists(path) && !/\.(gz|tgz|z)$/i.test(path)) path = `${path}.gz`
  let data: Uint8Array
  let mtime: number
  try {
    const s = fs.stat(path)
    mtime = s.mtime
    if (s.type === 'directory') {
      if (o.has('r')) for (const n of fs.readDir(path)) await one(job, `${path.replace(/\/$/, '')}/${n}`)
      else await say(job, `${path} is a directory -- ignored`, 2)
      return
    }
    data = encodeBytes(await readText(process, path))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return say(job, `${path}: ${strerror(error.code)}`, 1)
  }
  if (job.unpack) {
    const known = /\.(gz|tgz|z)$/i.test(path)
    if (!known && !job.toOutput && !o.has('t') && !o.has('l')) return say(job, `${path}: unknown suffix -- ignored`, 2)
    let bytes: readonly number[]
    try {
      bytes = gunzip(data).bytes
    } catch (error) {
      if (!(error instanceof GzipError)) throw error
      return error.message === 'not in gzip format' && o.has('f') && job.toOutput ? process.stdout.write(decodeBytes(data)) : say(job, `${path}: ${error.message}`, 1)
    }
    const target = path.replace(/\.tgz$/i, '.tar').replace(/\.(gz|z)$/i, '')
    if (o.has('l')) {
      await process.stdout.write(`         compressed        uncompressed  ratio uncompressed_name\n${String(data.length).padStart(19)} ${String(bytes.length).padStart(19)} ${ratio(bytes.length, data.length)} ${target}\n`)
      return
    }
    if (o.has('t')) {
      if (o.has('v')) await process.stderr.write(`${path}:\t OK\n`)
      return
    }
    if (job.toOutput) return process.stdout.write(decodeBytes(bytes))
    if (fs.exists(target) && !o.has('f')) return say(job, `${target} already exists;\tnot overwritten`, 2)
    fs.writeFile(target, decodeBytes(bytes), { mode: fs.stat(path).mode })
    fs.utimes(target, mtime)
    if (o.has('v')) await process.stderr.write(`${path}:\t${ratio(bytes.length, data.length)} -- ${o.has('k') ? 'created' : 'replaced with'} ${target}\n`)
  } else {
    if (/\.gz$/.test(path) && !o.has('f') && !job.toOutput) return say(job, `${path} already has .gz suffix -- unchanged`, 2)
    const bytes = pack(data, o.has('n') ? '' : path.slice(path.lastIndexOf('/') + 1), o.has('n') ? 0 : Math.floor(mtime / 1000))
    if (job.toOutput) return process.stdout.write(decodeBytes(bytes))
    const target = path + (o.get('S') ?? '.gz')
    if (fs.exists(target) && !o.has('f')) return say(job, `${target} already exists;\tnot overwritten`, 2)
    fs.writeFile(target, decodeBytes(bytes), { mode: fs.stat(path).mode })
    fs.utimes(target, mtime)
    if (o.has('v')) await process.stderr.write(`${path}:\t${ratio(data.length, bytes.length)} -- ${o.has('k') ? 'created' : 'replaced with'} ${target}\n`)
  }
  if (!o.has('k')) fs.unlink(path)
}

const gzip: Program = tool(async (process) => {
  const name = nameOf(process)
  const o = parseOptions(process, { short: 'acdfhklLnNqrS:tvV123456789', long: { stdout: 'c', 'to-stdout': 'c', decompress: 'd', uncompress: 'd', force: 'f', keep: 'k', list: 'l', 'no-name': 'n', name: 'N', quiet: 'q', recursive: 'r', 'suffix=': 'S', test: 't', verbose: 'v', fast: '1', best: '9' } })
  const job: Job = { process, o, unpack: name === 'gunzip' || name === 'zcat' || o.has('d') || o.has('t') || o.has('l'), toOutput: o.has('c') || name === 'zcat', status: 0 }
  if (o.rest.length === 0 || (o.rest.length === 1 && o.rest[0] === '-')) {
    if (!job.unpack && process.stdout.tty && !o.has('f')) throw new Fatal('gzip: compressed data not written to a terminal. Use -f to force compression.\nFor help, type: gzip -h')
    const data = encodeBytes(await process.stdin.readAll())
    try {
      await process.stdout.write(decodeBytes(job.unpack ? gunzip(data).bytes : pack(data, '', 0)))
    } catch (error) {
      if (!(error instanceof GzipError)) throw error
      throw new Fatal(`\ngzip: stdin: ${data.length === 0 ? 'unexpected end of file' : error.message}`)
    }
    return 0
  }
  for (const path of o.rest) await one(job, path)
  return job.status
})

const zgrep: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const at = args.findIndex((a) => !a.startsWith('-'))
  if (at < 0) throw new Fatal('Usage: /bin/zgrep [OPTION]... [-e] PATTERN [FILE]...\nLook for instances of PATTERN in the input FILEs, using their\nuncompressed contents if they are compressed.\n\nOPTIONs are the same as for \'grep\'.', 2)
  const head = args.slice(0, at + 1)
  const files = args.slice(at + 1)
  let status = 1
  for (const path of files.length > 0 ? files : ['-']) {
    let text: string
    try {
      text = await readText(process, path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await process.stderr.write(`gzip: ${path}: ${strerror(error.code)}\n`)
      status = 2
      continue
    }
    const data = encodeBytes(text)
    const { read, write } = process.pipe()
    const child = process.spawn({ argv: ['grep', ...(files.length > 1 ? ['-H', `--label=${path}`] : []), ...head], fds: { 0: read } })
    read.release()
    try {
      await write.write(data[0] === 0x1f ? decodeBytes(gunzip(data).bytes) : text)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    write.release()
    const { code } = await child.wait()
    if (code === 0 && status === 1) status = 0
    if (code > 1) status = code
  }
  return status
})

export const gzipPrograms: readonly (readonly [string, Program])[] = [['gzip', gzip], ['gunzip', gzip], ['zcat', gzip], ['zgrep', zgrep]]
