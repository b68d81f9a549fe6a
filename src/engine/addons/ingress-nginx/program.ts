/**
 * The ingress-nginx controller v1.14 as a program: listens on 80 and 443 of its pod, chooses a backend by the Ingresses of its class and
 * proxies over real connections to pod addresses. Left out: Lua plugins, snippets beyond headers and `return`, gRPC to backends, metrics.
 */
import { issueCertificate } from '#engine/machine/certificates.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Listener } from '#engine/machine/sockets.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { notFound, plain, serveHttp } from '#engine/node/http-server.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { klogLine } from '#engine/node/klog.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { knownAnnotations, screen } from './annotations.ts'
import { ClusterView } from './cluster-view.ts'
import { customHeaders, fastCgiExtras, namedHeaders } from './config-maps.ts'
import { nginxConf } from './nginx-conf.ts'
import { ProxyPass } from './proxy-pass.ts'
import type { Upstream } from './router.ts'
import { NginxServer } from './server.ts'
import type { Settings } from './settings.ts'
import { parseSnippet } from './snippets.ts'
import type { Ingress } from './types.ts'
import { webhook, webhookPort } from './webhook.ts'
import type { WebhookTies } from './webhook.ts'
import { StatusKeeper } from './status.ts'

export const ingressNginxVersion = 'v1.14.1'

interface Remark {
  readonly severity: 'E' | 'W'
  readonly text: string
  readonly at: string
}

/** What the controller has to say of an Ingress's annotations. */
function remarks(ingress: Ingress, settings: Settings): Remark[] {
  const { refusal, ignored, annotations } = screen(ingress, settings)
  const name = `${ingress.metadata.namespace}/${ingress.metadata.name}`
  const warning = (text: string): Remark => ({ severity: 'W', text, at: 'annotations.go:1' })
  const out: Remark[] = refusal === undefined ? [] : [{ severity: 'E', text: refusal, at: 'store.go:960' }]
  for (const annotation of ignored) out.push(warning(`"Annotation has no effect: it is not modelled in this simulation" annotation="nginx.ingress.kubernetes.io/${annotation}" group="${knownAnnotations.get(annotation)!.group}" ingress="${name}"`))
  const protocol = ingress.metadata.annotations?.['nginx.ingress.kubernetes.io/backend-protocol']?.toUpperCase()
  if (protocol !== undefined && !/^(HTTP|HTTPS|AUTO_HTTP|FCGI)$/.test(protocol)) out.push(warning(`"Requests go out as plain HTTP: this protocol is not modelled in this simulation" backend-protocol="${protocol}" ingress="${name}"`))
  for (const snippet of ['configuration-snippet', 'server-snippet']) {
    const text = annotations[snippet]
    const unknown = text === undefined ? [] : parseSnippet(text).unknown
    if (unknown.length > 0) out.push(warning(`"Directives have no effect: they are not modelled in this simulation" directives="${unknown.join(', ')}" ingress="${name}"`))
  }
  return out
}

export async function ingressNginx(process: Process, context: ContainerContext, ties?: WebhookTies): Promise<number> {
  const { sim } = process.machine
  const random = sim.random.fork('ingress-nginx')
  const out = lineWriter(process.stdout)
  const err = lineWriter(process.stderr)
  const log = (at: string, text: string) => err(klogLine(sim.now, 'I', text, { at, pid: process.pid }))
  out(`-------------------------------------------------------------------------------\nNGINX Ingress controller\n  Release:       ${ingressNginxVersion}\n  Build:         5ed8b9b3fb2a8f0b3b7d5d9c6e8b1a1ea5a60e94\n  Repository:    https://github.com/kubernetes/ingress-nginx\n  nginx version: nginx/1.27.1\n\n-------------------------------------------------------------------------------\n`)
  const view = new ClusterView(context.api)
  log('main.go:205', '"Creating API client" host="https://10.96.0.1:443"')
  while (!view.synced) await process.sleep(200)
  const flag = (name: string) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3)
  const on = (name: string) => process.argv.includes(`--${name}`) || flag(name) === 'true'
  view.claims = { className: flag('ingress-class') ?? 'nginx', controllerClass: flag('controller-class') ?? 'k8s.io/ingress-nginx', withoutClass: on('watch-ingress-without-class'), byName: on('ingress-class-by-name'), noCatchAll: on('disable-catch-all') }
  /** --default-backend-service: who answers where no rule fits. */
  const fallback = (): Upstream | undefined => {
    const [namespace, service] = (flag('default-backend-service') ?? '').split('/')
    const port = service === undefined ? undefined : view.service(namespace!, service)?.spec.ports?.[0]
    return port && { namespace: namespace!, service: service!, port: port.name ?? String(port.port) }
  }
  view.settingsKey = flag('configmap')?.replace('$(POD_NAMESPACE)', process.env.get('POD_NAMESPACE') ?? context.pod().metadata.namespace ?? '')
  const keeper = new StatusKeeper({ sim, view, context, publishService: flag('publish-service') })
  keeper.start()
  const scheduled = (ingress: Ingress) => {
    if (!view.owns(ingress)) return
    for (const { severity, text, at } of remarks(ingress, view.settings)) err(klogLine(sim.now, severity, text, { at, pid: process.pid }))
    if (screen(ingress, view.settings).refusal === undefined) context.api.event(ingress, 'Normal', 'Sync', 'Scheduled for sync', 'nginx-ingress-controller')
  }
  view.ingresses.onAdd(scheduled)
  view.ingresses.onUpdate((ingress, before) => {
    if (ingress.metadata.generation !== before.metadata.generation || JSON.stringify(ingress.metadata.annotations) !== JSON.stringify(before.metadata.annotations)) scheduled(ingress)
  })
  log('nginx.go:271', '"Starting NGINX Ingress controller"')
  const fake = issueCertificate(random, { commonName: 'Kubernetes Ingress Controller Fake Certificate', organizations: ['Acme Co'], dnsNames: ['ingress.local'] }, { now: sim.now, days: 365 })
  const open: { close(): void }[] = []
  let reload: Timer | undefined
  context.onExit(() => {
    keeper.stop()
    sim.cancel(reload)
    for (const listener of open) listener.close()
  })
  open.push(serveHttp(process.machine.net.sockets, '0.0.0.0', 10254, () => sim.now, (r) => (r.path === '/healthz' ? plain('ok') : notFound)))
  const listen = (port: number): Listener => {
    const listener = process.sockets.listen('0.0.0.0', port)
    open.push(listener)
    return listener
  }
  const [http, https] = [listen(80), listen(443)]
  if (flag('validating-webhook') !== undefined) {
    const log_ = (severity: 'I' | 'E', at: string, text: string) => err(klogLine(sim.now, severity, text, { at, pid: process.pid }))
    log('nginx.go:320', `"Starting validation webhook" address="${flag('validating-webhook')}" certPath="${flag('validating-webhook-certificate') ?? ''}" keyPath="${flag('validating-webhook-key') ?? ''}"`)
    listen(webhookPort)
    ties?.serve(process, webhookPort, webhook({ view, log: log_ }))
  }
  log('controller.go:196', '"Configuration changes detected, backend reload required"')
  log('controller.go:216', '"Backend successfully reloaded"')
  let conf = ''
  const writeConf = () => {
    const text = nginxConf({ settings: view.settings, servers: view.servers, version: ingressNginxVersion, customHeaders: (l) => customHeaders(view, l), fastCgiParams: (l) => fastCgiExtras(view, l), addHeaders: namedHeaders(view, 'add-headers'), setHeaders: namedHeaders(view, 'proxy-set-headers') })
    if (text === conf) return
    conf = text
    try {
      process.fs.mkdir('/etc/nginx', { parents: true })
      process.fs.writeFile('/etc/nginx/nginx.conf', text)
    } catch {
      // A container that may not write there does without.
    }
  }
  writeConf()
  view.onChange(() => {
    if (reload && !reload.cancelled) return
    reload = sim.after(1000, () => {
      reload = undefined
      const before = conf
      writeConf()
      if (before === conf) return
      log('controller.go:196', '"Configuration changes detected, backend reload required"')
      log('controller.go:216', '"Backend successfully reloaded"')
    }, { background: true })
  })

  const server = new NginxServer({ process, view, random, pass: new ProxyPass(process, view, random, out), fallback, fakeIdentity: { chain: [fake.certificate], keyId: fake.keyId } })
  const accept = async (listener: Listener, secure: boolean): Promise<void> => {
    try {
      for (;;) void server.serve(await listener.accept(), secure)
    } catch {
      // The listener was closed: the program is leaving.
    }
  }
  void accept(http, false)
  void accept(https, true)
  await context.terminated()
  log('main.go:199', '"Received SIGTERM, shutting down"')
  return 0
}
