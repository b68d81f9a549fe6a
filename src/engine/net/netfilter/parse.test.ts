import { describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { IptablesError } from '../error.ts'
import { SimNetwork } from '../network.ts'
import { parseCommand } from './parse.ts'
import { splitLine } from './restore.ts'

const fresh = () => new SimNetwork(new Sim({ seed: 1, start: 0 })).createNamespace('a')

function run(ns: ReturnType<typeof fresh>, line: string): string | undefined {
  try {
    ns.netfilter.apply(parseCommand(ns, words(line)))
    return undefined
  } catch (error) {
    if (error instanceof IptablesError) return `${error.exitCode} ${error.message}`
    throw error
  }
}

/** Shell words: quotes of both kinds. */
function words(line: string): string[] {
  return splitLine(line.replace(/'([^']*)'/g, (_, text: string) => `"${text.replace(/[\\"]/g, (c) => `\\${c}`)}"`))
}

/** What was typed, and what iptables 1.8.9 keeps of it. */
const canonical: readonly (readonly [typed: string, saved: string])[] = [
  ['-A INPUT -m comment --comment foo -p tcp --dport 80 -m mark --mark 1 -j ACCEPT', '-A INPUT -p tcp -m comment --comment foo -m tcp --dport 80 -m mark --mark 0x1 -j ACCEPT'],
  ['-A INPUT -m mark --mark 1 -m comment --comment x -p udp --sport 53 -j ACCEPT', '-A INPUT -p udp -m mark --mark 0x1 -m comment --comment x -m udp --sport 53 -j ACCEPT'],
  ['-A INPUT -j ACCEPT -p tcp --syn', '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT'],
  ['-A INPUT -j LOG --log-prefix "foo bar" -p icmp --icmp-type echo-request', '-A INPUT -p icmp -m icmp --icmp-type 8 -j LOG --log-prefix "foo bar"'],
  ['-A INPUT -p tcp --dport http --sport 1: ', '-A INPUT -p tcp -m tcp --sport 1:65535 --dport 80'],
  ['-A INPUT -p 17 -d 1.2.3.4/255.0.255.0', '-A INPUT -d 1.0.3.0/255.0.255.0 -p udp'],
  ['-A INPUT -m limit --limit 1/s --limit-burst 7 -m statistic --mode random --probability 0.333', '-A INPUT -m limit --limit 1/sec --limit-burst 7 -m statistic --mode random --probability 0.33300000010'],
  ['-A INPUT -s localhost -j ACCEPT', '-A INPUT -s 127.0.0.1/32 -j ACCEPT'],
  ['-A INPUT -p tcp --tcp-flags ALL NONE -j DROP', '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP'],
  ['-A INPUT -i + -p all -s 0/0 -j DROP', '-A INPUT -j DROP'],
  ['-A INPUT -p tcp -m multiport ! --ports 1:10,http -j DROP', '-A INPUT -p tcp -m multiport ! --ports 1:10,80 -j DROP'],
  ['-A INPUT -m recent --name KUBE --rcheck --seconds 10800 --reap --mask 255.255.255.255 --rsource -j DROP', '-A INPUT -m recent --rcheck --seconds 10800 --reap --name KUBE --mask 255.255.255.255 --rsource -j DROP'],
  ['-A INPUT -m recent --set --name foo', '-A INPUT -m recent --set --name foo --mask 255.255.255.255 --rsource'],
  ['-A INPUT -m length --length 100:200 -m ttl --ttl-lt 5 -m tos --tos 0x10', '-A INPUT -m length --length 100:200 -m ttl --ttl-lt 5 -m tos --tos 0x10/0xff'],
  ['-A INPUT -m conntrack --ctorigdst 1.2.3.4 --ctorigdstport 80 --ctproto tcp --ctdir ORIGINAL', '-A INPUT -m conntrack --ctproto 6 --ctorigdst 1.2.3.4 --ctorigdstport 80 --ctdir ORIGINAL'],
  ['-A INPUT -m connlimit --connlimit-above 3 --connlimit-mask 24 -j REJECT', '-A INPUT -m connlimit --connlimit-above 3 --connlimit-mask 24 --connlimit-saddr -j REJECT --reject-with icmp-port-unreachable'],
  ['-A OUTPUT -m owner --uid-owner root', '-A OUTPUT -m owner --uid-owner 0'],
  ['-t mangle -A PREROUTING -j CONNMARK --restore-mark --mask 0xff', '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff'],
  ['-t mangle -A PREROUTING -j CONNMARK --set-mark 5', '-A PREROUTING -j CONNMARK --set-xmark 0x5/0xffffffff'],
  ['-t mangle -A PREROUTING -j MARK --or-mark 5', '-A PREROUTING -j MARK --set-xmark 0x5/0x5'],
  ['-t mangle -A PREROUTING -j MARK --and-mark 5', '-A PREROUTING -j MARK --set-xmark 0x0/0xfffffffa'],
  ['-t mangle -A PREROUTING -j MARK --set-xmark 5/7', '-A PREROUTING -j MARK --set-xmark 0x5/0x7'],
  ['-t mangle -A PREROUTING -j MARK --set-mark 5/7', '-A PREROUTING -j MARK --set-xmark 0x5/0x7'],
  ['-t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu', '-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu'],
  ['-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400', '-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400'],
  ['-t mangle -A FORWARD -j TOS --set-tos 16', '-A FORWARD -j TOS --set-tos 0x10/0xff'],
  ['-t mangle -A FORWARD -j DSCP --set-dscp 10', '-A FORWARD -j DSCP --set-dscp 0x0a'],
  ['-t mangle -A FORWARD -j CLASSIFY --set-class 1:2', '-A FORWARD -j CLASSIFY --set-class 0001:0002'],
  ['-t nat -A PREROUTING -p tcp -j DNAT --to 1.1.1.1:80-90 --random', '-A PREROUTING -p tcp -j DNAT --to-destination 1.1.1.1:80-90 --random'],
  ['-t nat -A PREROUTING -p tcp -j REDIRECT --to-port 80', '-A PREROUTING -p tcp -j REDIRECT --to-ports 80'],
  ['-A INPUT -j NFLOG --nflog-group 5 --nflog-prefix x', '-A INPUT -j NFLOG --nflog-prefix x --nflog-group 5'],
  ['-A INPUT -j REJECT', '-A INPUT -j REJECT --reject-with icmp-port-unreachable'],
  ['-A INPUT -p tcp -j REJECT --reject-with tcp-rst', '-A INPUT -p tcp -j REJECT --reject-with tcp-reset'],
  ['-A INPUT -m conntrack --ctstate DNAT,NEW ! --ctstatus ASSURED', '-A INPUT -m conntrack --ctstate NEW,DNAT ! --ctstatus ASSURED'],
  ['-A INPUT -m hashlimit --hashlimit-above 10/sec --hashlimit-name x --hashlimit-mode srcip -j DROP', '-A INPUT -m hashlimit --hashlimit-above 10/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name x -j DROP'],
  ['-A INPUT -p icmp --icmp-type 3/1', '-A INPUT -p icmp -m icmp --icmp-type 3/1'],
  ['-A INPUT -p icmp --icmp-type any', '-A INPUT -p icmp -m icmp --icmp-type any'],
  ['-A INPUT -p sctp --dport 80', '-A INPUT -p sctp -m sctp --dport 80'],
  ["-A INPUT -m comment --comment 'quote \" and \\ and space'", '-A INPUT -m comment --comment "quote \\" and \\\\ and space"'],
  ['-A INPUT -j LOG --log-level debug --log-prefix "x: " --log-tcp-options --log-uid', '-A INPUT -j LOG --log-prefix "x: " --log-level 7 --log-tcp-options --log-uid'],
  ['-A INPUT -m tcp -p tcp --dport 80 -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT'],
  ['-A INPUT -p tcp ! --dport 80 ! --sport 1:5 -j ACCEPT', '-A INPUT -p tcp -m tcp ! --sport 1:5 ! --dport 80 -j ACCEPT'],
  ['-A INPUT -p tcp ! --syn -m state --state NEW -j DROP', '-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -j DROP'],
  ['-A INPUT -p udp -m udp --dport 53 -m comment --comment "x" -m limit --limit 10/minute --limit-burst 20 -j LOG', '-A INPUT -p udp -m udp --dport 53 -m comment --comment x -m limit --limit 10/min --limit-burst 20 -j LOG'],
  ['-A INPUT -m limit --limit 100/s -j ACCEPT', '-A INPUT -m limit --limit 100/sec -j ACCEPT'],
  ['-A INPUT -m limit --limit 30/minute -j ACCEPT', '-A INPUT -m limit --limit 30/min -j ACCEPT'],
  ['-A INPUT -m limit --limit 60/min -j ACCEPT', '-A INPUT -m limit --limit 1/sec -j ACCEPT'],
  ['-A INPUT -m limit --limit 120/min -j ACCEPT', '-A INPUT -m limit --limit 2/sec -j ACCEPT'],
  ['-A INPUT -m limit --limit 24/day -j ACCEPT', '-A INPUT -m limit --limit 1/hour -j ACCEPT'],
  ['-A INPUT -p icmp --icmp-type ping -j ACCEPT', '-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT'],
  ['-A INPUT -p icmp ! --icmp-type echo-reply -j ACCEPT', '-A INPUT -p icmp -m icmp ! --icmp-type 0 -j ACCEPT'],
  ['-A INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT', '-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT'],
  ['-A INPUT -p icmp --icmp-type time-exceeded -j ACCEPT', '-A INPUT -p icmp -m icmp --icmp-type 11 -j ACCEPT'],
  ['-A INPUT -p icmp --icmp-type 11/0 -j ACCEPT', '-A INPUT -p icmp -m icmp --icmp-type 11/0 -j ACCEPT'],
  ['-A INPUT -m mark --mark 10 -j RETURN', '-A INPUT -m mark --mark 0xa -j RETURN'],
  ['-A INPUT -s 10.0.0.0/255.255.0.0 -d 10.1.2.3 -j ACCEPT', '-A INPUT -s 10.0.0.0/16 -d 10.1.2.3/32 -j ACCEPT'],
  ['-A INPUT -s 10/8 -j ACCEPT', '-A INPUT -s 10.0.0.0/8 -j ACCEPT'],
  ['-A INPUT --source 1.2.3.4 --destination 5.6.7.8 --protocol tcp --destination-port 22 --jump ACCEPT', '-A INPUT -s 1.2.3.4/32 -d 5.6.7.8/32 -p tcp -m tcp --dport 22 -j ACCEPT'],
  ['-A INPUT --src 1.2.3.4 --dst 5.6.7.8 --proto udp --jump DROP', '-A INPUT -s 1.2.3.4/32 -d 5.6.7.8/32 -p udp -j DROP'],
  ['-A INPUT -p tcp -m multiport --destination-ports 80,443 -j ACCEPT', '-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT'],
  ['-A INPUT -m iprange --src-range 10.0.0.1 -j ACCEPT', '-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.1 -j ACCEPT'],
  ['-A INPUT -m dscp --dscp 10 -j ACCEPT', '-A INPUT -m dscp --dscp 0x0a -j ACCEPT'],
  ['-A INPUT -m dscp --dscp-class EF -j ACCEPT', '-A INPUT -m dscp --dscp 0x2e -j ACCEPT'],
  ['-A INPUT -m length ! --length 100:', '-A INPUT -m length ! --length 100:65535'],
  ['-A INPUT -m recent --update --seconds 60 --hitcount 4 --rttl --name SSH --rdest -j DROP', '-A INPUT -m recent --update --seconds 60 --hitcount 4 --rttl --name SSH --mask 255.255.255.255 --rdest -j DROP'],
  ['-A INPUT -m recent ! --rcheck --name SSH', '-A INPUT -m recent ! --rcheck --name SSH --mask 255.255.255.255 --rsource'],
  ['-A INPUT -m recent --remove', '-A INPUT -m recent --remove --name DEFAULT --mask 255.255.255.255 --rsource'],
  ['-A INPUT -m conntrack ! --ctproto udp', '-A INPUT -m conntrack ! --ctproto 17'],
  ['-A INPUT -m statistic --mode random ! --probability 0.5', '-A INPUT -m statistic --mode random ! --probability 0.50000000000'],
  ['-A INPUT -m statistic --mode random --probability 1', '-A INPUT -m statistic --mode random --probability 1.00000000000'],
  ['-A INPUT -m connlimit --connlimit-upto 5 --connlimit-daddr', '-A INPUT -m connlimit --connlimit-upto 5 --connlimit-mask 32 --connlimit-daddr'],
  ['-A INPUT -p tcp --syn -m connlimit --connlimit-above 20 -j REJECT', '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with icmp-port-unreachable'],
  ['-A INPUT -m tos --tos Minimize-Delay', '-A INPUT -m tos --tos 0x10/0x3f'],
  ["-A INPUT -m comment --comment \"it's\"", "-A INPUT -m comment --comment \"it\\'s\""],
  ['-A INPUT -j REJECT --reject-with host-prohib', '-A INPUT -j REJECT --reject-with icmp-host-prohibited'],
  ['-A INPUT -j LOG --log-level warning --log-ip-options', '-A INPUT -j LOG --log-ip-options'],
  ['-A INPUT -j LOG --log-prefix DROP:', '-A INPUT -j LOG --log-prefix "DROP:"'],
  ['-A OUTPUT -p tcp -m owner --uid-owner root -j ACCEPT', '-A OUTPUT -p tcp -m owner --uid-owner 0 -j ACCEPT'],
  ['-t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 8080-8090', '-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080-8090'],
  ['-t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 8080 --random', '-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080 --random'],
  ['-t mangle -A PREROUTING -j MARK --xor-mark 0x4000', '-A PREROUTING -j MARK --set-xmark 0x4000/0x0'],
  ['-t mangle -A PREROUTING -j MARK --set-mark 0x0', '-A PREROUTING -j MARK --set-xmark 0x0/0xffffffff'],
  ['-t mangle -A PREROUTING -j MARK --set-xmark 0x4000', '-A PREROUTING -j MARK --set-xmark 0x4000/0xffffffff'],
  ['-t mangle -A PREROUTING -j CONNMARK --or-mark 0x1', '-A PREROUTING -j CONNMARK --set-xmark 0x1/0x1'],
  ['-t mangle -A PREROUTING -j CONNMARK --and-mark 0x1', '-A PREROUTING -j CONNMARK --set-xmark 0x0/0xfffffffe'],
  ['-t mangle -A PREROUTING -j CONNMARK --restore-mark', '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff'],
  ['-t mangle -A FORWARD -j DSCP --set-dscp-class AF21', '-A FORWARD -j DSCP --set-dscp 0x12'],
  ['-A INPUT -j MARK --set-mark 5', '-A INPUT -j MARK --set-xmark 0x5/0xffffffff'],
  ['-A INPUT -p tcp --tcp-flags SYN,ACK SYN --dport 5', '-A INPUT -p tcp -m tcp --dport 5 --tcp-flags SYN,ACK SYN'],
  ['-A INPUT -p tcp --tcp-option 5', '-A INPUT -p tcp -m tcp --tcp-option 5'],
  ['-A INPUT -p 6 --dport 80', '-A INPUT -p tcp -m tcp --dport 80'],
  ['-A INPUT -p TCP --dport 80', '-A INPUT -p tcp -m tcp --dport 80'],
  ['-A INPUT -p 47 -j ACCEPT', '-A INPUT -p gre -j ACCEPT'],
  ['-A INPUT -j ACCEPT -p tcp --dport 80', '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT'],
  ['-A INPUT -p tcp --dpor 80', '-A INPUT -p tcp -m tcp --dport 80'],
  ['-A INPUT -m mark -m comment --comment x --mark 1', '-A INPUT -m mark --mark 0x1 -m comment --comment x'],
  ['-A INPUT -c 5 10 -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:http', '-A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80'],
  ['-A INPUT -w -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-w 5 -A INPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  // The udp match does not compare the ends, and counts modulo 65536.
  ['-A INPUT -p udp --dport 90:80', '-A INPUT -p udp -m udp --dport 90:80'],
  ['-A INPUT -p udp --sport 70000', '-A INPUT -p udp -m udp --sport 4464'],
]

/** Refusals: the text after the program's name, without the hint. */
const refusals: readonly (readonly [typed: string, text: string])[] = [
  ['-A INPUT -p tcp --dport 90:80', 'invalid portrange (min > max)'],
  ['-A INPUT -p udp --dport -1', 'Port "-1" does not resolve to anything.\n'],
  ['-A INPUT -s 10.0.0.1 !', 'nothing appropriate following !'],
  ['-A INPUT -m mark !', 'mark: option "--mark" must be specified\n'],
  ['-A INPUT -j DROP -x', "Illegal option `-x' with this command"],
  ['-S INPUT -n', "Illegal option `-n' with this command"],
  ['-F --line-numbers', "Illegal option `-0' with this command"],
  ['-A INPUT -s 10.0.0.0/24/ -j DROP', "invalid mask `' specified"],
  ['-A INPUT -m statistic --mode nth --every 3', 'statistic: option "--every" also requires "--packet".\n'],
  ['-A INPUT -p icmp -m icmp', 'icmp: option "--icmp-type" must be specified\n'],
  ['-A INPUT -i eth0 -i lo', 'multiple -i flags not allowed'],
  ['-A INPUT -p tcp --dports 80,443 -j ACCEPT', 'unknown option "--dports"'],
  ['-A INPUT -m addrtype --src-type local --dst-type ! LOCAL -j ACCEPT', 'addrtype: bad type "!"'],
  ['-A INPUT -s 1.2.3.4 -s 2.3.4.5', 'multiple -s flags not allowed'],
  ['-A INPUT -j DNAT', 'DNAT: option "--to-destination" must be specified\n'],
  ['-A INPUT -p 300 -j ACCEPT', 'unknown protocol "300" specified'],
  ['-A INPUT -p icmp --dport 80', 'unknown option "--dport"'],
  ['-A INPUT --dport 80 -p tcp', 'unknown option "--dport"'],
  ['-A INPUT -ptcp --dport=80 -jACCEPT', 'unknown protocol "-ptcp" specified'],
  ['-A INPUT -p tcp --d 80', 'unknown option "--d"'],
  ['-A INPUT -m conntrack --ctst NEW', 'unknown option "--ctst"'],
  ['-A INPUT -j REJECT --reject-with', 'option "--reject-with" requires an argument'],
  ['-A INPUT -m', 'option "-m" requires an argument'],
  ['-A INPUT -m conntrack --ctstate', 'option "--ctstate" requires an argument'],
  ['-A INPUT -m conntrack --ctstate ""', 'Bad ctstate ""'],
  ['-A INPUT -m state --state NEW --state ESTABLISHED', 'state: option "--state" can only be used once.\n'],
  ['-A INPUT -p tcp -m multiport --dports 80 --sports 90', 'multiport: option "--source-ports" cannot be used together with "--destination-ports".\n'],
  ['-A INPUT -p tcp -m multiport --dports 90:80', 'invalid portrange specified'],
  ['-A INPUT -p tcp -m multiport --dports foo', "invalid port/service `foo' specified"],
  ['-A INPUT -p tcp -m multiport --dports 99999', "invalid port/service `99999' specified"],
  ['-t nat -A POSTROUTING -j MASQUERADE --to-ports 80', 'Need TCP, UDP, SCTP or DCCP with port specification'],
  ['-t nat -A POSTROUTING -p tcp -j MASQUERADE --to-ports 80-', "Port `' not valid"],
  ['-t nat -A PREROUTING -j DNAT --to-destination 1.2.3', 'Bad IP address "1.2.3"'],
  ['-t nat -A PREROUTING -j DNAT --to-destination ""', 'Bad IP address ""'],
  ['-t nat -A PREROUTING -j NETMAP', 'NETMAP: option "--to" must be specified\n'],
  ['-t nat -P PREROUTING DROP', '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'],
  ['-I', 'option "-I" requires an argument'],
  ['-D INPUT foo', "Invalid rule number `foo'"],
  ['-I INPUT foo', "Invalid rule number `foo'"],
  ['-R INPUT foo -j DROP', "Invalid rule number `foo'"],
  ['-L INPUT FORWARD', "Invalid rule number `FORWARD'"],
  ['-n', 'no command specified'],
  ['-A INPUT -m limit ! --limit 5/s', 'limit: option "--limit" cannot be inverted.\n'],
  ['-A INPUT -m limit --limit 0/s', "bad rate \"0/s\"'"],
  ['-A INPUT -m limit --limit-burst 99999', 'limit: bad value for option "--limit-burst", or out of range (0-10000).\n'],
  ['-A INPUT -m statistic --mode foo', 'Bad mode "foo"'],
  ['-A INPUT -m statistic --probability 0.5', 'statistic: option "--mode" must be specified\n'],
  ['-A INPUT -m statistic --mode random --probability 1.5', 'statistic: bad value for option "--probability", or out of range (0-1).\n'],
  ['-A INPUT -m statistic --mode nth --every 2 --packet 2', 'the --packet p must be 0 <= p <= n-1'],
  ['-A INPUT -m recent --rcheck --reap', 'recent: option "--reap" also requires "--seconds".\n'],
  ['-A INPUT -m recent --rcheck --set', 'recent: option "--set" cannot be used together with "--rcheck".\n'],
  ['-A INPUT -m addrtype --limit-iface-in', 'addrtype: you must specify --src-type or --dst-type'],
  ['-A INPUT -m connlimit', 'You must specify "--connlimit-above" or "--connlimit-upto".'],
  ['-A INPUT -m hashlimit --hashlimit 5/s', 'hashlimit: option "--hashlimit-name" must be specified\n'],
  ['-A INPUT -m iprange', "iprange match: You must specify `--src-range' or `--dst-range'"],
  ['-A INPUT -m ttl', "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt"],
  ['-A INPUT -m length', 'length: option "--length" must be specified\n'],
  ['-A INPUT -m mac', 'mac: option "--mac-source" must be specified\n'],
  ['-A INPUT -m dscp', 'DSCP match: Parameter --dscp is required'],
  ['-A INPUT -m tos', 'tos: option "--tos" must be specified\n'],
  ['-A INPUT -m pkttype', 'pkttype: option "--pkt-type" must be specified\n'],
  ['-A INPUT -m pkttype --pkt-type foo', "Bad packet type 'foo'"],
  ['-A INPUT -j CONNMARK', 'CONNMARK target: No operation specified'],
  ['-t mangle -A INPUT -j TTL --ttl-set 300', 'TTL: bad value for option "--ttl-set", or out of range (0-255).\n'],
  ['-t mangle -A INPUT -j TOS', 'TOS: An action is required'],
  ['-t mangle -A INPUT -j DSCP', 'DSCP target: Parameter --set-dscp is required'],
  ['-t mangle -A INPUT -j CHECKSUM', 'CHECKSUM: option "--checksum-fill" must be specified\n'],
  ['-t mangle -A INPUT -j CLASSIFY', 'CLASSIFY: option "--set-class" must be specified\n'],
  ['-t mangle -A FORWARD -p tcp -j TCPMSS', 'TCPMSS target: At least one parameter is required'],
]

describe('arguments of iptables', () => {
  test.each(canonical)('%s', (typed, saved) => {
    const ns = fresh()
    expect(run(ns, typed)).toBe(undefined)
    expect(ns.netfilter.save().split('\n').filter((l) => l.startsWith('-A'))).toEqual([saved])
    // what is saved reads back as itself
    const other = fresh()
    other.netfilter.restore(ns.netfilter.save())
    expect(other.netfilter.save()).toBe(ns.netfilter.save())
  })

  test.each(refusals)('refused: %s', (typed, text) => {
    expect(run(fresh(), typed)).toBe(`2 iptables v1.8.9 (nf_tables): ${text}\nTry \`iptables -h' or 'iptables --help' for more information.`)
  })
})

describe('commands', () => {
  const script = (lines: readonly string[]) => {
    const ns = fresh()
    const said = lines.map((l) => run(ns, l))
    return { said, saved: ns.netfilter.save() }
  }

  test('chains: made, used, refused, renamed', () => {
    const { said, saved } = script(['-N WEB', '-N WEB', '-A INPUT -j WEB', '-X WEB', '-E WEB SITE', '-A INPUT -j WEB', '-A SITE -j SITE', '-P SITE DROP', '-X NOPE', '-A NOPE -j ACCEPT', '-t nat -A FORWARD -j ACCEPT'])
    expect(said).toEqual([
      undefined,
      '1 iptables: Chain already exists.',
      undefined,
      '4 iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain WEB',
      undefined,
      "2 iptables v1.8.9 (nf_tables): Chain 'WEB' does not exist\nTry `iptables -h' or 'iptables --help' for more information.",
      '4 iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Too many links): rule in chain SITE',
      '1 iptables: Bad built-in chain name.',
      '1 iptables: No chain/target/match by that name.',
      '1 iptables: No chain/target/match by that name.',
      '1 iptables: No chain/target/match by that name.',
    ])
    expect(saved).toBe('*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:SITE - [0:0]\n-A INPUT -j SITE\nCOMMIT\n')
  })

  test('editing by number', () => {
    const { said, saved } = script(['-A INPUT -s 10.0.0.1 -j DROP', '-I INPUT -s 10.0.0.2 -j DROP', '-I INPUT 2 -s 10.0.0.3 -j DROP', '-I INPUT 9 -j DROP', '-R INPUT 1 -s 10.0.0.4 -j ACCEPT', '-D INPUT 9', '-R INPUT 9 -j DROP', '-D INPUT -s 10.0.0.1/32 -j DROP', '-D INPUT -s 10.0.0.1 -j DROP', '-C INPUT -s 10.0.0.3 -j DROP'])
    expect(said).toEqual([undefined, undefined, undefined, '1 iptables: Index of insertion too big.', undefined, '1 iptables: Index of deletion too big.', '1 iptables: Index of replacement too big.', undefined, '1 iptables: Bad rule (does a matching rule exist in that chain?).', undefined])
    expect(saved.split('\n').filter((l) => l.startsWith('-A'))).toEqual(['-A INPUT -s 10.0.0.4/32 -j ACCEPT', '-A INPUT -s 10.0.0.3/32 -j DROP'])
  })

  test('a base chain is there once something was put into it, and what is refused makes none', () => {
    const no = '1 iptables: No chain/target/match by that name.'
    const { said, saved } = script(['-D INPUT 1', '-R INPUT 1 -j DROP', '-N INPUT', '-A NOPE -j DROP', '-P NOPE DRO', '-A OUTPUT -j ACCEPT', '-D INPUT 1', '-D OUTPUT 2', '-R OUTPUT 2 -j DROP'])
    expect(said).toEqual([no, no, '1 iptables: Chain already exists.', no, "1 iptables: Bad policy name. Run `dmesg' for more information.", undefined, no, '1 iptables: Index of deletion too big.', '1 iptables: Index of replacement too big.'])
    expect(saved).toBe('*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\nCOMMIT\n')
    expect(script(['-D INPUT 1', '-R INPUT 1 -j DROP', '-N INPUT', '-A NOPE -j DROP']).saved).toBe('')
  })

  test('targets in chains where the kernel does not take them', () => {
    const { said } = script(['-A INPUT -j MASQUERADE', '-t nat -N X', '-t nat -A X -j MASQUERADE', '-t nat -A PREROUTING -j X', '-t nat -A POSTROUTING -j X', '-A INPUT -j REJECT --reject-with tcp-reset', '-t nat -A PREROUTING -j REJECT'])
    const no = (chain: string) => `4 iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain ${chain}`
    expect(said).toEqual([no('INPUT'), undefined, undefined, no('PREROUTING'), undefined, no('INPUT'), no('PREROUTING')])
  })
})
