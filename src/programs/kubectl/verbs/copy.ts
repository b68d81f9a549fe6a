/** `kubectl cp`. Files travel as a tar stream through exec, as with the real program: `tar` must be in the container. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { getObject, pathOf } from '../resource/targets.ts'
import { builtin } from './report.ts'
import { containerFor } from './stream.ts'
import { packTar, unpackTar } from './tar.ts'

const pods = builtin('', 'v1', 'pods', 'Pod')

interface Place {
  readonly namespace: string
  readonly pod: string
  readonly path: string
}

function place(run: Invocation, text: string): Place {
  const at = text.indexOf(':')
  if (at < 0) return { namespace: '', pod: '', path: text }
  if (at === 0) throw new Failure('filespec must match the canonical format: [[namespace/]pod:]file/path')
  const [head, path] = [text.slice(0, at), text.slice(at + 1)]
  const parts = head.split('/')
  if (parts.length === 1) return { namespace: run.namespace, pod: parts[0]!, path }
  if (parts.length === 2) return { namespace: parts[0]!, pod: parts[1]!, path }
  throw new Failure('filespec must match the canonical format: [[namespace/]pod:]file/path')
}

/** Runs a command in the pod with `input`, answers what it wrote. */
async function capture(run: Invocation, pod: KubeObject, container: string, command: readonly string[], input?: string): Promise<{ readonly out: string; readonly err: string; readonly code: number }> {
  const channels = await run.rest.upgrade(pathOf(pods, pod.metadata.namespace, pod.metadata.name, 'exec'), { query: { container, command, stdin: input !== undefined || undefined, stdout: true, stderr: true } })
  if (input !== undefined) {
    await channels.send(0, input)
    await channels.send(0, '')
  }
  let out = ''
  let err = ''
  let result = ''
  for (let frame = await channels.read(); frame !== undefined; frame = await channels.read()) {
    if (frame.channel === 1) out += frame.data
    else if (frame.channel === 2) err += frame.data
    else if (frame.channel === 3) result += frame.data
  }
  const status = result.trim() === '' ? undefined : (JSON.parse(result) as { status?: string; message?: string; details?: { causes?: { reason?: string; message?: string }[] } })
  const code = status === undefined || status.status === 'Success' ? 0 : Number(status.details?.causes?.find((c) => c.reason === 'ExitCode')?.message ?? 126)
  if (code === 126 && status?.message) throw new Failure(status.message)
  return { out, err, code }
}

export const cp: Verb = async (run) => {
  if (run.args.length !== 2) throw usageFailure(run.path, 'source and destination are required')
  const [source, target] = run.args.map((a) => place(run, a)) as [Place, Place]
  if (source.pod !== '' && target.pod !== '') throw new Failure('one of src or dest must be a local file specification')
  if (source.pod === '' && target.pod === '') throw new Failure('one of src or dest must be a remote file specification')
  if (source.path === '' || target.path === '') throw new Failure('filepath can not be empty')
  const remote = source.pod !== '' ? source : target
  const pod = await getObject(run, { resource: pods, namespace: remote.namespace, name: remote.pod })
  const container = await containerFor(run, pod, run.flags.string('container'), false)
  if (source.pod !== '') {
    const { out, err, code } = await capture(run, pod, container, ['tar', 'cf', '-', source.path])
    // As with the real program, tar's words go to standard output, and of a path that is not there nothing is said.
    const entries = unpackTar(out)
    if (entries.length === 0 && code !== 0) return
    if (err !== '') await run.out(err)
    const prefix = source.path.replace(/^\/+/, '').replace(/\/+$/, '')
    for (const entry of entries) {
      const name = entry.name.replace(/\/+$/, '')
      if (name !== prefix && !name.startsWith(`${prefix}/`)) continue
      const path = target.path + name.slice(prefix.length)
      if (!entry.folder && run.process.fs.exists(path) && run.process.fs.stat(path).type === 'directory') throw new Failure(`open ${path}: is a directory`)
      if (entry.folder) run.process.fs.mkdir(path, { parents: true })
      else {
        const folder = path.replace(/\/?[^/]*$/, '')
        if (folder !== '' && !run.process.fs.exists(folder)) run.process.fs.mkdir(folder, { parents: true })
        run.process.fs.writeFile(path, entry.text, { mode: entry.mode })
      }
    }
    return
  }
  if (!run.process.fs.exists(source.path)) throw new Failure(`${source.path} doesn't exist in local filesystem`)
  // Whatever goes wrong with this question is not told; the answer is then no.
  const folderThere = await capture(run, pod, container, ['test', '-d', target.path]).then(
    ({ code }) => code === 0,
    (error: unknown) => {
      if (error instanceof ApiError || error instanceof Failure) return false
      throw error
    },
  )
  const name = source.path.replace(/\/+$/, '').split('/').at(-1)!
  const destination = folderThere ? `${target.path.replace(/\/$/, '')}/${name}` : target.path
  const into = destination.replace(/\/?[^/]*$/, '')
  const archive = packTar(run.process.fs, source.path.replace(/\/+$/, ''), destination.split('/').at(-1)!)
  const { err, code } = await capture(run, pod, container, ['tar', '-xmf', '-', ...(into === '' ? (destination.startsWith('/') ? ['-C', '/'] : []) : ['-C', into])], archive)
  if (err !== '') await run.err(err)
  if (code !== 0) throw new Failure(`command terminated with exit code ${code}`, { bare: true, code })
}
