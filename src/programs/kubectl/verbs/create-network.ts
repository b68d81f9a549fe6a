/** `kubectl create service …` and `kubectl create ingress`. */
import { Failure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { newObject, spaceOf } from './create-workload.ts'
import { builtin, createGenerated, oneName } from './report.ts'

type Fields = Record<string, unknown>
const resource = builtin('', 'v1', 'services', 'Service')

function ports(run: Invocation, nodePort: number): Fields[] {
  return run.flags.list('tcp').map((text) => {
    const [port, target] = text.split(':') as [string, string | undefined]
    const number = (t: string, what: string): number => {
      if (!/^[-+]?\d+$/.test(t)) throw new Failure(`strconv.Atoi: parsing "${t}": invalid syntax`)
      const n = Number(t)
      if (n < 1 || n > 65535) throw new Failure(what === 'port' ? `must be between 1 and 65535, inclusive` : 'must be between 1 and 65535, inclusive')
      return n
    }
    const p = number(port, 'port')
    const t = target === undefined || target === '' ? p : /^\d+$/.test(target) ? number(target, 'target') : target
    return { name: text.replaceAll(':', '-'), protocol: 'TCP', port: p, targetPort: t, ...(nodePort > 0 ? { nodePort } : {}) }
  })
}

/** The generator of one service type. */
function service(type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'): Verb {
  return async (run) => {
    const name = oneName(run)
    const clusterIP = run.flags.has('clusterip') ? run.flags.string('clusterip') : ''
    const nodePort = run.flags.has('node-port') ? run.flags.number('node-port') : 0
    const list = ports(run, nodePort)
    if (type !== 'ExternalName' && clusterIP !== 'None' && list.length === 0) throw new Failure('at least one tcp port specifier must be provided')
    const external = run.flags.has('external-name') ? run.flags.string('external-name') : ''
    if (type === 'ExternalName' && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(external)) throw new Failure(`invalid service external name ${external}`)
    const spec: Fields = { ...(list.length > 0 ? { ports: list } : {}), selector: { app: name }, ...(clusterIP ? { clusterIP } : {}), type, ...(external ? { externalName: external } : {}) }
    await createGenerated(run, resource, newObject('v1', 'Service', { name, ...spaceOf(run), labels: { app: name } }, { spec, status: { loadBalancer: {} } }), `failed to create ${type} service:`)
  }
}

export const createService = { clusterip: service('ClusterIP'), nodeport: service('NodePort'), loadbalancer: service('LoadBalancer'), externalname: service('ExternalName') }

const rulePattern = /^(?<host>[\w.*-]*)(?<path>\/.*)=(?<svcname>[\w-]+):(?<svcport>[\w-]+)(,(?<tls>tls)(=(?<secret>[\w-]+))?)?/

function backend(name: string, port: string): Fields {
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } }
}

export const createIngress: Verb = async (run) => {
  const name = oneName(run)
  const rules = run.flags.list('rule')
  const fallback = run.flags.string('default-backend')
  if (rules.length === 0 && fallback === '') throw new Failure('not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)')
  const parsed = rules.map((rule) => {
    const m = /^[\w\-.*]*\/[^=]*=[^:]+:[\w-]+(,.*)?$/.test(rule) ? rulePattern.exec(rule) : null
    if (!m?.groups) throw new Failure(`rule ${rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`)
    return m.groups
  })
  for (const annotation of run.flags.list('annotation')) if (!/^[^=]+=/.test(annotation)) throw new Failure(`annotation ${annotation} is invalid and should be in format key=[value]`)
  if (fallback !== '' && fallback.split(':').length !== 2) throw new Failure('default-backend should be in format servicename:serviceport')
  const byHost = new Map<string, Fields[]>()
  const tls: Fields[] = []
  for (const r of parsed) {
    const host = r['host'] ?? ''
    const path = r['path']!
    const prefix = path.endsWith('*')
    const item = { path: prefix ? path.slice(0, -1) || '/' : path, pathType: prefix ? 'Prefix' : 'Exact', backend: backend(r['svcname']!, r['svcport']!) }
    byHost.set(host, [...(byHost.get(host) ?? []), item])
    if (r['tls']) {
      const secret = r['secret'] ?? ''
      const same = tls.find((t) => (t['secretName'] ?? '') === secret)
      if (same) {
        const hosts = same['hosts'] as string[]
        if (host !== '' && !hosts.includes(host)) hosts.push(host)
      } else tls.push({ ...(host !== '' ? { hosts: [host] } : {}), ...(secret ? { secretName: secret } : {}) })
    }
  }
  const annotations = Object.fromEntries(run.flags.list('annotation').map((a) => [a.slice(0, a.indexOf('=')), a.slice(a.indexOf('=') + 1)]))
  const [service_, port] = fallback.split(':') as [string, string]
  const spec: Fields = {
    ...(run.flags.string('class') ? { ingressClassName: run.flags.string('class') } : {}), ...(fallback ? { defaultBackend: backend(service_, port) } : {}), ...(tls.length > 0 ? { tls } : {}),
    ...(byHost.size > 0 ? { rules: [...byHost].map(([host, paths]) => ({ ...(host ? { host } : {}), http: { paths } })) } : {}),
  }
  const object = newObject('networking.k8s.io/v1', 'Ingress', { name, ...spaceOf(run), ...(Object.keys(annotations).length > 0 ? { annotations } : {}) }, { spec, status: { loadBalancer: {} } })
  await createGenerated(run, builtin('networking.k8s.io', 'v1', 'ingresses', 'Ingress'), object, 'failed to create ingress:')
}
