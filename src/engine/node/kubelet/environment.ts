/** The environment of a container: service variables, envFrom, env with $(NAME) expansion, downward fields (kubelet_pods.go makeEnvironmentVariables). */
import { parseQuantity, quantityMilliValue, quantityValue } from '#base/quantity.ts'
import { fromBase64 } from '#base/bytes.ts'
import type { ConfigMap, Secret } from '#engine/kinds/namespace/types.ts'
import type { Container, EnvVar, Pod } from '#engine/kinds/pod/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'

export interface ObjectSource {
  configMap(namespace: string, name: string): ConfigMap | undefined
  secret(namespace: string, name: string): Secret | undefined
  services(namespace: string): readonly Service[]
}

/** What keeps a container from being created; `message` is what the status shows. */
export class ConfigError extends Error {}

export interface PodFacts {
  readonly podIP: string
  readonly hostIP: string
  /** Allocatable of the node, for resource fields without a limit. */
  readonly allocatable: Readonly<Record<string, string>>
}

export function expand(text: string, mapping: (name: string) => string | undefined): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 >= text.length) {
      out += text[i]
      continue
    }
    if (text[i + 1] === '$') {
      out += '$'
      i++
    } else if (text[i + 1] === '(') {
      const end = text.indexOf(')', i + 2)
      if (end < 0) {
        out += '$('
        i++
        continue
      }
      const name = text.slice(i + 2, end)
      out += mapping(name) ?? `$(${name})`
      i = end
    } else {
      out += '$' + text[i + 1]
      i++
    }
  }
  return out
}

function serviceVariables(services: readonly Service[], into: Map<string, string>): void {
  for (const service of services) {
    const ip = service.spec.clusterIP
    const ports = service.spec.ports ?? []
    if (!ip || ip === 'None' || ports.length === 0) continue
    const name = service.metadata.name.toUpperCase().replaceAll('-', '_')
    into.set(`${name}_SERVICE_HOST`, ip)
    into.set(`${name}_SERVICE_PORT`, String(ports[0]!.port))
    for (const port of ports) if (port.name) into.set(`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port))
    ports.forEach((port, i) => {
      const protocol = port.protocol ?? 'TCP'
      const prefix = `${name}_PORT_${port.port}_${protocol}`
      const url = `${protocol.toLowerCase()}://${ip}:${port.port}`
      if (i === 0) into.set(`${name}_PORT`, url)
      into.set(prefix, url)
      into.set(`${prefix}_PROTO`, protocol.toLowerCase())
      into.set(`${prefix}_PORT`, String(port.port))
      into.set(`${prefix}_ADDR`, ip)
    })
  }
}

export function makeEnvironment(pod: Pod, container: Container, source: ObjectSource, facts: PodFacts): Map<string, string> {
  const namespace = pod.metadata.namespace ?? 'default'
  const links = new Map<string, string>()
  const master = source.services('default').filter((s) => s.metadata.name === 'kubernetes')
  serviceVariables(pod.spec.enableServiceLinks === false ? master : [...master.filter(() => namespace !== 'default'), ...source.services(namespace)], links)
  const out = new Map<string, string>()
  for (const from of container.envFrom ?? []) {
    const reference = from.configMapRef ?? from.secretRef
    const name = reference?.name ?? ''
    const data = from.configMapRef ? source.configMap(namespace, name)?.data : from.secretRef ? decoded(source.secret(namespace, name)) : undefined
    const exists = from.configMapRef ? source.configMap(namespace, name) : source.secret(namespace, name)
    if (!exists) {
      if (reference?.optional) continue
      throw new ConfigError(`${from.configMapRef ? 'configmap' : 'secret'} "${name}" not found`)
    }
    for (const [key, value] of Object.entries(data ?? {})) out.set(`${from.prefix ?? ''}${key}`, value)
  }
  const scratch = new Map<string, string>()
  const lookup = (name: string) => scratch.get(name) ?? links.get(name) ?? out.get(name)
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, pod, container, source, facts, lookup)
    if (value === undefined) continue
    scratch.set(variable.name, value)
    out.set(variable.name, value)
  }
  for (const [name, value] of links) if (!out.has(name)) out.set(name, value)
  return out
}

function decoded(secret: Secret | undefined): Record<string, string> | undefined {
  if (!secret) return undefined
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([k, v]) => [k, (fromBase64(v) ?? '')]))
}

function valueOf(variable: EnvVar, pod: Pod, container: Container, source: ObjectSource, facts: PodFacts, lookup: (name: string) => string | undefined): string | undefined {
  const from = variable.valueFrom
  if (!from) return expand(variable.value ?? '', lookup)
  const namespace = pod.metadata.namespace ?? 'default'
  if (from.fieldRef) return fieldValue(pod, from.fieldRef.fieldPath, facts)
  if (from.resourceFieldRef) return resourceValue(pod, container, from.resourceFieldRef, facts)
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef
    const map = source.configMap(namespace, name)
    if (!map && !optional) throw new ConfigError(`configmap "${name}" not found`)
    const value = map?.data?.[key]
    if (value === undefined && !optional) throw new ConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
    return value
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef
    const secret = source.secret(namespace, name)
    if (!secret && !optional) throw new ConfigError(`secret "${name}" not found`)
    const value = secret?.data?.[key]
    if (value === undefined && !optional) throw new ConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`)
    return value === undefined ? undefined : (fromBase64(value) ?? '')
  }
  return ''
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join('\n')
}

export function fieldValue(pod: Pod, path: string, facts: PodFacts): string {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (subscript) return (subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations)?.[subscript[2]!] ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(pod.metadata.labels)
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP
    default:
      return ''
  }
}

export function resourceValue(pod: Pod, container: Container, ref: { readonly containerName?: string; readonly resource: string; readonly divisor?: string }, facts: PodFacts): string {
  const target = ref.containerName ? ([...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((c) => c.name === ref.containerName) ?? container) : container
  const [kind, ...rest] = ref.resource.split('.')
  const name = rest.join('.')
  const list = kind === 'limits' ? { ...facts.allocatable, ...target.resources?.limits } : (target.resources?.requests ?? {})
  const quantity = parseQuantity(list[name] ?? '0')
  const divisor = parseQuantity(ref.divisor && ref.divisor !== '0' ? ref.divisor : '1')
  if (!quantity || !divisor) return '0'
  const up = (a: bigint, b: bigint) => String(b === 0n ? 0n : (a + b - 1n) / b)
  return name === 'cpu' ? up(quantityMilliValue(quantity), quantityMilliValue(divisor)) : up(quantityValue(quantity), quantityValue(divisor))
}
