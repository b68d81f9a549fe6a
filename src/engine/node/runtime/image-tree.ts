/** An image unpacked: its file tree, made once per image and layered under every container. */
import type { ProgramTable } from '#engine/machine/machine.ts'
import { FileTree } from '#engine/machine/tree.ts'
import type { ImageBehaviour } from './image.ts'

const trees = new WeakMap<ProgramTable, WeakMap<ImageBehaviour, FileTree>>()

const skeleton = ['/bin', '/dev', '/etc', '/home', '/lib', '/proc', '/root', '/sbin', '/sys', '/tmp', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/var/log', '/var/run', '/var/tmp']
const distribution = ['/boot', '/lib64', '/media', '/mnt', '/opt', '/run', '/srv']

/** The name under which a program of the image stands in its containers' program tables. */
export function programName(image: ImageBehaviour, path: string): string {
  return `${image.repository}:${path}`
}

/** `programs`: the host's table, which says what tools exist. A tool named `busybox:NAME` is NAME where the table has no variant of busybox's own. */
export function imageTree(image: ImageBehaviour, programs: ProgramTable): FileTree {
  let known = trees.get(programs)
  if (!known) trees.set(programs, (known = new WeakMap()))
  let tree = known.get(image)
  if (!tree) known.set(image, (tree = build(image, programs)))
  return tree
}

function build(image: ImageBehaviour, programs: ProgramTable): FileTree {
  const tree = new FileTree({ mtime: image.created ?? Date.UTC(2025, 9, 21, 0, 0, 0) })
  const scratch = image.tools === undefined
  if (!scratch) {
    for (const dir of skeleton) tree.dir(dir)
    if (image.tools?.['/usr/bin/bash'] !== undefined) for (const dir of distribution) tree.dir(dir)
    tree.at('/tmp')!.mode = 0o1777
  }
  if (!scratch || (image.users ?? []).length > 0) {
    const users = image.users ?? []
    tree.file('/etc/passwd', ['root:x:0:0:root:/root:/bin/sh', ...users.map((u) => `${u.name}:x:${u.uid}:${u.gid}::${u.home ?? '/'}:${u.shell ?? '/sbin/nologin'}`), 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin', ''].join('\n'))
    tree.file('/etc/group', ['root:x:0:', ...users.map((u) => `${u.name}:x:${u.gid}:`), 'nogroup:x:65534:', ''].join('\n'))
  }
  for (const [path, file] of Object.entries(image.files ?? {})) {
    if (path.endsWith('/')) tree.dir(path.slice(0, -1))
    else if (typeof file === 'string') tree.file(path, file)
    else tree.file(path, file.text, file.mode !== undefined ? { mode: file.mode } : {})
  }
  for (const [path, tool] of Object.entries(image.tools ?? {})) {
    const name = programs.has(tool) ? tool : tool.replace(/^busybox:/, '')
    if (programs.has(name)) tree.program(path, name)
  }
  for (const path of Object.keys(image.programs ?? {})) tree.program(path, programName(image, path))
  for (const [path, target] of Object.entries(image.links ?? {})) tree.symlink(path, target)
  return tree
}
