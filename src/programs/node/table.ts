/** Programs that look at and manage a host, by name. */
import type { Program } from '#engine/machine/process.ts'
import { crictl } from './crictl.ts'
import { journalctl } from './journalctl.ts'
import { openssl } from './openssl.ts'
import { busybox, busyboxDf, busyboxFree } from './busybox.ts'
import { kill, killall, pgrep, pidof, pkill } from './kill.ts'
import { busyboxPs, ps } from './ps.ts'
import { scp } from './scp.ts'
import { ssh } from './ssh.ts'
import { sshd } from './sshd.ts'
import { busyboxChroot, chroot } from './chroot.ts'
import { df, dmesg, free, hostname, hostnamectl, lsmod, lsns, modprobe, mount, nsenter, reboot, timedatectl, umount, uname, uptime } from './system.ts'
import { mkswap, swapoff, swapon } from './swap.ts'
import { systemctl } from './systemctl.ts'
import { top } from './top.ts'
import { groups, id, su, sudo, whoami } from './users.ts'

export const nodePrograms: ReadonlyMap<string, Program> = new Map<string, Program>([
  ['ssh', ssh], ['scp', scp], ['sshd', sshd], ['sudo', sudo], ['su', su], ['id', id], ['whoami', whoami], ['groups', groups], ['hostname', hostname], ['hostnamectl', hostnamectl], ['uname', uname], ['uptime', uptime], ['free', free], ['df', df],
  ['mount', mount], ['umount', umount], ['dmesg', dmesg], ['reboot', reboot], ['shutdown', reboot], ['poweroff', reboot], ['halt', reboot], ['lsmod', lsmod], ['modprobe', modprobe], ['nsenter', nsenter], ['chroot', chroot], ['busybox:chroot', busyboxChroot], ['lsns', lsns], ['timedatectl', timedatectl], ['swapon', swapon], ['swapoff', swapoff], ['mkswap', mkswap],
  ['crictl', crictl], ['openssl', openssl], ['systemctl', systemctl], ['journalctl', journalctl], ['ps', ps], ['top', top], ['kill', kill], ['killall', killall], ['pgrep', pgrep], ['pkill', pkill], ['pidof', pidof],
  ['busybox', busybox], ['busybox:ps', busyboxPs], ['busybox:df', busyboxDf], ['busybox:free', busyboxFree],
])
