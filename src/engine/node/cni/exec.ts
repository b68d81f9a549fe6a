/** Runs a CNI plugin that is a script of the learner's own, as a process of the node: configuration on standard input, result on standard output. */
import type { Machine } from '#engine/machine/machine.ts'
import type { PluginExit } from './skel.ts'

/** Not modelled yet: until processes can be started from the runtime, a script counts as one that cannot be executed. */
export function runScript(_machine: Machine, path: string, _env: ReadonlyMap<string, string>, _stdin: string, done: (exit: PluginExit) => void): void {
  done({ code: 1, stdout: '', stderr: '', exec: `fork/exec ${path}: exec format error` })
}
