/** All directives that CoreDNS 1.13 knows, in the order of its plugin list; those with a setup are modelled, the others are passed over with a warning. */
import type { Setup } from './plugin.ts'
import { acl, errors, health, loadbalance, local, log, minimal, ready, whoami } from './plugins/basic.ts'
import { cache } from './plugins/cache.ts'
import { autopath, k8sExternal } from './plugins/external.ts'
import { file, header } from './plugins/file.ts'
import { forward } from './plugins/forward.ts'
import { hosts } from './plugins/hosts.ts'
import { kubernetes } from './plugins/kubernetes.ts'
import { bind, loop, reload } from './plugins/life.ts'
import { rewrite, template } from './plugins/rewrite.ts'

const nothing: Setup = () => undefined

/** Directive → setup; undefined: not modelled. Order is the order in which handlers are asked. */
export const directives: ReadonlyMap<string, Setup | undefined> = new Map<string, Setup | undefined>([
  ['root', nothing], ['metadata', nothing], ['geoip', undefined], ['cancel', nothing], ['tls', undefined], ['quic', undefined], ['grpc_server', undefined], ['https', undefined], ['https3', undefined],
  ['timeouts', nothing], ['multisocket', nothing], ['reload', reload], ['nsid', undefined], ['bufsize', nothing], ['bind', bind], ['debug', nothing], ['trace', undefined], ['ready', ready], ['health', health],
  ['pprof', nothing], ['prometheus', nothing], ['errors', errors], ['log', log], ['dnstap', undefined], ['local', local], ['dns64', undefined], ['acl', acl], ['any', nothing], ['chaos', undefined],
  ['loadbalance', loadbalance], ['tsig', undefined], ['cache', cache], ['rewrite', rewrite], ['header', header], ['dnssec', undefined], ['autopath', autopath], ['minimal', minimal], ['template', template],
  ['transfer', undefined], ['hosts', hosts], ['route53', undefined], ['azure', undefined], ['clouddns', undefined], ['k8s_external', k8sExternal], ['kubernetes', kubernetes], ['file', file], ['auto', undefined],
  ['secondary', undefined], ['etcd', undefined], ['loop', loop], ['forward', forward], ['grpc', undefined], ['erratic', undefined], ['whoami', whoami], ['on', undefined], ['sign', undefined], ['view', undefined], ['nomad', undefined],
])
