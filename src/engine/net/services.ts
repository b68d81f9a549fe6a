/** /etc/services and /etc/protocols as far as the network tools name things; ports and protocols of everyday use. */
const table =
  'tcpmux 1 tcp,echo 7 tcp udp,discard 9 tcp udp,daytime 13 tcp udp,ftp-data 20 tcp,ftp 21 tcp,ssh 22 tcp,telnet 23 tcp,smtp 25 tcp,time 37 tcp udp,whois 43 tcp,domain 53 tcp udp,bootps 67 udp,bootpc 68 udp,tftp 69 udp,gopher 70 tcp,finger 79 tcp,http 80 tcp,kerberos 88 tcp udp,iso-tsap 102 tcp,pop3 110 tcp,sunrpc 111 tcp udp,auth 113 tcp,nntp 119 tcp,ntp 123 udp,epmap 135 tcp,netbios-ns 137 udp,netbios-dgm 138 udp,netbios-ssn 139 tcp,imap2 143 tcp,snmp 161 tcp udp,snmp-trap 162 tcp udp,bgp 179 tcp,irc 194 tcp udp,ldap 389 tcp udp,svrloc 427 tcp udp,https 443 tcp udp,microsoft-ds 445 tcp udp,kpasswd 464 tcp udp,submissions 465 tcp,saft 487 tcp,isakmp 500 udp,exec 512 tcp,login 513 tcp,shell 514 tcp,syslog 514 udp,printer 515 tcp,route 520 udp,ripng 521 udp,nntps 563 tcp,submission 587 tcp,ipp 631 tcp,ldaps 636 tcp udp,kerberos-adm 749 tcp,domain-s 853 tcp udp,rsync 873 tcp,ftps-data 989 tcp,ftps 990 tcp,telnets 992 tcp,imaps 993 tcp,pop3s 995 tcp,socks 1080 tcp,openvpn 1194 tcp udp,ms-sql-s 1433 tcp,ms-sql-m 1434 udp,radius 1812 tcp udp,radius-acct 1813 tcp udp,nfs 2049 tcp udp,cvspserver 2401 tcp,gsiftp 2811 tcp,iax 4569 udp,mysql 3306 tcp,ms-wbt-server 3389 tcp,nut 3493 tcp udp,svn 3690 tcp,epmd 4369 tcp,sip 5060 tcp udp,sip-tls 5061 tcp udp,xmpp-client 5222 tcp,xmpp-server 5269 tcp,mdns 5353 udp,postgresql 5432 tcp,amqps 5671 tcp,amqp 5672 tcp sctp,x11 6000 tcp,redis 6379 tcp,bbs 7000 tcp,webmin 10000 tcp,http-alt 8080 tcp udp,zabbix-agent 10050 tcp,git 9418 tcp,bacula-dir 9101 tcp'

export const serviceEntries: readonly { readonly name: string; readonly port: number; readonly protocols: readonly string[] }[] = table.split(',').map((line) => {
  const [name, port, ...protocols] = line.split(' ')
  return { name: name!, port: Number(port), protocols }
})

export function servicePort(name: string, protocol?: string): number | undefined {
  return serviceEntries.find((s) => s.name === name && (protocol === undefined || s.protocols.includes(protocol)))?.port
}

export function serviceName(port: number, protocol: string): string | undefined {
  return serviceEntries.find((s) => s.port === port && s.protocols.includes(protocol))?.name
}

/** Numbers and names of IP protocols, as /etc/protocols has them. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  ip: 0, icmp: 1, igmp: 2, ggp: 3, ipencap: 4, st: 5, tcp: 6, egp: 8, igp: 9, pup: 12, udp: 17, hmp: 20, 'xns-idp': 22, rdp: 27, 'iso-tp4': 29, dccp: 33, xtp: 36, ddp: 37, 'idpr-cmtp': 38,
  ipv6: 41, 'ipv6-route': 43, 'ipv6-frag': 44, idrp: 45, rsvp: 46, gre: 47, esp: 50, ah: 51, skip: 57, 'ipv6-icmp': 58, 'ipv6-nonxt': 59, 'ipv6-opts': 60, rspf: 73, vmtp: 81, eigrp: 88,
  ospf: 89, 'ax.25': 93, ipip: 94, etherip: 97, encap: 98, pim: 103, ipcomp: 108, vrrp: 112, l2tp: 115, isis: 124, sctp: 132, fc: 133, 'mobility-header': 135, udplite: 136, 'mpls-in-ip': 137,
}

const numberNames = new Map(Object.entries(protocolNumbers).map(([name, number]) => [number, name]))

export function protocolText(number: number): string {
  return number === 0 ? 'all' : (numberNames.get(number) ?? String(number))
}
