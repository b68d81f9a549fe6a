/** Waiting for the kubelet and the control plane (util/apiclient/wait.go). */
import { formatGoDuration, parseGoDuration } from '#base/duration.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import { encodeRequest, HttpReader, parseUrl } from '#base/http.ts'
import { manifestFolder, componentNames } from '#engine/kubeadm/static-pods.ts'
import { FsError } from '#engine/machine/files.ts'
import { tlsConnect, TlsError } from '#engine/machine/tls.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import type { InitData } from '../init-data.ts'
import { clientConfig, clientOf, Failure, isExpected, type Run } from '../run.ts'
import type { Phase } from '../workflow.ts'

const retry = 500

/** A plain GET; the status, or why there is none. */
export async function get(run: Run, text: string): Promise<number | string> {
  const url = parseUrl(text)!
  try {
    const connection = await run.process.sockets.connect(url.host, url.port ?? 443, { timeout: 10_000 })
    const wire = url.scheme === 'https' ? await tlsConnect(connection, { serverName: url.host, roots: [], insecure: true, now: run.process.now() }) : connection
    await wire.write(encodeRequest({ method: 'GET', target: url.target, headers: { Host: `${url.host}:${url.port}`, Connection: 'close' } }))
    const event = await new HttpReader(() => wire.read(), 'response').next()
    wire.close()
    return event?.type === 'head' && event.head.kind === 'response' ? event.head.status : `Get ${JSON.stringify(text)}: EOF`
  } catch (error) {
    if (error instanceof TlsError) return `Get ${JSON.stringify(text)}: ${error.go}`
    if (!(error instanceof FsError)) throw error
    return `Get ${JSON.stringify(text)}: dial tcp ${url.host}:${url.port}: ${error.code === 'ETIMEDOUT' ? 'i/o timeout' : `connect: ${error.message.toLowerCase()}`}`
  }
}

export const kubeletFailure = `
Unfortunately, an error has occurred, likely caused by:
	- The kubelet is not running
	- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)

If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:
	- 'systemctl status kubelet'
	- 'journalctl -xeu kubelet'
`

const controlPlaneFailure = (socket: string) => `
A control plane component may have crashed or exited when started by the container runtime.
To troubleshoot, list all containers using your preferred container runtimes CLI.
Here is one example how you may list all running Kubernetes containers by using crictl:
	- 'crictl --runtime-endpoint ${socket} ps -a | grep kube | grep -v pause'
	Once you have found the failing container, you can inspect its logs with:
	- 'crictl --runtime-endpoint ${socket} logs CONTAINERID'
`

export async function waitForKubelet(run: Run, timeout: string): Promise<void> {
  const url = 'http://127.0.0.1:10248/healthz'
  const limit = parseGoDuration(timeout) ?? 240_000
  await run.out(`[kubelet-check] Waiting for a healthy kubelet at ${url}. This can take up to ${timeout}`)
  const start = run.process.now()
  let last = ''
  for (;;) {
    const got = await get(run, url)
    const took = formatGoDuration(run.process.now() - start)
    if (got === 200) return run.out(`[kubelet-check] The kubelet is healthy after ${took}`)
    last = `The HTTP call equal to 'curl -sSL ${url}' returned ${typeof got === 'number' ? `status code: ${got}` : `error: ${got}`}\n`
    if (run.process.now() - start >= limit) {
      await run.out(`[kubelet-check] The kubelet is not healthy after ${took}`)
      throw new Failure(last)
    }
    await run.process.sleep(retry)
  }
}

interface Component {
  readonly name: string
  readonly address: string
  readonly path: string
}

const defaults: Readonly<Record<string, { readonly flag: string; readonly address: string; readonly port: number; readonly path: string }>> = {
  'kube-apiserver': { flag: 'advertise-address', address: '', port: 6443, path: 'livez' },
  'kube-controller-manager': { flag: 'bind-address', address: '127.0.0.1', port: 10257, path: 'healthz' },
  'kube-scheduler': { flag: 'bind-address', address: '127.0.0.1', port: 10259, path: 'livez' },
}

function componentOf(run: Run, name: string, own: string): Component {
  const pod = parseYaml(run.fs.readFile(`${manifestFolder}/${name}.yaml`)) as { spec?: { containers?: { command?: string[] }[] } }
  const command = pod.spec?.containers?.find((c) => c.command?.[0] === name)?.command ?? []
  const value = (flag: string) => command.find((c) => c.startsWith(`--${flag}=`))?.slice(flag.length + 3)
  const d = defaults[name]!
  return { name, address: `${value(d.flag) ?? (d.address || own)}:${value('secure-port') ?? d.port}`, path: d.path }
}

export async function waitForComponents(run: Run, client: RestClient, timeout: string, own: string): Promise<void> {
  await run.out(`[control-plane-check] Waiting for healthy control plane components. This can take up to ${timeout}`)
  const limit = parseGoDuration(timeout) ?? 240_000
  const components = componentNames.map((name) => componentOf(run, name, own))
  for (const c of components) await run.out(`[control-plane-check] Checking ${c.name} at https://${c.address}/${c.path}`)
  const start = run.process.now()
  const waiting = new Map(components.map((c) => [c.name, '']))
  const problems: string[] = []
  while (waiting.size > 0) {
    for (const c of components) {
      if (!waiting.has(c.name)) continue
      const url = `https://${c.address}/${c.path}`
      const wrong = await check(run, client, c, url)
      const took = formatGoDuration(run.process.now() - start)
      if (wrong === undefined) {
        waiting.delete(c.name)
        await run.out(`[control-plane-check] ${c.name} is healthy after ${took}`)
      } else if (run.process.now() - start >= limit) {
        waiting.delete(c.name)
        problems.push(wrong)
        await run.out(`[control-plane-check] ${c.name} is not healthy after ${took}`)
      }
    }
    if (waiting.size > 0) await run.process.sleep(retry)
  }
  if (problems.length > 0) throw new Failure(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`)
}

async function check(run: Run, client: RestClient, c: Component, url: string): Promise<string | undefined> {
  if (c.name !== 'kube-apiserver') {
    const got = await get(run, url)
    return got === 200 ? undefined : typeof got === 'number' ? `${c.name} check failed at ${url} with status: ${got}` : `${c.name} check failed at ${url}: ${got}`
  }
  try {
    await client.call('GET', `/${c.path}`)
    return undefined
  } catch (error) {
    if (!isExpected(error)) throw error
    return `${c.name} check failed at ${url}: ${error.message}`
  }
}

export const waitPhase: Phase<InitData> = {
  name: 'wait-control-plane',
  run: async (d) => {
    const { run } = d
    if (d.dryRun) return
    await run.out(`[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory ${JSON.stringify(manifestFolder)}`)
    const { advertiseAddress, bindPort } = d.init.localAPIEndpoint
    const client = clientOf(run, { ...clientConfig(run, '/etc/kubernetes/admin.conf'), server: `https://${advertiseAddress}:${bindPort}` })
    try {
      await waitForKubelet(run, d.init.timeouts['kubeletHealthCheck'] ?? '4m0s')
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      await run.out(kubeletFailure)
      throw new Failure(`failed while waiting for the kubelet to start: ${error.message}`)
    }
    try {
      await waitForComponents(run, client, d.init.timeouts['controlPlaneComponentHealthCheck'] ?? '4m0s', advertiseAddress)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      await run.out(controlPlaneFailure(d.init.nodeRegistration.criSocket))
      throw new Failure(`failed while waiting for the control plane to start: ${error.message}`)
    }
  },
}
