/** open(2): from a path and flags to an open file description. */
import { EndlessDescription, FileDescription, NullDescription, Description } from './descriptions.ts'
import { FsError } from './files.ts'
import type { OpenFlags } from './process.ts'
import type { Task } from './task.ts'
import { pathOf } from './vfs.ts'

export function openPath(task: Task, path: string, flags: OpenFlags): Description {
  const read = flags.read ?? !(flags.write || flags.append)
  const write = (flags.write ?? false) || (flags.append ?? false)
  const view = task.fs
  const plain = () => view.find(path)
  const entry = write
    ? view.openForWrite(path, { create: flags.create ?? false, ...(flags.exclusive && { exclusive: true }), ...(flags.mode !== undefined && { mode: flags.mode }) }).entry
    : flags.create && !view.exists(path)
      ? view.openForWrite(path, { create: true, ...(flags.mode !== undefined && { mode: flags.mode }) }).entry
      : plain()
  const { inode } = entry
  if (read && !view.allowed(inode, 4)) throw new FsError('EACCES', path)
  if (inode.openDevice) {
    const description = inode.openDevice()
    if (description instanceof Description) return description
    throw new FsError('ENXIO', path)
  }
  switch (inode.device) {
    case 'null':
      return new NullDescription()
    case 'zero':
    case 'full':
      return new EndlessDescription(path, { full: inode.device === 'full' })
    case 'random':
      return new EndlessDescription(path, { random: task.kernel.sim.random })
    case 'tty':
      if (task.controlling) return task.controlling
      throw new FsError('ENXIO', path)
    default:
  }
  if (write && flags.truncate && !inode.computed) view.setText(entry, '')
  return new FileDescription(entry, pathOf(entry), { read, write, append: flags.append ?? false }, () => task.now())
}
