/** Secure shell between the machines of a cluster: sshd on each, the learner's account on all of them, and a key pair that opens them. */
import type { Random } from '#base/random.ts'
import { toBase64 } from '#base/bytes.ts'
import type { Host } from '#engine/machine/host.ts'
import type { WorkstationSpec } from './spec.ts'

const unit = `[Unit]
Description=OpenBSD Secure Shell server
Documentation=man:sshd(8) man:sshd_config(5)
After=network.target auditd.service

[Service]
EnvironmentFile=-/etc/default/ssh
ExecStart=/usr/sbin/sshd -D $SSHD_OPTS
KillMode=process
Restart=on-failure
RestartPreventExitStatus=255
Type=notify

[Install]
WantedBy=multi-user.target
Alias=sshd.service
`

/** Does nothing where the program table has no sshd (engine tests). */
export function installSsh(hosts: Iterable<Host>, learner: WorkstationSpec, random: Random): void {
  const key = `ssh-ed25519 ${toBase64(`\0\0\0\x0bssh-ed25519\0\0\0 ${random.letters(32, 'abcdefghijklmnopqrstuvwxyz0123456789')}`)}`
  const secret = `-----BEGIN OPENSSH PRIVATE KEY-----\n${toBase64(`openssh-key-v1\0none${random.letters(96, 'abcdefghijklmnopqrstuvwxyz0123456789')}`).replace(/.{1,70}/g, '$&\n')}-----END OPENSSH PRIVATE KEY-----\n`
  for (const host of hosts) {
    if (!host.programs.has('sshd')) return
    const { fs } = host
    if (learner.user !== 'root' && !host.users.has(learner.user)) {
      fs.writeFile('/etc/passwd', `${learner.user}:x:1001:1001:,,,:${learner.home}:/bin/bash\n`, { append: true })
      fs.writeFile('/etc/group', `${learner.user}:x:1001:\n`, { append: true })
    }
    const group = fs.readFile('/etc/group')
    if (learner.user !== 'root') fs.writeFile('/etc/group', group.replace(/^(sudo|adm):x:(\d+):(.*)$/gm, (line, name: string, gid: string, members: string) => (members.split(',').includes(learner.user) ? line : `${name}:x:${gid}:${members === '' ? learner.user : `${members},${learner.user}`}`)))
    for (const [home, uid, gid] of [[learner.home, learner.user === 'root' ? 0 : 1001, learner.user === 'root' ? 0 : 1001], ['/root', 0, 0]] as const) {
      fs.mkdir(`${home}/.ssh`, { parents: true, mode: 0o700 })
      fs.writeFile(`${home}/.ssh/authorized_keys`, `${key} ${learner.user}@${learner.name}\n`, { mode: 0o600 })
      fs.writeFile(`${home}/.ssh/id_ed25519.pub`, `${key} ${learner.user}@${learner.name}\n`)
      fs.writeFile(`${home}/.ssh/id_ed25519`, secret, { mode: 0o600 })
      for (const path of [home, `${home}/.ssh`, `${home}/.ssh/authorized_keys`, `${home}/.ssh/id_ed25519`, `${home}/.ssh/id_ed25519.pub`]) fs.chown(path, uid, gid)
    }
    fs.writeFile('/usr/lib/systemd/system/ssh.service', unit)
    host.units.enable('ssh.service')
    host.units.start('ssh.service')
  }
}
