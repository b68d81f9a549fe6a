/**
 * The files that a freshly installed Debian 12 host has, as far as learners and programs meet them. Image trees of containers are
 * built elsewhere (engine/images); what every container gets on top (/etc/hosts, /dev, /proc) is in container.ts.
 */
import { serviceEntries } from '#engine/net/services.ts'
import type { ProgramTable } from './machine.ts'
import { FileTree } from './tree.ts'

/** Programs that live in /usr/sbin. */
const sbin = new Set(
  'sshd bridge iptables iptables-save iptables-restore iptables-nft iptables-legacy ip6tables nft ipset ipvsadm conntrack sysctl arping tcpdump ethtool brctl modprobe lsmod reboot shutdown poweroff halt chroot sshd useradd userdel usermod groupadd swapon swapoff mkswap mkfs nologin tc route ifconfig arp'.split(' '),
)

const osRelease = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
`

const passwd = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin
messagebus:x:100:107::/nonexistent:/usr/sbin/nologin
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
candidate:x:1000:1000:Candidate,,,:/home/candidate:/bin/bash
`

const group = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:candidate
tty:x:5:
mail:x:8:
sudo:x:27:candidate
www-data:x:33:
shadow:x:42:
users:x:100:
nogroup:x:65534:
systemd-journal:x:999:
systemd-network:x:998:
messagebus:x:107:
candidate:x:1000:
`

export const servicesFile = `${serviceEntries.flatMap((s) => s.protocols.map((protocol) => `${s.name.padEnd(15)}\t${s.port}/${protocol}`)).join('\n')}\n`

/** What Debian's start-up files come to. */
export const bashrc = '[ -z "$PS1" ] && return\nPS1=\'\\u@\\h:\\w\\$ \'\n'
const profile = `if [ "$(id -u)" -eq 0 ]; then
  PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
else
  PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
fi
export PATH
if [ "$PS1" ]; then
  if [ -f /etc/bash.bashrc ]; then
    . /etc/bash.bashrc
  fi
fi
`

const trees = new WeakMap<ProgramTable, FileTree>()

/** The tree shared (as lower layer) by all hosts with this program table. */
export function baseTree(programs: ProgramTable): FileTree {
  let tree = trees.get(programs)
  if (tree) return tree
  tree = new FileTree({ mtime: Date.UTC(2025, 0, 13, 9, 0, 0) })
  for (const dir of ['boot', 'dev', 'etc', 'home', 'media', 'mnt', 'opt', 'proc', 'root', 'run', 'srv', 'sys', 'tmp', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/local/bin', 'usr/local/sbin', 'usr/share', 'var/cache', 'var/lib', 'var/log', 'var/tmp', 'usr/lib/systemd/system', 'etc/systemd/system/multi-user.target.wants']) tree.dir('/' + dir)
  tree.root.child('tmp')!.mode = 0o1777
  tree.at('/var/tmp')!.mode = 0o1777
  tree.at('/root')!.mode = 0o700
  for (const [link, to] of [['bin', 'usr/bin'], ['sbin', 'usr/sbin'], ['lib', 'usr/lib'], ['lib64', 'usr/lib64'], ['var/run', '/run'], ['var/lock', '/run/lock'], ['etc/mtab', '../proc/self/mounts']] as const) tree.symlink('/' + link, to)
  tree.dir('/home/candidate', { mode: 0o755, uid: 1000, gid: 1000 })
  for (const name of programs.keys()) {
    if (name.includes(':') || name === 'busybox') continue
    if (name.startsWith('/')) tree.program(name, name)
    else tree.program(`/usr/${sbin.has(name) ? 'sbin' : 'bin'}/${name}`, name)
  }
  if (programs.has('ip')) tree.program('/usr/sbin/ip', 'ip')
  if (!programs.has('sh')) for (const shell of ['dash', 'bash']) if (programs.has(shell)) tree.program('/usr/bin/sh', shell)
  tree
    .file('/etc/passwd', passwd).file('/etc/group', group).file('/etc/shadow', 'root:*:19000:0:99999:7:::\n', { mode: 0o640, gid: 42 })
    .file('/usr/lib/os-release', osRelease).symlink('/etc/os-release', '../usr/lib/os-release').file('/etc/debian_version', '12.9\n')
    .file('/etc/issue', 'Debian GNU/Linux 12 \\n \\l\n\n').file('/etc/shells', '# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n')
    .file('/etc/nsswitch.conf', 'passwd:         files systemd\ngroup:          files systemd\nshadow:         files systemd\n\nhosts:          files dns\nnetworks:       files\n\nprotocols:      db files\nservices:       db files\n')
    .file('/etc/host.conf', 'multi on\n').file('/etc/protocols', 'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nsctp 132 SCTP\n')
    .file('/etc/services', servicesFile)
    .file('/etc/sysctl.conf', '#\n# /etc/sysctl.conf - Configuration file for setting system variables\n# See /etc/sysctl.d/ for additional system variables.\n# See sysctl.conf (5) for information.\n#\n')
    .dir('/etc/sysctl.d').dir('/etc/modules-load.d').file('/etc/fstab', '# <file system> <mount point> <type> <options> <dump> <pass>\n/dev/sda1 / ext4 errors=remount-ro 0 1\n')
    .file('/etc/sudoers', 'root\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) NOPASSWD:ALL\n', { mode: 0o440 })
    .file('/etc/profile', profile).file('/etc/bash.bashrc', bashrc)
    .file('/root/.bashrc', '# ~/.bashrc: executed by bash(1) for non-login shells.\n').file('/root/.profile', '# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ "$BASH" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n').file('/home/candidate/.bashrc', '', { uid: 1000, gid: 1000 })
  trees.set(programs, tree)
  return tree
}

/** /etc/hosts as the installer writes it. */
export function hostsFile(hostname: string): string {
  return `127.0.0.1\tlocalhost\n127.0.1.1\t${hostname}\n\n# The following lines are desirable for IPv6 capable hosts\n::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n`
}
