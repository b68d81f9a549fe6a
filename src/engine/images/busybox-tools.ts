/** Applets of busybox by path. `busybox:NAME` is NAME in busybox's flavour; where the program table has none, the image gets the host's. */
const applets =
  '[ [[ arp arping awk base64 basename bunzip2 bzcat cat chgrp chmod chown chroot clear cmp comm cp crond cut date dd df diff dirname dmesg du echo egrep env expr factor fallocate false find fold free ftpget fuser getopt grep gunzip gzip head hexdump hostid hostname httpd id ifconfig install ip ipcalc kill killall less link ln logger ls lsof md5sum mkdir mkfifo mknod mktemp more mount mountpoint mv nc netstat nice nl nohup nproc nslookup od paste pgrep pidof ping ping6 pkill pmap printenv printf ps pwd readlink realpath renice reset rev rm rmdir route sed seq setsid sh sha1sum sha256sum sha512sum shuf sleep sort split stat strings stty su sum sync sysctl tac tail tar tee telnet test tftp time timeout top touch tr traceroute tree true truncate tty uname uniq unlink unxz unzip uptime usleep vi watch wc wget which who whoami xargs xxd yes zcat'.split(
    ' ',
  )

export const busyboxTools: Readonly<Record<string, string>> = Object.fromEntries([...applets.map((name) => [`/bin/${name}`, `busybox:${name}`]), ['/bin/busybox', 'busybox']])
