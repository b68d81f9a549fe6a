import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import { FileTree } from '#engine/machine/tree.ts'
import { MountNamespace, View } from '#engine/machine/vfs.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import { calicoInterface } from './calico.ts'
import { loadNetwork } from './conf.ts'
import { goJsonError } from './go-json.ts'
import { binaryText } from './plugins.ts'
import { cniAdd, cniDel, networkProblem } from './runtime.ts'
import type { CniOutcome, SandboxRequest } from './runtime.ts'
import type { Machine } from '#engine/machine/machine.ts'

function node(conf: Readonly<Record<string, string>>, binaries = ['bridge', 'calico', 'flannel', 'host-local', 'loopback', 'portmap']) {
  const sim = new Sim({ seed: 'cni', start: 0 })
  const network = new SimNetwork(sim)
  const net = network.createNamespace('node', { node: 'node' })
  net.setLink('lo', { up: true })
  net.addLink('eth0', { kind: 'dummy' })
  net.setLink('eth0', { up: true })
  net.addAddress('eth0', '172.20.0.3/24')
  const namespace = new MountNamespace(new FileTree())
  const fs = new View({ namespace: () => namespace, credentials: () => ({ uid: 0, gid: 0, groups: [] }), cwd: () => '/', umask: () => 0o022, now: () => 0, pid: () => 1 })
  fs.mkdir('/etc/cni/net.d', { parents: true })
  fs.mkdir('/opt/cni/bin', { parents: true })
  for (const b of binaries) fs.writeFile(`/opt/cni/bin/${b}`, binaryText, { mode: 0o755 })
  for (const [name, text] of Object.entries(conf)) fs.writeFile(`/etc/cni/net.d/${name}`, text)
  const machine = { sim: { random: new Random('x'), now: 0 }, network, net, fs, namedNamespaces: new Map() } as unknown as Machine
  const request = (pod: string, more: Partial<SandboxRequest> = {}): SandboxRequest => {
    const name = `cni-${pod}`
    if (!machine.namedNamespaces.has(name)) machine.namedNamespaces.set(name, network.createNamespace(pod, { node: 'node' }))
    return { machine, netns: name, containerId: `id-${pod}`, podNamespace: 'default', podName: pod, podUid: 'u', ...more }
  }
  const add = (pod: string, more: Partial<SandboxRequest> = {}): CniOutcome => {
    let outcome: CniOutcome | undefined
    cniAdd(request(pod, more), (o) => (outcome = o))
    return outcome!
  }
  return { machine, net, fs, add, remove: (pod: string) => cniDel(request(pod), (e) => expect(e).toBeUndefined()), space: (pod: string) => machine.namedNamespaces.get(`cni-${pod}`)! }
}

const bridge = JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge', bridge: 'br7', isGateway: true, ipMasq: true, ipam: { type: 'host-local', subnet: '10.7.0.0/24', routes: [{ dst: '0.0.0.0/0' }] } }, { type: 'portmap', capabilities: { portMappings: true } }] })

test('a bridge network connects sandboxes, and all of it goes again', () => {
  const n = node({ '10-pods.conflist': bridge })
  expect(n.add('pear', { portMappings: [{ hostPort: 8088, containerPort: 80, protocol: 'TCP' }] })).toMatchObject({ ok: true, ip: '10.7.0.2' })
  expect(n.add('plum')).toMatchObject({ ok: true, ip: '10.7.0.3' })
  expect(n.net.links.get('br7')!.addresses.map((a) => `${a.address}/${a.length}`)).toEqual(['10.7.0.1/24'])
  expect(n.space('pear').routes().map((r) => `${r.to} ${r.via ?? ''}`)).toEqual(['default 10.7.0.1', '10.7.0.0/24 '])
  expect(n.net.netfilter.save('nat').split('\n').filter((l) => l.includes('8088')).map((l) => l.replace(/CNI-DN-\w+/g, 'DN'))).toEqual([
    '-A DN -s 10.7.0.0/24 -p tcp -m tcp --dport 8088 -j CNI-HOSTPORT-SETMARK',
    '-A DN -s 127.0.0.1/32 -p tcp -m tcp --dport 8088 -j CNI-HOSTPORT-SETMARK',
    '-A DN -p tcp -m tcp --dport 8088 -j DNAT --to-destination 10.7.0.2:80',
    '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"pods\\" id: \\"id-pear\\"" -m multiport --dports 8088 -j DN',
  ])
  n.remove('pear')
  n.remove('plum')
  expect(n.net.netfilter.save('nat').split('\n').filter((l) => l.startsWith('-A') && !l.includes('HOSTPORT'))).toEqual([])
  expect(n.fs.readDir('/var/lib/cni/networks/pods')).toEqual(['last_reserved_ip.0', 'lock'])
  expect([...n.net.links.keys()]).toEqual(['lo', 'eth0', 'br7'])
})

test('calico routes each pod, with proxy ARP instead of a gateway', () => {
  const n = node({ '10-canal.conflist': JSON.stringify({ cniVersion: '0.3.1', name: 'k8s-pod-network', plugins: [{ type: 'calico', mtu: 1450, ipam: { type: 'host-local', subnet: 'usePodCidr' } }] }) })
  const noted: unknown[] = []
  expect(n.add('pear', { podCidr: () => '10.8.4.0/24', annotatePod: (...args) => void noted.push(args) })).toMatchObject({ ok: true, ip: '10.8.4.2' })
  const device = calicoInterface('default', 'pear')
  expect(n.net.links.get(device)).toMatchObject({ mac: 'ee:ee:ee:ee:ee:ee', mtu: 1450, up: true })
  expect(n.net.routes().filter((r) => r.device === device).map((r) => `${r.to} ${r.scope}`)).toEqual(['10.8.4.2 link'])
  expect(n.net.sysctl(`net.ipv4.conf.${device}.proxy_arp`)).toBe('1')
  expect(n.space('pear').routes().map((r) => `${r.to} ${r.via ?? ''}`.trim())).toEqual(['default 169.254.1.1', '169.254.1.1'])
  expect(noted).toEqual([['default', 'pear', { 'cni.projectcalico.org/containerID': 'id-pear', 'cni.projectcalico.org/podIP': '10.8.4.2/32', 'cni.projectcalico.org/podIPs': '10.8.4.2/32' }]])
  expect(n.add('plum', { apiError: () => 'Get "https://10.96.0.1:443/": dial tcp 10.96.0.1:443: connect: connection refused' })).toEqual({
    ok: false, error: 'plugin type="calico" failed (add): error getting ClusterInformation: Get "https://10.96.0.1:443/": dial tcp 10.96.0.1:443: connect: connection refused',
  })
})

test('what learners break, in the words of the runtime', () => {
  const error = (conf: Readonly<Record<string, string>>, binaries?: string[]) => (node(conf, binaries).add('pear') as { error?: string }).error
  expect(networkProblem(node({}).machine)).toBe('cni plugin not initialized')
  expect(networkProblem(node({ '10-pods.conflist': bridge }).machine)).toBeUndefined()
  expect(error({ '10-pods.conflist': bridge }, ['bridge', 'host-local'])).toBe('plugin type="loopback" failed (add): failed to find plugin "loopback" in path [/opt/cni/bin]')
  expect(error({ '10-pods.conflist': bridge.replace('"bridge"', '"brigde"') })).toBe('plugin type="brigde" failed (add): failed to find plugin "brigde" in path [/opt/cni/bin]')
  expect(error({ '10-pods.conflist': bridge.replace('10.7.0.0/24', '10.7.0.300/24') })).toBe('plugin type="bridge" failed (add): invalid CIDR address: 10.7.0.300/24')
  expect(error({ '10-flannel.conflist': JSON.stringify({ cniVersion: '0.3.1', name: 'cbr0', plugins: [{ type: 'flannel' }] }) })).toBe('plugin type="flannel" failed (add): open /run/flannel/subnet.env: no such file or directory')
  expect(loadNetwork(node({ '05-a.conflist': '{"name": "x",', '10-pods.conflist': bridge }).fs)).toEqual({ error: 'failed to load CNI config list file /etc/cni/net.d/05-a.conflist: error parsing configuration list: unexpected end of JSON input: invalid cni config' })
})

test('after a failed attempt the next address is given, not the same', () => {
  const n = node({ '10-pods.conflist': bridge })
  n.net.addLink('br7', { kind: 'bridge' })
  n.net.addAddress('br7', '10.9.0.1/24')
  expect(n.add('pear')).toEqual({ ok: false, error: 'plugin type="bridge" failed (add): failed to set bridge addr: "br7" already has an IP address different from 10.7.0.1/24' })
  n.net.deleteAddress('br7', '10.9.0.1/24')
  expect(n.add('plum')).toMatchObject({ ok: true, ip: '10.7.0.3' })
})

test('JSON mistakes are worded as in Go', () => {
  expect(['{', '{"a" 1}', '[1,]', 'nope', '{"a": tru}', '01', '{"a":1}x'].map((t) => goJsonError(t).error)).toEqual([
    'unexpected end of JSON input', "invalid character '1' after object key", "invalid character ']' looking for beginning of value", "invalid character 'o' in literal null (expecting 'u')",
    "invalid character '}' in literal true (expecting 'e')", "invalid character '1' after top-level value", "invalid character 'x' after top-level value",
  ])
})

test('the firewall plugin lets the addresses of a chain be forwarded, and keeps bridges apart', () => {
  const chain = (policy?: string) => JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge', bridge: 'br7', isGateway: true, ipam: { type: 'host-local', subnet: '10.7.0.0/24' } }, { type: 'firewall', ...(policy !== undefined && { ingressPolicy: policy }) }] })
  const n = node({ '10-pods.conflist': chain('same-bridge') }, ['bridge', 'firewall', 'host-local', 'loopback'])
  expect(n.add('pear')).toMatchObject({ ok: true })
  const rules = () => n.net.netfilter.save('filter').split('\n').filter((l) => l.startsWith('-A')).map((l) => l.replace(/-m comment --comment "CNI firewall plugin ([^"]*)" /, '<$1> '))
  expect(rules()).toEqual([
    '-A FORWARD <rules (ingressPolicy: same-bridge|isolated)> -j CNI-ISOLATION-STAGE-1',
    '-A FORWARD <rules> -j CNI-FORWARD',
    '-A CNI-FORWARD <admin overrides> -j CNI-ADMIN',
    '-A CNI-FORWARD -d 10.7.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A CNI-FORWARD -s 10.7.0.2/32 -j ACCEPT',
    '-A CNI-ISOLATION-STAGE-1 -i br7 ! -o br7 <rules (ingressPolicy: same-bridge)> -j CNI-ISOLATION-STAGE-2',
    '-A CNI-ISOLATION-STAGE-1 <rules (ingressPolicy: same-bridge|isolated)> -j RETURN',
    '-A CNI-ISOLATION-STAGE-2 -o br7 <rules (ingressPolicy: same-bridge|isolated)> -j DROP',
    '-A CNI-ISOLATION-STAGE-2 <rules (ingressPolicy: same-bridge|isolated)> -j RETURN',
  ])
  n.remove('pear')
  expect(rules().filter((l) => l.includes('10.7.0.2'))).toEqual([])
  expect(node({ '10-pods.conflist': chain('closed') }, ['bridge', 'firewall', 'host-local', 'loopback']).add('pear')).toMatchObject({ ok: false, error: expect.stringContaining('unknown ingress policy: "closed"') })
})

test('the host-device plugin moves a device into the sandbox and gives it back under its name', () => {
  const n = node({ '10-hd.conflist': JSON.stringify({ cniVersion: '1.0.0', name: 'hd', plugins: [{ type: 'host-device', device: 'eth0', ipam: { type: 'host-local', subnet: '10.66.0.0/24' } }] }) }, ['host-device', 'host-local', 'loopback'])
  expect(n.add('pear')).toMatchObject({ ok: true, ip: '10.66.0.2' })
  expect([[...n.net.links.keys()], [...n.space('pear').links.keys()]]).toEqual([['lo'], ['lo', 'eth0']])
  expect(n.add('plum')).toMatchObject({ ok: false, error: expect.stringContaining('failed to find host device: Link not found') })
  n.remove('pear')
  expect([n.net.links.get('eth0')!.up, n.space('pear').links.has('eth0')]).toEqual([false, false])
})
