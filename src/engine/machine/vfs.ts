/**
 * Path walking, mounts and permissions over inode trees: the kernel's VFS as processes meet it. A MountNamespace is a root and a
 * list of mounts on inodes; a View is one process's access to it (credentials, cwd, umask) and implements FileSystem.
 * Leaves out: ACLs, file capabilities, quotas, mount propagation.
 */
import { FsError, type Errno, type FileSystem, type Stat } from './files.ts'
import { FileTree, Inode, type Superblock } from './tree.ts'

export interface Mount {
  readonly path: string
  readonly root: Inode
  readonly superblock: Superblock
  readonly source: string
  readonly type: string
  readonly readOnly: boolean
  readonly options: string
}

export interface Credentials {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** A place in the tree: the inode and how it was reached. */
export interface Entry {
  readonly inode: Inode
  readonly name: string
  readonly mount: Mount
  readonly up: Entry | undefined
}

/** Where a walk ended; without `entry` where only the parent exists. */
interface Walked {
  readonly parent: Entry
  readonly name: string
  readonly entry: Entry | undefined
}

export class MountNamespace {
  readonly mounts: Mount[] = []
  readonly #at = new Map<Inode, Mount>()
  root: Entry

  constructor(tree: FileTree, options: { readonly source?: string; readonly type?: string; readonly readOnly?: boolean; readonly options?: string } = {}) {
    const mount: Mount = {
      path: '/', root: tree.root, superblock: tree.superblock, source: options.source ?? 'overlay', type: options.type ?? 'overlay', readOnly: options.readOnly ?? false,
      options: options.options ?? 'relatime',
    }
    this.mounts.push(mount)
    this.root = { inode: tree.root, name: '', mount, up: undefined }
  }

  mountedOn(inode: Inode): Mount | undefined {
    return this.#at.get(inode)
  }

  attach(on: Inode, mount: Mount): void {
    if (mount.type === 'tmpfs') mount.superblock.memory = true
    this.mounts.push(mount)
    this.#at.set(on, mount)
  }

  detach(path: string): boolean {
    const mount = this.mounts.findLast((m) => m.path === path)
    if (!mount || mount === this.mounts[0]) return false
    this.mounts.splice(this.mounts.indexOf(mount), 1)
    for (const [inode, m] of this.#at) if (m === mount) this.#at.delete(inode)
    return true
  }

  /** The same mounts seen from another root directory (chroot). */
  seenFrom(root: Entry): MountNamespace {
    const copy = this.clone()
    copy.root = { inode: root.inode, name: '', mount: root.mount, up: undefined }
    return copy
  }

  /** A mount namespace of its own with the same mounts (unshare -m). */
  clone(): MountNamespace {
    const copy = new MountNamespace({ root: this.root.inode, superblock: this.root.mount.superblock } as FileTree)
    copy.mounts.splice(0, 1, ...this.mounts)
    for (const [inode, mount] of this.#at) copy.#at.set(inode, mount)
    copy.root = this.root
    return copy
  }
}

export function pathOf(entry: Entry): string {
  let path = ''
  for (let e: Entry | undefined = entry; e?.up; e = e.up) path = '/' + e.name + path
  return path === '' ? '/' : path
}

/** Tells everyone who watches this place or one above it. */
export function notify(entry: Entry): void {
  let below = ''
  for (let e: Entry | undefined = entry; e; e = e.up) {
    if (e.inode.watchers) for (const listener of [...e.inode.watchers]) listener(below)
    below = '/' + e.name + below
  }
}

export interface ViewOptions {
  readonly namespace: () => MountNamespace
  readonly credentials: () => Credentials
  readonly cwd: () => string
  readonly umask: () => number
  readonly now: () => number
  /** The caller's pid in its own numbers. */
  readonly pid: () => number
  /** Whether root's powers of this name are there; default: root has all. */
  readonly can?: (capability: string) => boolean
}

const READ = 4
const WRITE = 2
const EXECUTE = 1

export class View implements FileSystem {
  readonly #o: ViewOptions

  constructor(options: ViewOptions) {
    this.#o = options
  }

  get namespace(): MountNamespace {
    return this.#o.namespace()
  }

  #can(capability: string): boolean {
    return this.#o.can ? this.#o.can(capability) : this.#o.credentials().uid === 0
  }

  /** May the caller do this? Root may, except executing what nobody may. */
  allowed(inode: Inode, need: number): boolean {
    const c = this.#o.credentials()
    if (c.uid === 0 && this.#can('DAC_OVERRIDE')) return !(need & EXECUTE) || inode.type === 'directory' || (inode.mode & 0o111) !== 0
    const bits = c.uid === inode.uid ? inode.mode >> 6 : c.gid === inode.gid || c.groups.includes(inode.gid) ? inode.mode >> 3 : inode.mode
    return (bits & need) === need
  }

  /** Walks to a path. With `parent`, the last component need not exist: then `entry` is undefined. */
  walk(path: string, options: { readonly follow?: boolean; readonly parent?: boolean } = {}): Walked {
    const found = this.#walk(path, options.follow ?? true, options.parent ?? false)
    if (typeof found === 'string') throw new FsError(found, path)
    return found
  }

  /** The same, with the errno of what is in the way as a value: looking for what is not there is common. */
  #walk(path: string, follow: boolean, lenient: boolean): Walked | Errno {
    if (path === '') return 'ENOENT'
    return this.#step(this.namespace.root, path.startsWith('/') ? path : this.#o.cwd() + '/' + path, follow, lenient, { count: 0 })
  }

  #step(from: Entry, text: string, follow: boolean, lenient: boolean, links: { count: number }): Walked | Errno {
    const names = text.split('/')
    let left = 0
    for (const name of names) if (name !== '' && name !== '.') left++
    const slash = text.endsWith('/') || text.endsWith('/.')
    let at = text.startsWith('/') ? this.namespace.root : from
    let last: Walked = { parent: at.up ?? at, name: at.name, entry: at }
    for (const name of names) {
      if (name === '' || name === '.') continue
      const final = --left === 0
      if (at.inode.type !== 'directory') return 'ENOTDIR'
      if (!this.allowed(at.inode, EXECUTE)) return 'EACCES'
      if (name === '..') {
        at = at.up ?? at
        last = { parent: at.up ?? at, name: at.name, entry: at }
        continue
      }
      if (name.length > 255) return 'ENAMETOOLONG'
      const found = at.inode.child(name, this.#o.pid())
      if (!found) return final && lenient ? { parent: at, name, entry: undefined } : 'ENOENT'
      if (found.type === 'symlink' && !found.openDevice && (!final || follow || slash)) {
        if (++links.count > 40) return 'ELOOP'
        const target = this.#step(at, found.text, true, final && lenient, links)
        if (typeof target === 'string' || !target.entry) return target
        last = target
        at = target.entry
        continue
      }
      const parent: Entry = at
      const mount = this.namespace.mountedOn(found)
      at = mount ? { inode: mount.root, name, mount, up: parent } : { inode: found, name, mount: parent.mount, up: parent }
      last = { parent, name, entry: at }
    }
    if (slash && last.entry && last.entry.inode.type !== 'directory') return 'ENOTDIR'
    return last
  }

  find(path: string, follow = true): Entry {
    const { entry } = this.walk(path, { follow })
    if (!entry) throw new FsError('ENOENT', path)
    return entry
  }

  realpath(path: string): string {
    return pathOf(this.find(path))
  }

  exists(path: string): boolean {
    return typeof this.#walk(path, true, false) !== 'string'
  }

  stat(path: string): Stat {
    return statOf(this.find(path).inode)
  }

  lstat(path: string): Stat {
    return statOf(this.find(path, false).inode)
  }

  readDir(path: string): string[] {
    const { inode } = this.find(path)
    if (inode.type !== 'directory') throw new FsError('ENOTDIR', path)
    this.#need(inode, READ, path)
    return inode.names().sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  }

  readFile(path: string): string {
    const { inode } = this.find(path)
    if (inode.type === 'directory') throw new FsError('EISDIR', path)
    this.#need(inode, READ, path)
    return inode.device ? '' : readText(inode)
  }

  /** The entry of a file to write, made where missing. */
  openForWrite(path: string, options: { readonly mode?: number; readonly create: boolean; readonly exclusive?: boolean }): { readonly entry: Entry; readonly made: boolean } {
    const { parent, name, entry } = this.walk(path, { parent: options.create, follow: !options.exclusive })
    if (entry) {
      if (options.exclusive) throw new FsError('EEXIST', path)
      if (entry.inode.type === 'directory') throw new FsError('EISDIR', path)
      // mnt_want_write comes before the permission bits.
      if ((entry.mount.readOnly && !entry.inode.device) || entry.inode.frozen) throw new FsError('EROFS', path)
      this.#need(entry.inode, WRITE, path)
      if (entry.inode.computed && !entry.inode.computed.write) throw new FsError('EACCES', path)
      return { entry, made: false }
    }
    this.#changeable(parent, path)
    const inode = this.#make(parent, name, 'file', (options.mode ?? 0o666) & ~this.#o.umask())
    return { entry: { inode, name, mount: parent.mount, up: parent }, made: true }
  }

  writeFile(path: string, text: string, options: { readonly append?: boolean; readonly mode?: number } = {}): void {
    const { entry } = this.openForWrite(path, { create: true, ...(options.mode !== undefined && { mode: options.mode }) })
    this.setText(entry, options.append ? entry.inode.text + text : text)
  }

  /** Gives a file its new text and tells watchers. */
  setText(entry: Entry, text: string): void {
    const { inode } = entry
    if (inode.device) return
    if (inode.computed) {
      inode.computed.write?.(text)
      return
    }
    inode.text = text
    inode.program = undefined
    inode.mtime = this.#o.now()
    notify(entry)
  }

  mkdir(path: string, options: { readonly parents?: boolean; readonly mode?: number } = {}): void {
    const mode = (options.mode ?? 0o777) & ~this.#o.umask()
    if (options.parents) {
      const whole = path === '' ? 'ENOENT' : this.#walk(path, true, false)
      if (typeof whole !== 'string' && whole.entry!.inode.type === 'directory') return
      const parts = path.split('/').filter((n) => n !== '' && n !== '.')
      let prefix = path.startsWith('/') ? '' : '.'
      for (const part of parts) {
        prefix += '/' + part
        const there = this.#walk(prefix, true, false)
        if (typeof there === 'string' && there !== 'ENOENT') throw new FsError(there, prefix)
        if (typeof there !== 'string' && there.entry!.inode.type !== 'directory') throw new FsError('ENOTDIR', path)
        if (typeof there === 'string') this.mkdir(prefix, { mode: options.mode ?? 0o777 })
      }
      return
    }
    const { parent, name, entry } = this.walk(path.replace(/(.)\/+$/, '$1'), { parent: true, follow: false })
    if (entry) throw new FsError('EEXIST', path)
    this.#changeable(parent, path)
    const inode = this.#make(parent, name, 'directory', mode)
    parent.inode.nlink++
    inode.nlink = 2
  }

  rmdir(path: string): void {
    const { parent, name, entry } = this.walk(path.replace(/(.)\/+$/, '$1'), { follow: false })
    if (!entry) throw new FsError('ENOENT', path)
    if (entry.inode.type !== 'directory') throw new FsError('ENOTDIR', path)
    if (entry.mount.root === entry.inode) throw new FsError('EBUSY', path)
    if (entry.inode.names().length > 0) throw new FsError('ENOTEMPTY', path)
    this.#removable(parent, entry, path)
    parent.inode.drop(name)
    parent.inode.nlink--
    this.#changed(entry)
  }

  unlink(path: string): void {
    const { parent, name, entry } = this.walk(path, { follow: false })
    if (!entry) throw new FsError('ENOENT', path)
    if (entry.inode.type === 'directory') throw new FsError('EISDIR', path)
    if (entry.mount.root === entry.inode) throw new FsError('EBUSY', path)
    this.#removable(parent, entry, path)
    parent.inode.drop(name)
    entry.inode.nlink--
    this.#changed(entry)
  }

  rename(from: string, to: string): void {
    const source = this.walk(from.replace(/(.)\/+$/, '$1'), { follow: false })
    const target = this.walk(to.replace(/(.)\/+$/, '$1'), { parent: true, follow: false })
    if (!source.entry) throw new FsError('ENOENT', from)
    if (source.entry.mount.root === source.entry.inode || (target.entry && target.entry.mount.root === target.entry.inode)) throw new FsError('EBUSY', from)
    if (source.parent.mount !== target.parent.mount) throw new FsError('EXDEV', from)
    if (target.entry?.inode === source.entry.inode) return
    const isDir = source.entry.inode.type === 'directory'
    for (let e: Entry | undefined = target.parent; e; e = e.up) if (e.inode === source.entry.inode) throw new FsError('EINVAL', from)
    this.#removable(source.parent, source.entry, from)
    if (target.entry) {
      if (target.entry.inode.type === 'directory' && !isDir) throw new FsError('EISDIR', to)
      if (target.entry.inode.type !== 'directory' && isDir) throw new FsError('ENOTDIR', to)
      if (isDir && target.entry.inode.names().length > 0) throw new FsError('ENOTEMPTY', to)
      this.#removable(target.parent, target.entry, to)
      target.entry.inode.nlink--
    } else this.#changeable(target.parent, to)
    source.parent.inode.drop(source.name)
    target.parent.inode.put(target.name, source.entry.inode)
    this.#changed(source.entry)
    this.#changed({ inode: source.entry.inode, name: target.name, mount: target.parent.mount, up: target.parent })
  }

  symlink(target: string, path: string): void {
    const { parent, name, entry } = this.walk(path, { parent: true, follow: false })
    if (entry) throw new FsError('EEXIST', path)
    this.#changeable(parent, path)
    this.#make(parent, name, 'symlink', 0o777, target)
  }

  link(existing: string, path: string): void {
    const source = this.find(existing, false)
    const { parent, name, entry } = this.walk(path, { parent: true, follow: false })
    if (entry) throw new FsError('EEXIST', path)
    if (source.inode.type === 'directory') throw new FsError('EPERM', existing)
    if (source.mount !== parent.mount) throw new FsError('EXDEV', existing)
    this.#changeable(parent, path)
    parent.inode.put(name, source.inode)
    source.inode.nlink++
    this.#changed({ inode: source.inode, name, mount: parent.mount, up: parent })
  }

  readlink(path: string): string {
    const { inode } = this.find(path, false)
    if (inode.type !== 'symlink') throw new FsError('EINVAL', path)
    return inode.text
  }

  chmod(path: string, mode: number): void {
    const entry = this.#owned(path)
    entry.inode.mode = mode & 0o7777
    notify(entry)
  }

  chown(path: string, uid: number, gid: number): void {
    const entry = this.#owned(path)
    const c = this.#o.credentials()
    if (!this.#can('CHOWN') && (uid !== entry.inode.uid || !(gid === entry.inode.gid || c.gid === gid || c.groups.includes(gid)))) throw new FsError('EPERM', path)
    entry.inode.uid = uid
    entry.inode.gid = gid
    notify(entry)
  }

  utimes(path: string, mtime: number): void {
    const entry = this.find(path)
    if (entry.mount.readOnly) throw new FsError('EROFS', path)
    entry.inode.mtime = mtime
    notify(entry)
  }

  access(path: string, how: { readonly read?: boolean; readonly write?: boolean; readonly execute?: boolean }): boolean {
    try {
      const { inode, mount } = this.find(path)
      if (how.write && mount.readOnly && !inode.device) return false
      return this.allowed(inode, (how.read ? READ : 0) | (how.write ? WRITE : 0) | (how.execute ? EXECUTE : 0))
    } catch (error) {
      if (error instanceof FsError) return false
      throw error
    }
  }

  watch(path: string, listener: (path: string) => void): () => void {
    const entry = this.find(path)
    const real = pathOf(entry)
    const isDir = entry.inode.type === 'directory'
    const on = isDir ? entry.inode : entry.up!.inode
    const only = isDir ? undefined : '/' + entry.name
    const hear = (below: string) => {
      if (only === undefined) listener(real === '/' ? below || '/' : real + below)
      else if (below === only) listener(real)
    }
    ;(on.watchers ??= new Set()).add(hear)
    return () => {
      on.watchers!.delete(hear)
      if (on.watchers!.size === 0) on.watchers = undefined
    }
  }

  /** Mounts a tree or a bind of an inode at a path of this namespace. */
  mount(path: string, root: Inode, options: { readonly source: string; readonly type: string; readonly readOnly?: boolean; readonly options?: string }): void {
    const entry = this.find(path)
    this.namespace.attach(entry.mount.root === entry.inode && entry.up ? this.#under(entry) : entry.inode, {
      path: pathOf(entry), root, superblock: root.superblock, source: options.source, type: options.type, readOnly: options.readOnly ?? false,
      options: options.options ?? 'relatime',
    })
  }

  #under(entry: Entry): Inode {
    return entry.up!.inode.child(entry.name) ?? entry.inode
  }

  #need(inode: Inode, need: number, path: string): void {
    if (!this.allowed(inode, need)) throw new FsError('EACCES', path)
  }

  #changeable(dir: Entry, path: string): void {
    if (dir.inode.type !== 'directory') throw new FsError('ENOTDIR', path)
    if (dir.mount.readOnly) throw new FsError('EROFS', path)
    if (dir.inode.computedDir) throw new FsError(dir.mount.type === 'proc' ? 'ENOENT' : 'EPERM', path)
    this.#need(dir.inode, WRITE | EXECUTE, path)
  }

  #removable(dir: Entry, entry: Entry, path: string): void {
    this.#changeable(dir, path)
    const { uid } = this.#o.credentials()
    if (dir.inode.mode & 0o1000 && !this.#can('FOWNER') && uid !== entry.inode.uid && uid !== dir.inode.uid) throw new FsError('EPERM', path)
  }

  #owned(path: string): Entry {
    const entry = this.find(path)
    const { uid } = this.#o.credentials()
    if (!this.#can('FOWNER') && uid !== entry.inode.uid) throw new FsError('EPERM', path)
    if (entry.mount.readOnly) throw new FsError('EROFS', path)
    return entry
  }

  #make(parent: Entry, name: string, type: Stat['type'], mode: number, text?: string): Inode {
    const inode = new Inode(parent.inode.superblock, type, mode, this.#o.now())
    const c = this.#o.credentials()
    inode.uid = c.uid
    inode.gid = parent.inode.mode & 0o2000 ? parent.inode.gid : c.gid
    if (text !== undefined) inode.text = text
    parent.inode.put(name, inode)
    this.#changed({ inode, name, mount: parent.mount, up: parent })
    return inode
  }

  #changed(entry: Entry): void {
    entry.up!.inode.mtime = this.#o.now()
    notify(entry)
  }
}

/** Which program an executable is: what it was made as, or copied from. */
export const programOf = (inode: Inode): string | undefined => inode.program ?? /^\x7fELF\x02\x01\x01\0{9}(.+)\n$/.exec(inode.text)?.[1]

/** A regular file's text; what runs as a program looks like an ELF file. */
export function readText(inode: Inode): string {
  if (inode.program !== undefined && inode.text === '') return '\x7fELF\x02\x01\x01' + '\0'.repeat(9) + inode.program + '\n'
  return inode.text
}

/** A folder merged of layers has one link (overlayfs). */
export function statOf(inode: Inode): Stat {
  return { type: inode.type, mode: inode.mode, uid: inode.uid, gid: inode.gid, size: inode.size, mtime: inode.mtime, ino: inode.ino, nlink: inode.lower ? 1 : inode.nlink }
}

export function isErrno(error: unknown, ...codes: Errno[]): error is FsError {
  return error instanceof FsError && (codes.length === 0 || codes.includes(error.code))
}
