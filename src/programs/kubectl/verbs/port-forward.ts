/** `kubectl port-forward`: listeners on the machine whose connections travel through the API server and the kubelet into the pod. */
import type { KubeObject } from '#engine/api/types.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Connection, Listener } from '#engine/machine/sockets.ts'
import { Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { findTargets, getObject, pathOf, type ObjectTarget } from '../resource/targets.ts'
import { builtin } from './report.ts'
import { podFor } from './stream.ts'

interface Mapping {
  readonly local: number
  readonly remote: number
}

type Fields = Record<string, unknown>
const pods = builtin('', 'v1', 'pods', 'Pod')
const containers = (pod: KubeObject): Fields[] => (((pod['spec'] as Fields)['containers'] as Fields[] | undefined) ?? [])

function podPort(pod: KubeObject, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  for (const c of containers(pod)) for (const p of (c['ports'] as Fields[] | undefined) ?? []) if (p['name'] === text) return Number(p['containerPort'])
  throw new Failure(`Pod '${pod.metadata.name}' does not have a named port '${text}'`)
}

/** A service's port becomes the pod's target port. */
function servicePort(service: KubeObject, pod: KubeObject, text: string): number {
  const ports = ((service['spec'] as Fields)['ports'] as Fields[] | undefined) ?? []
  const port = ports.find((p) => String(p['port']) === text || p['name'] === text)
  if (!port) throw new Failure(`Service ${service.metadata.name} does not have a service port ${text}`)
  if ((service['spec'] as Fields)['clusterIP'] === 'None') return Number(port['port'])
  const target = port['targetPort']
  return target === undefined ? Number(port['port']) : typeof target === 'number' ? target : podPort(pod, String(target))
}

function parse(spec: string, resolve: (text: string) => number): Mapping {
  const parts = spec.split(':')
  if (parts.length > 2) throw new Failure(`invalid port format '${spec}'`)
  const remoteText = parts.at(-1)!
  const remote = resolve(remoteText)
  if (remote < 1 || remote > 65535) throw new Failure(`error parsing remote port ${remoteText}: remote port must be > 0`)
  const localText = parts.length === 1 ? (/^\d+$/.test(remoteText) ? remoteText : String(remote)) : parts[0]! === '' ? '0' : parts[0]!
  if (!/^\d+$/.test(localText)) throw new Failure(`error parsing local port "${localText}": strconv.ParseUint: parsing "${localText}": invalid syntax`)
  return { local: Number(localText), remote }
}

export const portForward: Verb = async (run) => {
  if (run.args.length < 2) throw usageFailure(run.path, 'TYPE/NAME and list of ports are required for port-forward')
  const [word, ...specs] = run.args as [string, ...string[]]
  const found = await findTargets(run, { args: [word], defaultType: 'pods', files: false, selector: '' })
  const object = await getObject(run, found.targets[0] as ObjectTarget)
  const pod = object.kind === 'Pod' ? object : await podFor(run, word)
  const mappings = specs.map((spec) => parse(spec, (text) => (object.kind === 'Service' ? servicePort(object, pod, text) : podPort(pod, text))))
  const phase = String((pod['status'] as Fields | undefined)?.['phase'])
  if (phase !== 'Running') throw new Failure(`unable to forward port because pod is not running. Current status=${phase}`)
  const addresses = run.flags.list('address').length > 0 ? run.flags.list('address') : ['localhost']
  const listeners: { listener: Listener; remote: number }[] = []
  for (const mapping of mappings) {
    let bound = 0
    for (const address of addresses) {
      const host = address === 'localhost' ? '127.0.0.1' : address
      try {
        const listener = run.process.sockets.listen(host, mapping.local)
        listeners.push({ listener, remote: mapping.remote })
        bound++
        await run.out(`Forwarding from ${host}:${listener.local.port} -> ${mapping.remote}\n`)
        if (address === 'localhost') await run.out(`Forwarding from [::1]:${listener.local.port} -> ${mapping.remote}\n`)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await run.err(`Unable to listen on port ${mapping.local}: Listeners failed to create with the following errors: [unable to create listener: Error listen tcp4 ${host}:${mapping.local}: bind: ${error.message.toLowerCase()}]\n`)
      }
    }
    if (bound === 0) throw new Failure(`unable to listen on any of the requested ports: [{${mapping.local} ${mapping.remote}}]`)
  }
  const accepts = listeners.map((l) => l.listener.accept())
  for (;;) {
    const at = await run.process.any(accepts)
    const connection = await accepts[at]!
    accepts[at] = listeners[at]!.listener.accept()
    await run.out(`Handling connection for ${listeners[at]!.listener.local.port}\n`)
    void forward(run, pod, listeners[at]!.remote, connection)
  }
}

/** One connection: its bytes both ways on channel 0 (an empty message ends that side), errors on channel 1. */
async function forward(run: Invocation, pod: KubeObject, port: number, connection: Connection): Promise<void> {
  try {
    const channels = await run.rest.upgrade(pathOf(pods, pod.metadata.namespace, pod.metadata.name, 'portforward'), { query: { ports: port }, about: `pods ${pod.metadata.name}` })
    let input: Promise<string | undefined> | undefined = connection.read()
    let frame = channels.read()
    for (;;) {
      const which: number = input ? await run.process.any([frame, input]) : await run.process.any([frame])
      if (which === 1) {
        const text: string | undefined = await input!
        if (text === undefined) {
          input = undefined
          await channels.send(0, '')
        } else {
          await channels.send(0, text)
          input = connection.read()
        }
        continue
      }
      const got = await frame
      if (got === undefined) break
      if (got.channel === 1) {
        if (got.data !== '') await run.klog('E', 'portforward.go:424', `"Unhandled Error" err=${JSON.stringify(`an error occurred forwarding ${connection.local.port} -> ${port}: ${got.data}`)}`)
        break
      }
      if (got.data === '') break
      await connection.write(got.data)
      frame = channels.read()
    }
    channels.close()
  } catch (error) {
    if (error instanceof Error && (error.name === 'ExitSignal' || error.name === 'ProcessExit')) throw error
    await run.err(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  } finally {
    connection.close()
  }
}
