/** Calico's binaries as canal uses them: install (puts CNI configuration and plugins on the node), calico-node (felix), calico-kube-controllers (idle here). */
import type { Process } from '#engine/machine/process.ts'
import { binaryText } from '#engine/node/cni/plugins.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { NetError } from '#engine/net/error.ts'
import type { TcpListener } from '#engine/net/types.ts'
import { notFound, serveHttp } from '#engine/node/http-server.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { PolicyAgent } from '../policy/agent.ts'

const binaries = ['bandwidth', 'calico', 'calico-ipam', 'flannel', 'host-local', 'loopback', 'portmap', 'tuning']

function stamp(now: number): string {
  return new Date(Math.floor(now)).toISOString().replace('T', ' ').replace('Z', '')
}

export async function installCni(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const write = lineWriter(process.stdout)
  const log = (text: string) => write(`${stamp(sim.now)} [INFO][1] cni-installer/install.go: ${text}`)
  const mounted = process.fs.exists('/host/etc/cni/net.d')
  const fs = mounted ? process.fs : context.node.fs
  const root = mounted ? '/host' : ''
  fs.mkdir(`${root}/opt/cni/bin`, { parents: true })
  for (const name of binaries) {
    fs.writeFile(`${root}/opt/cni/bin/${name}`, binaryText, { mode: 0o755 })
    fs.chmod(`${root}/opt/cni/bin/${name}`, 0o755)
    log(`Installed /host/opt/cni/bin/${name}`)
  }
  log('Wrote Calico CNI binaries to /host/opt/cni/bin')
  fs.mkdir(`${root}/etc/cni/net.d`, { parents: true })
  const host = process.env.get('KUBERNETES_SERVICE_HOST') ?? '10.96.0.1'
  const port = process.env.get('KUBERNETES_SERVICE_PORT') ?? '443'
  fs.writeFile(`${root}/etc/cni/net.d/calico-kubeconfig`, `# Kubeconfig file for Calico CNI plugin. Installed by calico/node.\napiVersion: v1\nkind: Config\nclusters:\n- name: local\n  cluster:\n    server: https://${host}:${port}\n    certificate-authority-data: ""\nusers:\n- name: calico\n  user:\n    token: ""\ncontexts:\n- name: calico-context\n  context:\n    cluster: local\n    user: calico\ncurrent-context: calico-context\n`, { mode: 0o600 })
  const mtu = process.env.get('CNI_MTU') ?? '0'
  const conf = (process.env.get('CNI_NETWORK_CONFIG') ?? '')
    .replaceAll('__KUBERNETES_NODE_NAME__', process.env.get('KUBERNETES_NODE_NAME') ?? context.nodeName)
    .replaceAll('__CNI_MTU__', mtu === '0' ? String(podMtu(context)) : mtu)
    .replaceAll('__KUBECONFIG_FILEPATH__', '/etc/cni/net.d/calico-kubeconfig')
  const name = process.env.get('CNI_CONF_NAME') ?? '10-calico.conflist'
  fs.writeFile(`${root}/etc/cni/net.d/${name}`, conf, { mode: 0o644 })
  log(`Created /host/etc/cni/net.d/${name}`)
  log('Done configuring CNI.  Sleep= false')
  return 0
}

/** Room for flannel's tunnel on the node's uplink. */
function podMtu(context: ContainerContext): number {
  const { net } = context.node
  const device = net.routes().find((r) => r.to === 'default')?.device
  return (device === undefined ? 1500 : (net.links.get(device)?.mtu ?? 1500)) - 50
}

export async function calicoNode(process: Process, context: ContainerContext): Promise<number> {
  const { sim } = process.machine
  const write = lineWriter(process.stdout)
  const log = (text: string) => write(`${stamp(sim.now)} [INFO][${process.pid}] ${text}`)
  const net = process.machine.net
  const nodeName = process.env.get('NODENAME') ?? context.nodeName
  log('startup/startup.go: Early log level set to info')
  log(`startup/startup.go: Using NODENAME environment for node name ${nodeName}`)
  log('startup/startup.go: Skipping datastore connection test')
  log('felix/daemon.go: Felix starting up')
  const refresh = Number(process.env.get('FELIX_IPTABLESREFRESHINTERVAL') ?? '90') * 1000
  const agent = new PolicyAgent({ sim, net, api: context.api, nodeName, refresh })
  let listener: TcpListener | undefined
  // A predecessor on the host network may still hold the port.
  const serveHealth = (): void => {
    try {
      listener = serveHttp(net.sockets, '127.0.0.1', 9099, () => sim.now, (r) => {
        if (r.path !== '/liveness' && r.path !== '/readiness') return notFound
        const ok = r.path === '/liveness' || agent.inSync
        return { status: ok ? 204 : 503, body: ok ? '' : 'calico/node is not ready: felix is not ready: readiness probe reporting 503' }
      })
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      log('health/health.go: Health endpoint failed, trying to restart it... error=listen tcp 127.0.0.1:9099: bind: address already in use')
      sim.after(1000, () => process.alive && serveHealth(), { background: true })
    }
  }
  serveHealth()
  context.onExit(() => {
    agent.stop()
    listener?.close()
  })
  agent.start()
  while (!agent.inSync) await process.sleep(100)
  log('felix/int_dataplane.go: Completed first update to dataplane.')
  await context.terminated()
  return 0
}

export async function kubeControllers(process: Process, context: ContainerContext): Promise<number> {
  await process.stdout.write(`${stamp(process.now())} [INFO][1] kube-controllers/main.go: Starting controllers\n`)
  await context.terminated()
  return 0
}
