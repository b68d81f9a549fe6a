/** `kubectl cp` and `kubectl debug`. Files travel as a tar stream through exec, as with the real program: `tar` must be in the container. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { contentTypes } from '../resource/patch.ts'
import { findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { builtin, createObject, patchObject } from './report.ts'
import { attachTo, containerFor, lastLogs } from './stream.ts'
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

/** Ephemeral containers, copies of pods and pods on nodes, in their plain forms. */
export const debug: Verb = async (run) => {
  const before = run.dash >= 0 ? run.args.slice(0, run.dash) : run.args
  const command = run.dash >= 0 ? run.args.slice(run.dash) : []
  const profile = run.flags.string('profile') || 'legacy'
  if (before.length === 0) throw new Failure('NAME or TYPE/NAME is required for debug')
  const image = run.flags.string('image')
  const copyTo = run.flags.string('copy-to')
  if (image === '' && copyTo === '') throw new Failure('you must specify --image, --copy-to or --set-image.')
  if (profile === 'legacy') await run.err('--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example "--profile=general".\n')
  const found = await findTargets(run, { args: [before[0]!], defaultType: 'pods', files: false, selector: '' })
  const object = await getObject(run, found.targets[0] as ObjectTarget)
  const suffix = run.process.machine.sim.random.letters(5, 'bcdfghjklmnpqrstvwxz2456789')
  const interactive = run.flags.bool('stdin')
  const tty = run.flags.bool('tty')
  const name = run.flags.string('container') || `debugger-${suffix}`
  const container: Record<string, unknown> = { name, image, imagePullPolicy: run.flags.string('image-pull-policy') || 'IfNotPresent', ...(interactive ? { stdin: true } : {}), ...(tty ? { tty: true } : {}), ...(command.length > 0 ? { [run.flags.bool('arguments-only') ? 'args' : 'command']: command } : {}), terminationMessagePolicy: 'File' }
  const attach = run.flags.changed('attach') ? run.flags.bool('attach') : interactive
  let pod: KubeObject
  if (object.kind === 'Node') {
    const podName = `node-debugger-${object.metadata.name}-${suffix}`
    await run.out(`Creating debugging pod ${podName} with container debugger on node ${object.metadata.name}.\n`)
    container['name'] = run.flags.string('container') || 'debugger'
    container['volumeMounts'] = [{ name: 'host-root', mountPath: '/host' }]
    pod = await createObject(run, pods, run.namespace, { apiVersion: 'v1', kind: 'Pod', metadata: { name: podName, labels: { 'app.kubernetes.io/managed-by': 'kubectl-debug' } }, spec: { containers: [container], hostIPC: true, hostNetwork: true, hostPID: true, nodeName: object.metadata.name, restartPolicy: 'Never', tolerations: [{ operator: 'Exists' }], volumes: [{ name: 'host-root', hostPath: { path: '/' } }] } }, { dryRun: 'none', validate: 'ignore' })
  } else if (copyTo !== '') {
    const spec = { ...((object['spec'] ?? {}) as Record<string, unknown>) }
    if (!run.flags.bool('same-node')) delete spec['nodeName']
    const containers = (spec['containers'] as Record<string, unknown>[]).map((c) => ({ ...c }))
    const existing = containers.find((c) => c['name'] === run.flags.string('container'))
    if (existing) Object.assign(existing, image ? { image } : {}, command.length > 0 ? { command } : {}, interactive ? { stdin: true } : {}, tty ? { tty: true } : {})
    else if (image) containers.push(container)
    spec['containers'] = containers
    if (run.flags.changed('share-processes') ? run.flags.bool('share-processes') : true) spec['shareProcessNamespace'] = true
    if (!run.flags.string('container') && image) await run.err(`Defaulting debug container name to ${name}.\n`)
    pod = await createObject(run, pods, object.metadata.namespace ?? '', { apiVersion: 'v1', kind: 'Pod', metadata: { name: copyTo, ...(object.metadata.annotations ? { annotations: object.metadata.annotations } : {}) }, spec } as unknown as KubeObject, { dryRun: 'none', validate: 'ignore' })
    if (run.flags.bool('replace')) await run.rest.call('DELETE', pathOf(pods, object.metadata.namespace, object.metadata.name))
  } else {
    if (!run.flags.string('container')) await run.err(`Defaulting debug container name to ${name}.\n`)
    const target = run.flags.string('target')
    if (target) {
      await run.err(`Targeting container ${goQuote(target)}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n`)
      container['targetContainerName'] = target
    }
    pod = await patchObject(run, pods, object.metadata.namespace ?? '', object.metadata.name, { spec: { ephemeralContainers: [container] } }, contentTypes.strategic, { dryRun: 'none', subresource: 'ephemeralcontainers' })
  }
  if (!attach) return
  await attachWhenRunning(run, pod, String(container['name']), { stdin: interactive, tty })
}

async function attachWhenRunning(run: Invocation, pod: KubeObject, container: string, options: { readonly stdin: boolean; readonly tty: boolean }): Promise<void> {
  const target: ObjectTarget = { kind: 'object', resource: pods, namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, object: undefined, source: '' }
  const limit = run.process.now() + 60_000
  for (;;) {
    const now = await getObject(run, target)
    const status = now['status'] as Record<string, { name: string; state?: Record<string, unknown> }[] | undefined> | undefined
    const state = [...(status?.['containerStatuses'] ?? []), ...(status?.['ephemeralContainerStatuses'] ?? [])].find((s) => s.name === container)?.state
    if (state?.['running']) break
    if (state?.['terminated']) return lastLogs(run, target, container)
    if (run.process.now() >= limit) throw new Failure('timed out waiting for the condition')
    await run.process.sleep(250)
  }
  if (options.tty) await run.err("If you don't see a command prompt, try pressing enter.\n")
  await attachTo(run, target, container, options)
}

