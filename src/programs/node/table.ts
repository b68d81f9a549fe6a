/** The programs of a node that are about the machine itself, by name. */
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
