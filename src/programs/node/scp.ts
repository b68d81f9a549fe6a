/** scp: copies through ssh's `cat`. Leaves out: two remote sides, modes and times, globs on the far side. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from '../net/getopt.ts'
import { complain, say } from '../net/support.ts'

interface Place {
  readonly host: string | undefined
  readonly path: string
}

function placeOf(text: string): Place {
  const m = /^([^/:]+):(.*)$/s.exec(text)
  return m ? { host: m[1]!, path: m[2] === '' ? '.' : m[2]! } : { host: undefined, path: text }
}

const base = (path: string) => path.replace(/\/+$/, '').replace(/^.*\//, '')
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`.replace(/^'~\//, "~/'")

/** Runs a command on the other host with this input; what it wrote and its code. Errors of ssh itself go to standard error. */
async function remote(p: Process, options: readonly string[], host: string, command: string, input: string): Promise<{ readonly out: string; readonly code: number }> {
  const [into, from] = [p.pipe(), p.pipe()]
  const child = p.spawn({ argv: ['ssh', ...options, host, command], fds: { 0: into.read, 1: from.write } })
  into.read.release()
  from.write.release()
  p.onSignal('SIGPIPE', 'ignore')
  const feed = into.write.write(input).then(() => into.write.release(), () => into.write.release())
  const out = await from.read.readAll()
  await feed
  const status = await child.wait()
  return { out, code: status.code }
}

export const scp: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '346ABCpqrTvOc:D:F:i:J:l:o:P:S:X:')
  if (o.error || o.operands.length < 2) {
    await complain(p, `${o.error ? `${o.error}\n` : ''}usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]\n           [-i identity_file] [-J destination] [-l limit] [-o ssh_option]\n           [-P port] [-S program] [-X sftp_option] source ... target\n`)
    return 1
  }
  const options = [...(o.get('i') !== undefined ? ['-i', o.get('i')!] : []), ...(o.get('P') !== undefined ? ['-p', o.get('P')!] : []), ...o.all('o').flatMap((x) => ['-o', x])]
  const target = placeOf(o.operands.at(-1)!)
  let code = 0
  for (const source of o.operands.slice(0, -1).map(placeOf)) {
    const result = await copy(p, options, source, target, o.has('r'), !o.has('q'))
    if (result !== 0) code = result
  }
  return code
}

async function copy(p: Process, options: readonly string[], source: Place, target: Place, recursive: boolean, progress: boolean): Promise<number> {
  const show = async (name: string, size: number) => {
    if (progress && p.stdout.tty) await say(p, `${name.padEnd(52)} 100% ${String(size).padStart(4)}     1.1MB/s   00:00    \n`)
  }
  try {
    if (source.host === undefined && target.host !== undefined) {
      if (p.fs.stat(source.path).type === 'directory') {
        if (!recursive) {
          await complain(p, `scp: local "${source.path}" is not a regular file\n`)
          return 1
        }
        const dir = `${target.path}/${base(source.path)}`
        const made = await remote(p, options, target.host, `mkdir -p ${quote(dir)}`, '')
        if (made.code !== 0) return made.code
        let code = 0
        for (const name of p.fs.readDir(source.path)) code = (await copy(p, options, { host: undefined, path: `${source.path}/${name}` }, { host: target.host, path: dir }, true, progress)) || code
        return code
      }
      const text = p.fs.readFile(source.path)
      const to = quote(target.path)
      const result = await remote(p, options, target.host, `if [ -d ${to} ]; then cat > ${to}/${quote(base(source.path))}; else cat > ${to}; fi`, text)
      if (result.code === 0) await show(base(source.path), text.length)
      return result.code === 0 ? 0 : result.code === 255 ? 255 : 1
    }
    if (source.host !== undefined && target.host === undefined) {
      const kind = await remote(p, options, source.host, `if [ -d ${quote(source.path)} ]; then ls -1 ${quote(source.path)}; exit 100; else cat ${quote(source.path)}; fi`, '')
      const to = p.fs.exists(target.path) && p.fs.stat(target.path).type === 'directory' ? `${target.path}/${base(source.path)}` : target.path
      if (kind.code === 100) {
        if (!recursive) {
          await complain(p, `scp: download ${source.path}: not a regular file\n`)
          return 1
        }
        p.fs.mkdir(to, { parents: true })
        let code = 0
        for (const name of kind.out.split('\n').filter((n) => n !== '')) code = (await copy(p, options, { host: source.host, path: `${source.path}/${name}` }, { host: undefined, path: to }, true, progress)) || code
        return code
      }
      if (kind.code !== 0) return kind.code === 255 ? 255 : 1
      p.fs.writeFile(to, kind.out)
      await show(base(source.path), kind.out.length)
      return 0
    }
    if (source.host === undefined) {
      p.fs.writeFile(target.path, p.fs.readFile(source.path))
      return 0
    }
    await complain(p, 'scp: copies between two other hosts are not possible here\n')
    return 1
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `scp: stat local "${source.path}": ${strerror(error.code)}\n`)
    return 255
  }
}
