/**
 * Inodes and trees of them: what a file system holds, without paths, permissions or mounts (vfs.ts has those). A tree can be
 * layered copy-on-write on another: directories look into `lower` and copy an entry up when it is first met, which costs one small
 * object because text is shared; so a container's root is as cheap as the files that it touches.
 */
import { byteLength } from '#base/bytes.ts'
import type { Stat } from './files.ts'

/** Counts inode numbers of one file system. */
export class Superblock {
  #next = 2
  readonly device: number
  /** In memory (tmpfs): folders are as big as what they list. */
  memory = false
  constructor(device = 1) {
    this.device = device
  }
  ino(): number {
    return this.#next++
  }
}

/** A file whose text is made when it is read (/proc, /sys). `write` gets the text of one write call; without it writing is EACCES. */
export interface ComputedFile {
  read(): string
  write?(text: string): void
}

export interface ComputedDir {
  list(): readonly string[]
  /** `pid`: who looks, in its own numbers (/proc/self). */
  lookup(name: string, pid: number): Inode | undefined
}

export type DeviceName = 'null' | 'zero' | 'full' | 'random' | 'tty' | 'pts'

export class Inode {
  readonly superblock: Superblock
  readonly ino: number
  readonly type: Stat['type']
  mode: number
  uid = 0
  gid = 0
  mtime: number
  nlink = 1
  /** Lies on something mounted read-only by itself (/proc/sys in a container). */
  frozen = false
  /** A symlink's target or a file's text. */
  #text = ''
  #size: number | undefined
  /** The name in the ProgramTable of what runs when this file is executed. */
  program: string | undefined
  computed: ComputedFile | undefined
  computedDir: ComputedDir | undefined
  device: DeviceName | undefined
  /** Makes the description of a device (a terminal's slave side) or of a magic link (/proc/PID/fd/N), which is then not followed as text. */
  openDevice: (() => unknown) | undefined
  children: Map<string, Inode> | undefined
  lower: Inode | undefined
  whiteouts: Set<string> | undefined
  watchers: Set<(path: string) => void> | undefined

  constructor(superblock: Superblock, type: Stat['type'], mode: number, mtime: number) {
    this.superblock = superblock
    this.ino = superblock.ino()
    this.type = type
    this.mode = mode
    this.mtime = mtime
    if (type === 'directory') this.children = new Map()
  }

  get text(): string {
    return this.computed ? this.computed.read() : this.#text
  }

  set text(text: string) {
    this.#text = text
    this.#size = undefined
  }

  get size(): number {
    if (this.type === 'directory') return this.computedDir ? 0 : this.superblock.memory ? 40 + 20 * this.names().length : 4096
    if (this.computed || this.device) return 0
    if (this.program !== undefined && this.#text === '') return 100_000
    return (this.#size ??= byteLength(this.#text))
  }

  child(name: string, pid = 1): Inode | undefined {
    if (this.computedDir) return this.computedDir.lookup(name, pid)
    const own = this.children?.get(name)
    if (own || !this.lower || this.whiteouts?.has(name)) return own
    const below = this.lower.child(name)
    if (!below) return undefined
    const copy = below.copy(this.superblock)
    this.children!.set(name, copy)
    return copy
  }

  names(): string[] {
    if (this.computedDir) return [...this.computedDir.list()]
    const names = new Set(this.children!.keys())
    if (this.lower) for (const name of this.lower.names()) if (!this.whiteouts?.has(name)) names.add(name)
    return [...names]
  }

  put(name: string, inode: Inode): void {
    this.children!.set(name, inode)
  }

  drop(name: string): void {
    this.children!.delete(name)
    if (this.lower?.child(name)) (this.whiteouts ??= new Set()).add(name)
  }

  /** The same thing in another tree; a directory stays a view of its original until it is changed. */
  copy(superblock: Superblock): Inode {
    const copy = new Inode(superblock, this.type, this.mode, this.mtime)
    copy.uid = this.uid
    copy.gid = this.gid
    copy.#text = this.#text
    copy.#size = this.#size
    copy.program = this.program
    copy.computed = this.computed
    copy.computedDir = this.computedDir
    copy.device = this.device
    copy.openDevice = this.openDevice
    if (this.type === 'directory' && !this.computedDir) copy.lower = this
    return copy
  }
}

export interface EntryOptions {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** A whole tree, built by path (all parents are made). Used for images, emptyDirs, projected volumes and a host's own root. */
export class FileTree {
  readonly superblock: Superblock
  readonly root: Inode
  readonly #time: number

  constructor(options: { readonly lower?: FileTree; readonly mtime?: number; readonly mode?: number } = {}) {
    this.#time = options.mtime ?? 0
    this.superblock = new Superblock()
    this.root = options.lower ? options.lower.root.copy(this.superblock) : new Inode(this.superblock, 'directory', options.mode ?? 0o755, this.#time)
    // Making the mount points changes the root of a layer.
    if (options.lower) this.root.mtime = this.#time
  }

  /** A writable tree on top of this one, which must not be changed any more. */
  layer(mtime = this.#time): FileTree {
    return new FileTree({ lower: this, mtime })
  }

  dir(path: string, options: EntryOptions = {}): this {
    this.#dir(path, options)
    return this
  }

  file(path: string, text: string, options: EntryOptions = {}): this {
    const inode = this.#entry(path, 'file', options.mode ?? 0o644, options)
    inode.text = text
    return this
  }

  /** An executable whose work is done by a program of the table. */
  program(path: string, name: string, options: EntryOptions = {}): this {
    this.#entry(path, 'file', options.mode ?? 0o755, options).program = name
    return this
  }

  symlink(path: string, target: string): this {
    this.#entry(path, 'symlink', 0o777, {}).text = target
    return this
  }

  device(path: string, device: DeviceName, mode = 0o666): this {
    this.#entry(path, 'device', mode, {}).device = device
    return this
  }

  computed(path: string, computed: ComputedFile, options: EntryOptions = {}): this {
    this.#entry(path, 'file', options.mode ?? (computed.write ? 0o644 : 0o444), options).computed = computed
    return this
  }

  computedDir(path: string, computed: ComputedDir): this {
    this.#entry(path, 'directory', 0o555, {}).computedDir = computed
    return this
  }

  /** The inode at a path, symlinks not followed. */
  at(path: string): Inode | undefined {
    let inode: Inode | undefined = this.root
    for (const name of path.split('/')) if (name !== '') inode = inode?.child(name)
    return inode
  }

  #dir(path: string, options: EntryOptions): Inode {
    let inode = this.root
    for (const name of path.split('/')) {
      if (name === '') continue
      let next = inode.child(name)
      if (next?.type === 'symlink') next = this.#dir(next.text.startsWith('/') ? next.text : next.text, {})
      if (!next) {
        next = new Inode(this.superblock, 'directory', options.mode ?? 0o755, this.#time)
        next.uid = options.uid ?? 0
        next.gid = options.gid ?? 0
        next.nlink = 2
        inode.nlink++
        inode.put(name, next)
      }
      inode = next
    }
    return inode
  }

  #entry(path: string, type: Stat['type'], mode: number, options: EntryOptions): Inode {
    const slash = path.lastIndexOf('/')
    const parent = this.#dir(path.slice(0, Math.max(0, slash)), {})
    const inode = new Inode(this.superblock, type, mode, this.#time)
    inode.uid = options.uid ?? 0
    inode.gid = options.gid ?? 0
    parent.put(path.slice(slash + 1), inode)
    return inode
  }
}

/** A file for a computed directory. */
export function computedInode(superblock: Superblock, computed: ComputedFile, mode = computed.write ? 0o644 : 0o444): Inode {
  const inode = new Inode(superblock, 'file', mode, 0)
  inode.computed = computed
  return inode
}

export function computedDirInode(superblock: Superblock, computed: ComputedDir, mode = 0o555): Inode {
  const inode = new Inode(superblock, 'directory', mode, 0)
  inode.computedDir = computed
  return inode
}

export function symlinkInode(superblock: Superblock, target: string): Inode {
  const inode = new Inode(superblock, 'symlink', 0o777, 0)
  inode.text = target
  return inode
}
