/** Which file a command name means: execvp's search along PATH. */
import { FsError } from './files.ts'
import type { View } from './vfs.ts'

/** PATH where the environment has none. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** execvp's search. */
export function lookPath(view: View, name: string, path: string): string {
  if (name === '') throw new FsError('ENOENT', name)
  if (name.includes('/')) {
    view.find(name)
    return name
  }
  let denied = false
  for (const dir of path.split(':')) {
    const file = `${dir === '' ? '.' : dir}/${name}`
    try {
      const { inode } = view.find(file)
      if (inode.type !== 'file') continue
      if (view.allowed(inode, 1)) return file
      denied = true
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }
  throw new FsError(denied ? 'EACCES' : 'ENOENT', name)
}
