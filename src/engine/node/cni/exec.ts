/** Runs a CNI plugin that is a script of the learner's own, as a process of the node: configuration on standard input, result on standard output. */
import { strerror } from '#engine/machine/files.ts'
import type { Machine } from '#engine/machine/machine.ts'
import { isErrno } from '#engine/machine/vfs.ts'
import type { PluginExit } from './skel.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export function runScript(machine: Machine, file: string, env: ReadonlyMap<string, string>, stdin: string, done: (exit: PluginExit) => void): void {
  let [stdout, stderr] = ['', '']
  const failed = (text: string) => done({ code: 1, stdout: '', stderr: '', exec: `fork/exec ${file}: ${text.toLowerCase()}` })
  try {
    const child = machine.start({
      argv: [file], env: { PATH: path, ...Object.fromEntries(env) },
      output: {
        stdin,
        stdout: (text) => {
          stdout += text
        },
        stderr: (text) => {
          stderr += text
        },
      },
    })
    // The reaction belongs to the event in which the process ends.
    void child.wait().then((status) => done({ code: status.code, stdout, stderr }))
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'ENOEXEC')) return failed(strerror(error.code))
    throw error
  }
}
