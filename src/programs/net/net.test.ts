import { expect, test } from 'vitest'
import { decodeDns, dnsReply, encodeDns, rcode } from '#base/dns.ts'
import { encodeResponse, HttpReader } from '#base/http.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { netPrograms } from '#programs/net/table.ts'
import { createBash } from '#shell/bash.ts'

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...netPrograms, ['bash', bash]])

/** red 10.0.0.1 – 10.0.0.2 blue; blue answers HTTP on 80 and names on 53. */
async function lab() {
  const sim = new Sim({ seed: 'net', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const network = new SimNetwork(sim)
  const names = ['red', 'blue']
  const nets = names.map((n) => network.createNamespace(n))
  nets[0]!.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: nets[1]!, mac: '02:00:00:00:00:02' } }, { mac: '02:00:00:00:00:01' })
  nets.forEach((net, i) => {
    for (const d of ['lo', 'eth0']) net.setLink(d, { up: true })
    net.addAddress('eth0', `10.0.0.${i + 1}/24`)
  })
  const hosts = names.map((hostname, i) => new Host({
    sim, network, hostname, net: nets[i]!, programs,
    files: (tree) => {
      tree.file('/etc/hosts', '127.0.0.1 localhost\n').file('/etc/resolv.conf', 'nameserver 10.0.0.2\nsearch shop.local\noptions ndots:2\n')
    },
  }))
  hosts[1]!.start({ argv: ['web'], program: async (p) => {
    const door = p.sockets.listen('0.0.0.0', 80)
    for (;;) {
      const connection = await door.accept()
      const message = await new HttpReader(() => connection.read(), 'request').message()
      const path = message && 'head' in message && message.head.kind === 'request' ? message.head.target : ''
      await connection.write(path === '/old' ? encodeResponse({ status: 302, headers: { Location: '/new' }, body: '' }) : encodeResponse({ status: path === '/none' ? 404 : 200, headers: { 'Content-Type': 'text/plain' }, body: `you asked ${path}\n` }))
      connection.close()
    }
  } })
  hosts[1]!.start({ argv: ['names'], program: async (p) => {
    const socket = p.sockets.udp({ host: '0.0.0.0', port: 53 })
    for (;;) {
      const got = (await socket.receive())!
      const query = decodeDns(got.data)!
      const q = query.questions[0]!
      const known = q.name === 'web.shop.local.'
      await socket.send(encodeDns(dnsReply(query, { authoritative: true, rcode: known ? rcode.noError : rcode.nxDomain, answers: known && q.type === 'A' ? [{ name: q.name, type: 'A', class: 'IN', ttl: 5, data: '10.0.0.2' }] : [] })), got.from)
    }
  } })
  await runner.runFor(10)
  return async (command: string) => {
    let out = ''
    const write = (text: string) => {
      out += text
    }
    const child = hosts[0]!.start({ argv: ['bash', '-c', command], cwd: '/', env: { PATH: '/usr/sbin:/usr/bin', HOME: '/root', LANG: 'C' }, background: false, output: { stdin: '', stdout: write, stderr: write } })
    await runner.runWhile(() => child.status === undefined, 300_000)
    return `${out}[${child.status?.code}]`
  }
}

test('ip shows and changes devices, addresses and routes', async () => {
  const run = await lab()
  expect(await run('ip addr show dev eth0')).toBe('2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n    inet 10.0.0.1/24 scope global eth0\n       valid_lft forever preferred_lft forever\n[0]')
  expect(await run('ip route add 10.9.0.0/16 via 10.0.0.2 && ip r && ip route get 10.9.1.1')).toBe('10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n10.9.0.0/16 via 10.0.0.2 dev eth0 \n10.9.1.1 via 10.0.0.2 dev eth0 src 10.0.0.1 uid 0 \n    cache \n[0]')
  expect(await run('ip route add default via 192.0.2.1')).toBe('Error: Nexthop has invalid gateway.\n[2]')
  expect(await run('ip link set nosuch up; ip addr add 10.0.0.300/24 dev eth0; ip lnk')).toBe('Cannot find device "nosuch"\nError: any valid prefix is expected rather than "10.0.0.300/24".\nObject "lnk" is unknown, try "ip help".\n[1]')
  expect(await run('ip -j -p route show default; ip netns add x; ip -n x -br link; ip netns')).toBe('[ ]\nlo               DOWN           00:00:00:00:00:00 <LOOPBACK> \nx\n[0]')
})

test('ping tells of replies, of silence and of mistakes', async () => {
  const run = await lab()
  const times = (text: string) => text.replace(/time=[\d.]+/, 'time=T').replace(/time \d+ms/, 'time Tms').replace(/= [\d./]+ ms/, '= T ms')
  expect(times(await run('ping -c 1 10.0.0.2'))).toBe('PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=T ms\n\n--- 10.0.0.2 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time Tms\nrtt min/avg/max/mdev = T ms\n[0]')
  expect(times(await run('ping -c 1 -W 1 10.0.0.9'))).toBe('PING 10.0.0.9 (10.0.0.9) 56(84) bytes of data.\n\n--- 10.0.0.9 ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss, time Tms\n\n[1]')
  expect(await run('ping -c 1 192.0.2.1; ping -c x 10.0.0.2; ping -c 1 nosuch')).toBe("ping: connect: Network is unreachable\nping: invalid argument: 'x'\nping: nosuch: Name or service not known\n[2]")
})

test('curl and wget fetch, follow, fail and say why', async () => {
  const run = await lab()
  expect(await run('curl -s web/a; curl -sL -w "%{http_code} %{url_effective}\\n" http://web/old')).toBe('you asked /a\nyou asked /new\n200 http://web/new\n[0]')
  expect(await run('curl -sSf http://web/none; echo $?')).toBe('curl: (22) The requested URL returned error: 404\n22\n[0]')
  expect((await run('curl -sS http://web:81/')).replace(/after \d+ ms/, 'after T ms')).toBe("curl: (7) Failed to connect to web port 81 after T ms: Couldn't connect to server\n[7]")
  expect(await run('curl -sS http://nosuch/; curl -sS bogus://x/; curl')).toBe('curl: (6) Could not resolve host: nosuch\ncurl: (1) Protocol "bogus" not supported or disabled in libcurl\ncurl: try \'curl --help\' or \'curl --manual\' for more information\n[2]')
  expect(await run('curl -skS https://web:80/')).toBe('curl: (35) OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number\n[35]')
  expect(await run('wget -qO- http://web/b; wget -O - -t 1 http://nosuch/')).toMatch(/^you asked \/b\n--2026-01-15 10:00:\d\d--  http:\/\/nosuch\/\nResolving nosuch \(nosuch\)\.\.\. failed: Name or service not known\.\nwget: unable to resolve host address 'nosuch'\n\[4\]$/)
})

test('names are asked as the search list says', async () => {
  const run = await lab()
  expect(await run('dig +short web.shop.local; getent hosts web; nslookup web; host nosuch')).toBe(
    '10.0.0.2\n10.0.0.2        web.shop.local\n;; Got recursion not available from 10.0.0.2\nServer:\t\t10.0.0.2\nAddress:\t10.0.0.2#53\n\nName:\tweb.shop.local\nAddress: 10.0.0.2\n;; Got recursion not available from 10.0.0.2\n\nHost nosuch not found: 3(NXDOMAIN)\n[1]')
})

test('iptables lists what was added and refuses in its own words', async () => {
  const run = await lab()
  expect(await run('iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -P FORWARD DROP; iptables -nL INPUT; iptables -S; iptables -A INPUT -j NOSUCH')).toBe(
    "Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination         \nACCEPT     6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:22\n-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\niptables v1.8.9 (nf_tables): Chain 'NOSUCH' does not exist\nTry `iptables -h' or 'iptables --help' for more information.\n[2]")
})

test('nft shows the same rules in its own words', async () => {
  const run = await lab()
  expect(await run('iptables -t nat -A PREROUTING -d 10.96.0.1 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.5:6443; iptables -A FORWARD ! -o eth+ -p udp -j DROP; nft list ruleset')).toBe(
    '# Warning: table ip nat is managed by iptables-nft, do not touch!\ntable ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\toifname != "eth*" meta l4proto udp counter packets 0 bytes 0 drop\n\t}\n}\ntable ip nat {\n\tchain PREROUTING {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tip daddr 10.96.0.1 tcp dport 443 counter packets 0 bytes 0 dnat to 10.0.0.5:6443\n\t}\n}\n[0]')
})

test('nft changes what iptables made where both have words for it', async () => {
  const run = await lab()
  expect(await run("iptables -A INPUT -p tcp --dport 80 -j DROP; nft insert rule ip filter INPUT ip saddr 10.0.0.0/8 tcp dport '{ 22, 23 }' accept; nft -a list chain ip filter INPUT; nft delete rule ip filter INPUT handle 2; nft delete rule ip filter INPUT handle 9; iptables -S INPUT")).toBe(
    'table ip filter {\n\tchain INPUT { # handle 1\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr 10.0.0.0/8 tcp dport { 22, 23 } counter packets 0 bytes 0 accept # handle 3\n\t\ttcp dport 80 counter packets 0 bytes 0 drop # handle 2\n\t}\n}\nError: Could not process rule: No such file or directory\ndelete rule ip filter INPUT handle 9\n                                   ^\n-P INPUT ACCEPT\n-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 22,23 -j ACCEPT\n[0]')
})

test('nft of its own: files, options, and where it points in a file', async () => {
  const run = await lab()
  expect(await run("printf 'table ip t {\\n\\tchain c {\\n\\t\\ttcp dport foo\\n\\t}\\n}\\n' > x.nft; nft -f x.nft; nft add table ip t -a; nft -c add table ip t; nft list tables; nft add table ip t; nft list tables; nft add rule ip t x drop")).toBe(
    'x.nft:3:13-15: Error: Could not resolve service: Servname not supported for ai_socktype\n\t\ttcp dport foo\n\t\t          ^^^\nError: syntax error, options must be specified before commands\nnft add table ip t -a \n   ^               ~~\ntable ip t\nError: Could not process rule: No such file or directory\nadd rule ip t x drop\n              ^\n[1]')
})

test('nc, ss and tcpdump see the same connection', async () => {
  const run = await lab()
  expect(await run('nc -zv 10.0.0.2 80; nc -zv 10.0.0.2 81; nc -l 0.0.0.0 9000 & ss -tln; kill %1')).toBe('Connection to 10.0.0.2 80 port [tcp/http] succeeded!\nnc: connect to 10.0.0.2 port 81 (tcp) failed: Connection refused\nState  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\nLISTEN 0      4096         0.0.0.0:9000      0.0.0.0:*          \n[0]')
  expect(await run('tcpdump -nn -t -c 2 -i eth0 icmp 2>/dev/null & ping -qc 1 10.0.0.2 >/dev/null; wait')).toMatch(/^IP 10\.0\.0\.1 > 10\.0\.0\.2: ICMP echo request, id \d+, seq 1, length 64\nIP 10\.0\.0\.2 > 10\.0\.0\.1: ICMP echo reply, id \d+, seq 1, length 64\n\[0\]$/)
})

test('sysctl reads and writes the namespace', async () => {
  const run = await lab()
  expect(await run('sysctl -w net.ipv4.ip_forward=1; sysctl -n net.ipv4.ip_forward; echo 0 >/proc/sys/net/ipv4/ip_forward; sysctl net.ipv4.ip_forward; sysctl nosuch.key')).toBe('net.ipv4.ip_forward = 1\n1\nnet.ipv4.ip_forward = 0\nsysctl: cannot stat /proc/sys/nosuch/key: No such file or directory\n[1]')
})

test('sysctl counts keys that it cannot read, reads a file before it writes, and asks for names', async () => {
  const run = await lab()
  expect(await run('sysctl a b c')).toBe('sysctl: cannot stat /proc/sys/a: No such file or directory\nsysctl: cannot stat /proc/sys/b: No such file or directory\nsysctl: cannot stat /proc/sys/c: No such file or directory\n[3]')
  expect(await run("printf 'net.ipv4.ip_forward = 1\\nzzz\\n' > /tmp/f; sysctl -p /tmp/f")).toBe('sysctl: /tmp/f(2): invalid syntax, continuing...\nnet.ipv4.ip_forward = 1\n[0]')
  expect(await run('sysctl -w')).toBe("sysctl: no variables specified\nTry `sysctl --help' for more information.\n[1]")
})

test('iptables-save refuses what it does not know', async () => {
  const run = await lab()
  expect(await run('iptables-save -t; iptables-save -t filter foo; iptables-restore a b')).toBe("iptables-save: option requires an argument -- 't'\nLook at manual page `iptables-save.8' for more information.\nUnknown arguments found on commandline\nUnknown arguments found on commandline\n[1]")
})

test('ip tells mistakes in the words of iproute2', async () => {
  const run = await lab()
  expect(await run('ip link set eth0 mtu 1400 mtu 1300')).toBe('Error: duplicate "mtu": "1300" is the second value.\n[255]')
  expect((await run('ip link add br1 type bridge foo')).split('\n')[0]).toBe('bridge: unknown command "foo"?')
  expect(await run('ip link set eth0 promisc on alias uplink group 5; ip link show group 5')).toBe('2: eth0@if2: <BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group 5 qlen 1000\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n    alias uplink\n[0]')
  // The family is known once an address has told it.
  expect(await run('ip route add default via foo; ip route add 10.5.0.0/16 via foo')).toBe('Error: any valid address is expected rather than "foo".\nError: inet address is expected rather than "foo".\n[1]')
  expect(await run('ip route add 10.5.0.0/16 via 10.0.0.2 metric abc')).toBe('Error: argument "abc" is wrong: "metric" value is invalid\n\n[255]')
  expect(await run('ip rule add; ip rule add fwmark foo table 100')).toBe('"ip rule add" requires arguments.\nError: argument "foo" is wrong: fwmark value is invalid\n\n[255]')
  expect(await run('ip rule add prio 7 to 10.9.0.0/16 table 100; ip rule show table 100')).toBe('7:\tfrom all to 10.9.0.0/16 lookup 100\n[0]')
  // A rule's table is named by a beginning of `table`, or by the whole of `lookup`; types of routes by their beginnings.
  expect(await run('ip rule add fwmark 16 looku 100; ip rule add prefe 9 tab 100; ip rule add pri 10 unreach; ip rule')).toBe('Error: argument "looku" is wrong: Failed to parse rule type\n0:\tfrom all lookup local\n7:\tfrom all to 10.9.0.0/16 lookup 100\n9:\tfrom all lookup 100\n10:\tfrom all unreachable\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n[0]')
  expect((await run('ip route add dev eth0; ip route del')).split('\n').filter((l) => l.startsWith('Usage'))).toEqual(['Usage: ip route { list | flush } SELECTOR', 'Usage: ip route { list | flush } SELECTOR'])
  expect(await run('ip rule del pri 10; ip route add default via 10.0.0.2; ip route show all; ip -4 route show any; ip route show root default; ip route add unreach 10.8.0.0/16; ip route show 10.8.0.0/16')).toBe(
    'default via 10.0.0.2 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \ndefault via 10.0.0.2 dev eth0 \ndefault via 10.0.0.2 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \nunreachable 10.8.0.0/16 \n[0]')
  await run('ip route del default; ip route del unreach 10.8.0.0/16')
  expect(await run('ip route get default')).toBe('local 0.0.0.0 dev lo src 127.0.0.1 uid 0 \n    cache <local> \n[0]')
  expect(await run('ip neigh get 10.0.0.77 dev eth0')).toBe('Error: Neighbour entry not found.\n[2]')
  expect(await run('ip -c route')).toBe('\x1b[35m10.0.0.0/24 \x1b[0mdev \x1b[36meth0 \x1b[0mproto kernel scope link src \x1b[35m10.0.0.1 \x1b[0m\n[0]')
})

test('mistakes with ss, bridge, ipset, tc, ethtool, traceroute and tcpdump are told as the real programs tell them', async () => {
  const run = await lab()
  expect(await run('ss -ltn sport = :foo')).toBe('Error: "foo" does not look like a port.\nCannot parse dst/src address.\n[1]')
  expect(await run('bridge link set dev eth0 hairpin foo')).toBe('Error: argument of "hairpin" must be one of "off", "on", not "foo"\n[234]')
  expect(await run('bridge fdb add zz dev eth0')).toBe('Invalid mac address zz\n[255]')
  expect(await run('ipset add a')).toBe("ipset v7.17: Missing second mandatory argument to command add\nTry `ipset help' for more information.\n[2]")
  expect(await run('tc qdisc; tc qdisc add dev eth0 root netem delay 100ms')).toBe('qdisc noqueue 0: dev lo root refcnt 2 \nqdisc noqueue 0: dev eth0 root refcnt 2 \nError: Specified qdisc kind is unknown.\n[2]')
  expect((await run('ethtool -S eth0')).split('\n').slice(0, 2)).toEqual(['NIC statistics:', '     peer_ifindex: 2'])
  expect(await run('traceroute -m x 10.0.0.2; traceroute -q 0 10.0.0.2')).toBe("Cannot handle `-m' option with arg `x' (argc 2)\nno more than 10 probes per hop\n[2]")
  expect(await run('tcpdump -i eth0 port 99999')).toBe('tcpdump: illegal port number 99999 > 65535\n[1]')
  expect(await run("curl -sS '10.0.0.2/{a'")).toBe('curl: (3) unmatched brace in URL position 10:\n10.0.0.2/{a\n         ^\n[3]')
  expect(await run("curl -sS '10.0.0.2/[1-3]'")).toBe('you asked /1\nyou asked /2\nyou asked /3\n[0]')
})
