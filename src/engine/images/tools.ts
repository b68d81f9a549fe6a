/** Sets of ordinary executables that images carry, by path; the names are those of the hosts' program table. */
const paths = (folder: string, names: string) => Object.fromEntries(names.split(' ').map((name) => [`${folder}/${name}`, name]))

const coreutils =
  'arch base32 base64 basename cat chgrp chmod chown cksum comm cp csplit cut date dd df dir dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mktemp mv nice nl nohup nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes ['

/** A slim Debian: shell, coreutils, grep, sed, find, awk. */
export const debianTools: Readonly<Record<string, string>> = {
  ...paths('/usr/bin', coreutils),
  ...paths('/usr/bin', 'awk mawk bash sh grep egrep fgrep sed find xargs diff cmp gzip gunzip zcat tar getent hostname which clear tput ps kill'),
  '/bin/sh': 'sh',
  '/bin/bash': 'bash',
  '/bin/cat': 'cat',
  '/bin/echo': 'echo',
  '/bin/ls': 'ls',
  '/bin/sleep': 'sleep',
  '/bin/true': 'true',
  '/bin/false': 'false',
  '/bin/date': 'date',
  '/bin/hostname': 'hostname',
  '/bin/grep': 'grep',
  '/bin/sed': 'sed',
  '/bin/rm': 'rm',
  '/bin/cp': 'cp',
  '/bin/mv': 'mv',
  '/bin/mkdir': 'mkdir',
  '/bin/touch': 'touch',
}

export const curlTool: Readonly<Record<string, string>> = { '/usr/bin/curl': 'curl' }

/** What network debugging images bring. */
export const networkTools: Readonly<Record<string, string>> = paths(
  '/usr/bin',
  'curl wget dig host nslookup nc ncat netcat ping ping6 traceroute tracepath tcpdump ss netstat ip bridge arping arp ifconfig route tc iptables iptables-save iptables-restore ip6tables ipset nft conntrack ethtool iperf3 mtr socat nmap jq openssl tshark telnet drill vim vi less strace httpie ab',
)
