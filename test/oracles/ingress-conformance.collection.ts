/**
 * The scenarios of the ingress controller conformance features (ingress/conformance) by the router, the class filter and the status
 * writer of the ingress controller. What the backend's own reply says (its headers, its protocol) is not the controller's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '#base/yaml.ts'
import { ClusterView } from '#engine/addons/ingress-nginx/cluster-view.ts'
import { buildServers, chooseLocation, chooseServer, rewritePath } from '#engine/addons/ingress-nginx/router.ts'
import { StatusKeeper } from '#engine/addons/ingress-nginx/status.ts'
import type { Ingress } from '#engine/addons/ingress-nginx/types.ts'
import type { ApiClient } from '#engine/api/types.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { Sim } from '#engine/sim/sim.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Item {
  readonly feature: string
  readonly scenario?: string
  readonly steps?: readonly string[]
  readonly background_yaml?: string
}

interface Row {
  readonly id: string
  readonly item: Item
  /** The feature's Ingress; undefined where the recording has none. */
  readonly background: Ingress | undefined
}

const verdict = (wrong: readonly string[], expected: readonly string[]): Outcome => (wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: expected.join('\n'), actual: wrong.join('\n') })
const ingress = (spec: Ingress['spec'], name = 'i'): Ingress => ({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name, namespace: 'n' }, spec: { ingressClassName: 'nginx', ...spec } })
const service = (name: string) => ({ service: { name, port: { number: 8080 } } })

/** The scenario with each row of its Examples table put in; itself where it has none. */
function examples(steps: readonly string[]): string[][] {
  const at = steps.indexOf('Examples:')
  if (at < 0) return [[...steps]]
  const [names, ...rows] = steps.slice(at + 1).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())) as [string[], ...string[][]]
  return rows.map((row) => steps.slice(0, at).map((step) => names.reduce((text, name, i) => text.replaceAll(`<${name}>`, row[i]!), step)))
}

function play(list: readonly Ingress[], steps: readonly string[], expected: readonly string[]): Outcome {
  const servers = buildServers(list)
  const wrong: string[] = []
  for (const run of examples(steps)) {
    let got: { status: number; service: string | undefined; path: string; host: string; tls: string | undefined } | undefined
    let asked = ''
    for (const step of run) {
      const check = (what: string, want: unknown, have: unknown) => void (want !== have && wrong.push(`${asked}: ${what} ${String(have)}, not ${String(want)}`))
      const sent = /^When I send a "(\w+)" request to "?https?:\/\/"?([^"/]*)"?(\/?)"?([^"]*)"?$/.exec(step)
      const quoted = [...step.matchAll(/"([^"]*)"/g)].map((m) => m[1]!)
      if (sent) {
        const [, method, host, , rest] = sent as unknown as [string, string, string, string, string]
        asked = `${method} ${host} /${rest}`
        const server = chooseServer(servers, host)
        const location = chooseLocation(server, `/${rest}`)
        got = { status: location?.upstream ? 200 : 404, service: location?.upstream?.service, path: location ? rewritePath(location, `/${rest}`) : '', host, tls: server.tlsSecret === undefined ? undefined : server.host }
      } else if (!got) continue
      else if (step.startsWith('Then the secure connection must verify')) check('certificate of', quoted[0], got.tls)
      else if (step.startsWith('Then the response status-code must be ')) check('status', Number(step.slice(38)), got.status)
      else if (/response must be served by/.test(step)) check('service', quoted[0], got.service)
      else if (/request host must be/.test(step)) check('host', quoted[0], got.host)
      else if (/request path must be/.test(step)) check('path', `/${quoted[0]!.replace(/^\//, '')}`, got.path)
    }
    if (!got) wrong.push('no request was sent')
  }
  return verdict(wrong, expected)
}

/** The address that the controller gives an Ingress of its own class, and the one of the scenario. */
function playClass(given: Ingress): Outcome {
  const sim = new Sim({ seed: 'ingress', start: Date.UTC(2026, 0, 1) })
  const of: Readonly<Record<string, any[]>> = {
    ingresses: [{ ...given, metadata: { ...given.metadata, namespace: 'n' } }, ingress({ defaultBackend: service('s') }, 'own')],
    ingressclasses: [{ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } }],
    nodes: [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node01' }, status: { addresses: [{ type: 'InternalIP', address: '172.30.1.3' }] } }],
  }
  const written: string[] = []
  const api = {
    informer: ({ resource }: { resource: string }) => {
      const list = of[resource] ?? []
      return { list: () => list, get: (_: unknown, name: string) => list.find((o) => o.metadata.name === name), addIndex: () => {}, onAdd: (f: (o: unknown) => void) => list.forEach(f), onUpdate: () => {}, onDelete: () => {}, synced: true }
    },
    patch: (_: unknown, _namespace: string, name: string) => void written.push(name),
  } as unknown as ApiClient
  const view = new ClusterView(api)
  const keeper = new StatusKeeper({ sim, view, context: { api, nodeName: 'node01', pod: () => ({ metadata: { name: 'p', namespace: 'ingress-nginx' } }) } as unknown as ContainerContext, publishService: undefined })
  keeper.start()
  sim.runUntil(sim.now + 61_000)
  keeper.stop()
  const wrong = [...(written.join() === 'own' ? [] : [`status written to: ${written.join()}`]), ...view.ingresses.list().filter((i) => view.owns(i) !== (i.metadata.name === 'own')).map((i) => `routes of ${i.metadata.name}`)]
  return verdict(wrong, ['only the Ingress of the class nginx gets an address'])
}

function run({ item, background }: Row): Outcome {
  const steps = item.steps ?? []
  if (item.scenario === undefined) {
    // The feature's Ingress, used by its scenarios: it must give the hosts of its rules.
    const hosts = ((background?.spec ?? (background as Ingress['spec'] | undefined))?.rules ?? []).map((r) => r.host?.toLowerCase() ?? '_')
    const servers = buildServers(background ? [background.spec ? background : ingress(background as Ingress['spec'])] : [])
    return verdict(hosts.filter((h) => !servers.has(h)), hosts)
  }
  const text = /"""\n([\s\S]*)\n"""/.exec(steps.join('\n'))
  if (item.feature === 'ingress_class.feature' && text && background) return playClass(background)
  // Two features whose Ingress the recording lacks: one with a default backend alone, one with a certificate for its host.
  if (item.feature === 'default_backend.feature') return play([ingress({ defaultBackend: service('echo-service') })], steps, steps)
  if (item.feature === 'host_rules.feature') return play([ingress({ tls: [{ hosts: ['foo.bar.com'], secretName: 'c' }], rules: [{ host: 'foo.bar.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: service('foo-bar-com') }] } }] })], steps, steps)
  return background ? play([background], steps, steps) : { result: 'failed', expected: steps.join('\n'), actual: 'no Ingress for this feature' }
}

const file = 'oracles/ingress/ingress-conformance.json'

export const collections = [
  collection<Row>({
    name: 'ingress/conformance',
    needs: [file],
    load: (shared) => {
      const { items } = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { items: Item[] }
      const background = (feature: string) => {
        const yaml = items.find((i) => i.feature === feature && i.background_yaml !== undefined)?.background_yaml
        return yaml === undefined ? undefined : (parseYaml(yaml) as Ingress)
      }
      return items.map((item, i) => ({ id: String(i), item, background: background(item.feature) }))
    },
    id: (row) => row.id,
    run,
  }),
]
