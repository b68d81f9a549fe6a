/** Running a command in a container to its end and taking what it printed: exec probes and lifecycle hooks. */
import { FsError } from '#engine/machine/files.ts'
import type { Timer } from '#engine/sim/sim.ts'
import type { ContainerRecord } from '../runtime/containerd.ts'

export type ExecOutcome = { readonly kind: 'exit'; readonly code: number; readonly output: string } | { readonly kind: 'timeout' } | { readonly kind: 'error'; readonly message: string }

/** containerd's words when runc cannot start the process. */
export function execFailure(record: ContainerRecord, command: readonly string[], error: FsError): string {
  const name = command[0] ?? ''
  const isFolder = name.includes('/') && record.machine.fs.exists(name) && record.machine.fs.stat(name).type === 'directory'
  const why = isFolder ? 'is a directory' : error.code === 'ENOENT' ? (name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH') : error.code === 'EISDIR' ? 'is a directory' : error.code === 'EACCES' ? 'permission denied' : error.message.toLowerCase()
  return `rpc error: code = Unknown desc = failed to exec in container: failed to start exec "${record.id}": OCI runtime exec failed: exec failed: unable to start container process: exec: ${JSON.stringify(name)}: ${why}`
}

export function runInContainer(record: ContainerRecord, command: readonly string[], timeout: number | undefined, done: (outcome: ExecOutcome) => void): void {
  const { machine, config } = record
  let output = ''
  let over = false
  let timer: Timer | undefined
  const finish = (outcome: ExecOutcome) => {
    if (over) return
    over = true
    machine.sim.cancel(timer)
    done(outcome)
  }
  try {
    const child = machine.start({
      argv: command, env: config.env, cwd: config.cwd, user: config.user, fds: {},
      output: {
        stdout: (text) => {
          output += text
        },
        stderr: (text) => {
          output += text
        },
      },
    })
    child.onEnd((status) => finish({ kind: 'exit', code: status.code, output }))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    finish({ kind: 'error', message: execFailure(record, command, error) })
    return
  }
  if (timeout !== undefined) timer = machine.sim.after(timeout, () => finish({ kind: 'timeout' }))
}
