/** ConfigMaps that annotations and settings name: headers to add, parameters of FastCGI. */
import type { ClusterView } from './cluster-view.ts'
import type { Location } from './router.ts'

const qualified = (name: string, location: Location) => (name.includes('/') ? name : `${location.ingress?.metadata.namespace}/${name}`)

/** Of the annotation custom-headers; undefined where the ConfigMap is missing or names a header that is not allowed. */
export function customHeaders(view: ClusterView, location: Location): readonly (readonly [string, string])[] | undefined {
  const name = location.annotations['custom-headers']
  const data = name === undefined ? {} : view.configMapData(qualified(name, location))
  const allowed = new Set(view.settings.list('global-allowed-response-headers').map((h) => h.toLowerCase()))
  return data && Object.keys(data).every((k) => allowed.has(k.toLowerCase())) ? Object.entries(data) : undefined
}

/** Of the annotation fastcgi-params-configmap. */
export function fastCgiExtras(view: ClusterView, location: Location): Readonly<Record<string, string>> {
  const name = location.annotations['fastcgi-params-configmap']
  return name === undefined ? {} : (view.configMapData(qualified(name, location)) ?? {})
}

/** Of a setting of the controller's own ConfigMap. */
export function namedHeaders(view: ClusterView, setting: 'add-headers' | 'proxy-set-headers'): Readonly<Record<string, string>> | undefined {
  const name = view.settings.text(setting)
  return name === '' ? undefined : view.configMapData(name)
}
