import { expect, test } from 'vitest'
import type { EndpointSlice, SliceEndpoint } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { categorizeEndpoints, endpointsOf } from '../endpoints.ts'
import { servicePorts } from '../service-ports.ts'
import { cidrDetector } from '../local-detector.ts'
import { restoreText } from './restore-text.ts'
import { serviceRules } from './rules.ts'

const options = { masqueradeAll: false, detector: cidrDetector('10.8.0.0/16'), localhostNodePorts: true, nfacct: false, nodeIp: '172.20.0.3' }

function rules(spec: Partial<Service['spec']>, endpoints: SliceEndpoint[], status?: Service['status']) {
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'pear', namespace: 'fruit' }, spec: { clusterIP: '10.96.7.7', ports: [{ port: 80, protocol: 'TCP' }], ...spec }, ...(status && { status }) }
  const slice: EndpointSlice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'pear-1' }, addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol: 'TCP' }], endpoints }
  const [port] = servicePorts(service)
  return serviceRules(port!, categorizeEndpoints(endpointsOf(port!, [slice], 'here'), port!, { name: 'here', zone: '' }), options)
}

const at = (ip: string, nodeName = 'here', conditions?: SliceEndpoint['conditions']): SliceEndpoint => ({ addresses: [ip], nodeName, ...(conditions && { conditions }) })

test('three backends share by probability, each chain masquerades its own hairpin', () => {
  const made = rules({}, [at('10.8.1.3'), at('10.8.1.2'), at('10.8.2.2', 'there')])
  expect(made.natServices).toEqual(['-m comment --comment "fruit/pear cluster IP" -m tcp -p tcp -d 10.96.7.7 --dport 80 -j KUBE-SVC-B664ZNUK562YDDCK'])
  const [service, ...endpoints] = [...made.chains]
  expect(service![1].map((r) => r.replace(/KUBE-SEP-\w+/, 'SEP'))).toEqual([
    '-m comment --comment "fruit/pear cluster IP" -m tcp -p tcp -d 10.96.7.7 --dport 80 ! -s 10.8.0.0/16 -j KUBE-MARK-MASQ',
    '-m comment --comment "fruit/pear -> 10.8.1.2:8080" -m statistic --mode random --probability 0.3333333333 -j SEP',
    '-m comment --comment "fruit/pear -> 10.8.1.3:8080" -m statistic --mode random --probability 0.5000000000 -j SEP',
    '-m comment --comment "fruit/pear -> 10.8.2.2:8080" -j SEP',
  ])
  expect(endpoints.map(([, r]) => r)).toEqual(['10.8.1.2', '10.8.1.3', '10.8.2.2'].map((ip) => [
    `-m comment --comment fruit/pear -s ${ip} -j KUBE-MARK-MASQ`,
    `-m comment --comment fruit/pear -m tcp -p tcp -j DNAT --to-destination ${ip}:8080`,
  ]))
})

test('without endpoints the cluster IP refuses; without local ones a Local node port drops outside traffic but keeps the short cuts', () => {
  expect(rules({}, []).filterServices).toEqual(['-m comment --comment "fruit/pear has no endpoints" -m tcp -p tcp -d 10.96.7.7 --dport 80 -j REJECT'])
  const made = rules({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30123 }] }, [at('10.8.2.2', 'there')])
  expect(made.filterExternal).toEqual(['-m comment --comment "fruit/pear has no local endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30123 -j DROP'])
  expect(made.chains.get('KUBE-EXT-B664ZNUK562YDDCK')).toEqual([
    '-m comment --comment "pod traffic for fruit/pear external destinations" -s 10.8.0.0/16 -j KUBE-SVC-B664ZNUK562YDDCK',
    '-m comment --comment "masquerade LOCAL traffic for fruit/pear external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
    '-m comment --comment "route LOCAL traffic for fruit/pear external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-B664ZNUK562YDDCK',
  ])
})

test('source ranges put a firewall chain before the external one', () => {
  const made = rules({ type: 'LoadBalancer', loadBalancerSourceRanges: ['198.51.100.0/25', '172.20.0.0/16'] }, [at('10.8.1.2')], { loadBalancer: { ingress: [{ ip: '192.0.2.9' }, { ip: '192.0.2.10', ipMode: 'Proxy' }, { hostname: 'lb.example' }] } })
  expect(made.filterFirewall).toEqual(['-m comment --comment "fruit/pear traffic not accepted by KUBE-FW-B664ZNUK562YDDCK" -m tcp -p tcp -d 192.0.2.9 --dport 80 -j DROP'])
  expect(made.chains.get('KUBE-FW-B664ZNUK562YDDCK')).toEqual([
    '-m comment --comment "fruit/pear loadbalancer IP" -s 198.51.100.0/25 -j KUBE-EXT-B664ZNUK562YDDCK',
    '-m comment --comment "fruit/pear loadbalancer IP" -s 172.20.0.0/16 -j KUBE-EXT-B664ZNUK562YDDCK',
    '-m comment --comment "fruit/pear loadbalancer IP" -s 192.0.2.9 -j KUBE-EXT-B664ZNUK562YDDCK',
    '-m comment --comment "other traffic to fruit/pear will be dropped by KUBE-PROXY-FIREWALL"',
  ])
})

test('a terminating pod serves only while no other is ready', () => {
  const dying = { ready: false, serving: true, terminating: true }
  expect([...rules({}, [at('10.8.1.2', 'here', dying), at('10.8.1.3')]).chains.keys()].length).toBe(2)
  expect(rules({}, [at('10.8.1.2', 'here', dying), at('10.8.1.3', 'here', { ready: false })]).natServices.length).toBe(1)
})

test('a partial sync writes the shared chains and the changed services only', () => {
  const [a, b] = [rules({}, [at('10.8.1.2')]), rules({ clusterIP: '10.96.7.8' }, [at('10.8.1.2')])]
  const text = restoreText({ services: [a, b], changed: [], stale: ['KUBE-SEP-OLD'] }, { ...options, masqueradeBit: 14, randomFully: true, conntrackLiberal: true, nodePortIps: undefined })
  expect(text.split('\n').filter((l) => /KUBE-SEP|^:KUBE-SVC/.test(l))).toEqual([':KUBE-SEP-OLD - [0:0]', '-X KUBE-SEP-OLD'])
  expect(text.split('\n').filter((l) => l.startsWith('-A KUBE-SERVICES')).length).toBe(3)
})
