/** etcdutl 3.6: version, snapshot status and restore. Leaves out defrag, hashkv and migrate. */
import { byteLength, decodeBytes } from '#base/bytes.ts'
import { hex, sha1, sha256 } from '#base/sha.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, say } from '../net/support.ts'
import { version } from './client.ts'
import { readLine, type FlagTable, type Line } from './flags.ts'
import { utilityHelp } from './help.ts'
import { boxTable, exitCodes, Failure, humanBytes, zapConsole } from './log.ts'

const table: FlagTable = {
  'write-out': 'simple', help: false, 'data-dir': '', 'wal-dir': '', name: 'default', 'initial-cluster': '', 'initial-cluster-token': 'etcd-cluster', 'initial-advertise-peer-urls': 'http://localhost:2380', 'skip-hash-check': false, 'bump-revision': '0', 'mark-compacted': false, 'initial-memory-map-size': '10737418240',
}

const mark = 'kubedrill etcd snapshot\n'
const sumLength = 32

const absolute = (p: Process, path: string) => (path.startsWith('/') ? path : `${p.cwd}/${path}`)

/** The snapshot without its checksum, and that. */
function read(p: Process, path: string, call: 'stat' | 'open'): { readonly text: string; readonly sum: string } {
  let text: string
  try {
    text = p.fs.readFile(absolute(p, path))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Failure(`${call} ${path}: ${error.message.toLowerCase()}`)
  }
  if (byteLength(text) % 512 !== sumLength) return { text, sum: '' }
  // The body ends with `}` and blanks; what follows are the bytes of the sum.
  for (let cut = Math.max(0, text.length - sumLength); cut <= text.length; cut++) if (byteLength(text.slice(cut)) === sumLength) return { text: text.slice(0, cut), sum: text.slice(cut) }
  return { text, sum: '' }
}

function facts(text: string): { readonly revision: number; readonly keys: number } {
  if (!text.startsWith(mark)) throw new Failure('invalid database')
  return JSON.parse(text.slice(mark.length, text.indexOf('\n', mark.length))) as { readonly revision: number; readonly keys: number }
}

const commands: Readonly<Record<string, (p: Process, line: Line, args: readonly string[]) => Promise<void>>> = {
  version: (p) => say(p, `etcdutl version: ${version}\nAPI version: 3.6\n`),
  'snapshot status': async (p, line, args) => {
    if (args.length !== 1) throw new Failure('snapshot status requires exactly one argument', exitCodes.badArgs)
    const how = line.text('write-out')
    const { text } = read(p, args[0]!, 'stat')
    const { revision, keys } = facts(text)
    const hash = hex(sha256(text)).slice(0, 8).replace(/^0+/, '')
    const size = byteLength(text)
    const row = [hash, String(revision), String(keys), humanBytes(size), '3.6.0']
    if (how === 'json') await say(p, `${JSON.stringify({ hash: Number.parseInt(hash, 16), revision, totalKey: keys, totalSize: size, version: '3.6.0' })}\n`)
    else await say(p, how === 'table' ? boxTable(['hash', 'revision', 'total keys', 'total size', 'version'], [row]) : `${row.join(', ')}\n`)
  },
  'snapshot restore': async (p, line, args) => {
    if (args.length !== 1) throw new Failure('snapshot restore requires exactly one argument', exitCodes.badArgs)
    const path = args[0]!
    const name = line.text('name')
    const peers = line.text('initial-advertise-peer-urls')
    const cluster = line.text('initial-cluster') || `${name}=${peers}`
    const members = cluster.split(',').map((m) => [m.slice(0, m.indexOf('=')), m.slice(m.indexOf('=') + 1)] as const)
    const own = members.filter(([n]) => n === name)
    if (own.length === 0) throw new Failure(`couldn't find local name ${JSON.stringify(name)} in the initial cluster configuration`)
    if (own.map(([, url]) => url).sort().join() !== peers.split(',').sort().join()) throw new Failure(`--initial-cluster has ${cluster} but missing from --initial-advertise-peer-urls=${peers} (resolved urls: ${JSON.stringify(peers)} != ${JSON.stringify(own.map(([, u]) => u).join())})`)
    const folder = line.text('data-dir') || `${name}.etcd`
    const target = absolute(p, folder)
    if (p.fs.exists(target) && p.fs.readDir(target).length > 0) throw new Failure(`data-dir ${JSON.stringify(folder)} not empty or could not be read`)
    const wal = line.text('wal-dir') || `${folder}/member/wal`
    const snap = `${folder}/member/snap`
    const told = { path, 'wal-dir': wal, 'data-dir': folder, 'snap-dir': snap, 'initial-memory-map-size': Number(line.text('initial-memory-map-size')) }
    await zapConsole(p, 'snapshot/v3_snapshot.go:305', 'restoring snapshot', told)
    const { text, sum } = read(p, path, 'open')
    if (sum === '' && !line.on('skip-hash-check')) throw new Failure('snapshot missing hash but --skip-hash-check=false')
    if (sum !== '' && !line.on('skip-hash-check') && decodeBytes(sha256(text)) !== sum) throw new Failure(`expected sha256 [${hex(sha256(sum))}], got [${hex(sha256(text))}]`)
    facts(text)
    try {
      for (const made of [snap, wal]) p.fs.mkdir(absolute(p, made), { parents: true, mode: 0o700 })
      p.fs.writeFile(absolute(p, `${snap}/db`), text, { mode: 0o600 })
      p.fs.writeFile(absolute(p, `${snap}/0000000000000001-0000000000000001.snap`), '', { mode: 0o600 })
      p.fs.writeFile(absolute(p, `${wal}/0000000000000000-0000000000000000.wal`), '', { mode: 0o600 })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Failure(`mkdir ${folder}: ${error.message.toLowerCase()}`)
    }
    await zapConsole(p, 'schema/membership.go:138', 'Trimming membership information from the backend...')
    const ids = members.map(([, url]) => hex(sha1(url + line.text('initial-cluster-token'))).slice(0, 16))
    const id = hex(sha1(decodeBytes([...ids].sort().join('').match(/../g)!.map((x) => Number.parseInt(x, 16))))).slice(0, 16)
    for (const [i, [, url]] of members.entries()) await zapConsole(p, 'membership/cluster.go:424', 'added member', { 'cluster-id': id, 'local-member-id': '0', 'added-peer-id': ids[i], 'added-peer-peer-urls': [url], 'added-peer-is-learner': false })
    await zapConsole(p, 'snapshot/v3_snapshot.go:333', 'restored snapshot', told)
  },
}

export const etcdutl: Program = async (p) => {
  try {
    const line = readLine(p.argv, table)
    const two = line.words.slice(0, 2).join(' ')
    const name = commands[two] ? two : (line.words[0] ?? '')
    const command = commands[name]
    if (command && !line.on('help')) {
      await command(p, line, line.words.slice(name.split(' ').length))
      return 0
    }
    if (!command && !['', 'help', 'snapshot'].includes(name)) throw new Failure(`unknown command ${JSON.stringify(name)} for "etcdutl"\nRun 'etcdutl --help' for usage.`)
    await say(p, utilityHelp)
    return 0
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    await complain(p, `Error: ${error.message}\n`)
    return error.code
  }
}
