/** Programs that look at and manage a host, by name. ssh, sshd, sudo, su, systemctl, journalctl, reboot exist (keep them here); others are added beside them. */
import type { ProgramTable } from '#engine/machine/machine.ts'
import { journalctl } from './journalctl.ts'
import { ssh } from './ssh.ts'
import { sshd } from './sshd.ts'
import { su, sudo } from './sudo.ts'
import { poweroffProgram, rebootProgram, systemctl } from './systemctl.ts'

export const nodePrograms: ProgramTable = new Map([
  ['ssh', ssh],
  ['sshd', sshd],
  ['sudo', sudo],
  ['su', su],
  ['systemctl', systemctl],
  ['journalctl', journalctl],
  ['reboot', rebootProgram],
  ['poweroff', poweroffProgram],
])
