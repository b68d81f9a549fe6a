/** /etc/passwd and /etc/group, read as the C library reads them. */
import type { FileSystem } from './files.ts'
import { FsError } from './files.ts'
import type { User } from './process.ts'

export const rootUser: User = { name: 'root', uid: 0, gid: 0, groups: [0], home: '/root', shell: '/bin/bash' }

export function readText(fs: FileSystem, path: string): string {
  try {
    return fs.readFile(path)
  } catch (error) {
    if (error instanceof FsError) return ''
    throw error
  }
}

export function readUsers(fs: FileSystem): Map<string, User> {
  const groups = readGroups(fs)
  const users = new Map<string, User>()
  for (const line of readText(fs, '/etc/passwd').split('\n')) {
    const [name, , uid, gid, , home, shell] = line.split(':')
    if (!name || uid === undefined || gid === undefined) continue
    const more = groups.filter((g) => g.members.includes(name)).map((g) => g.gid)
    users.set(name, { name, uid: Number(uid), gid: Number(gid), groups: [...new Set([Number(gid), ...more])], home: home || '/', shell: shell || '/bin/sh' })
  }
  return users
}

export interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

export function readGroups(fs: FileSystem): readonly Group[] {
  return readText(fs, '/etc/group').split('\n').flatMap((line) => {
    const [name, , gid, members] = line.split(':')
    return name && gid !== undefined ? [{ name, gid: Number(gid), members: (members ?? '').split(',').filter((m) => m !== '') }] : []
  })
}
