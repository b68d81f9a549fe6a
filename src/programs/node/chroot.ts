/** chroot: of GNU coreutils, and busybox's. The child sees another directory as its root; nothing else about it changes. */
import type { Process, Program } from '#engine/machine/process.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import { getopt } from '../net/getopt.ts'
import { complain } from '../net/support.ts'

interface Words {
  /** About the new root. */
  root(path: string, why: string): string
  /** About the command. */
  run(command: string, why: string): string
  readonly code: number
}

async function change(p: Process, root: string, argv: readonly string[], words: Words): Promise<number> {
  const refuse = async (why: string) => {
    await complain(p, words.root(root, why))
    return words.code
  }
  if (p.user.uid !== 0) return refuse('Operation not permitted')
  try {
    if (p.fs.stat(root).type !== 'directory') return await refuse('Not a directory')
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return refuse(strerror(error.code))
  }
  try {
    return (await p.spawn({ argv, root }).wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, words.run(argv[0]!, strerror(error.code)))
    return error.code === 'ENOENT' ? 127 : 126
  }
}

export const chroot: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+', { groups: ':', userspec: ':', 'skip-chdir': '', help: '', version: '' })
  const hint = "Try 'chroot --help' for more information.\n"
  if (o.error) {
    await complain(p, `chroot: ${o.error}\n${hint}`)
    return 125
  }
  const [root, ...command] = o.operands
  if (root === undefined) {
    await complain(p, `chroot: missing operand\n${hint}`)
    return 125
  }
  return change(p, root, command.length > 0 ? command : [p.env.get('SHELL') ?? '/bin/sh', '-i'], {
    root: (path, why) => `chroot: cannot change root directory to '${path}': ${why}\n`,
    run: (name, why) => `chroot: failed to run command ‘${name}’: ${why}\n`,
    code: 125,
  })
}

export const busyboxChroot: Program = async (p) => {
  const [root, ...command] = p.argv.slice(1)
  if (root === undefined || root === '--help') {
    await complain(p, 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.\n\nUsage: chroot NEWROOT [PROG ARGS]\n\nRun PROG with root directory set to NEWROOT\n')
    return 1
  }
  return change(p, root, command.length > 0 ? command : [p.env.get('SHELL') ?? '/bin/sh', '-i'], {
    root: (path, why) => `chroot: can't change root directory to '${path}': ${why}\n`,
    run: (name, why) => `chroot: can't execute '${name}': ${why}\n`,
    code: 1,
  })
}
