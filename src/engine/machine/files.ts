/**
 * A POSIX-like tree of files in memory, as a process sees it. Synchronous. Paths may be relative to the process's cwd.
 * Errors are FsError with the errno name; `strerror` gives the text that programs print.
 */
export type Errno =
  | 'EPERM' | 'ENOENT' | 'ESRCH' | 'EINTR' | 'EIO' | 'E2BIG' | 'ENOEXEC' | 'EBADF' | 'ECHILD' | 'EAGAIN' | 'ENOMEM' | 'EACCES' | 'EBUSY' | 'EEXIST' | 'EXDEV'
  | 'ENODEV' | 'ENXIO' | 'ENOTDIR' | 'EISDIR' | 'EINVAL' | 'ENFILE' | 'EMFILE' | 'ENOTTY' | 'EFBIG' | 'ENOSPC' | 'ESPIPE' | 'EROFS' | 'EMLINK' | 'EPIPE' | 'ENAMETOOLONG'
  | 'ENOTEMPTY' | 'ELOOP' | 'ENOPROTOOPT' | 'EPROTONOSUPPORT' | 'EOPNOTSUPP' | 'EAFNOSUPPORT' | 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'ENETDOWN' | 'ENETUNREACH'
  | 'ECONNABORTED' | 'ECONNRESET' | 'EISCONN' | 'ENOTCONN' | 'ETIMEDOUT' | 'ECONNREFUSED' | 'EHOSTDOWN' | 'EHOSTUNREACH' | 'EMSGSIZE' | 'EDESTADDRREQ'

const texts: Record<Errno, string> = {
  EPERM: 'Operation not permitted', ENOENT: 'No such file or directory', ESRCH: 'No such process', EINTR: 'Interrupted system call', EIO: 'Input/output error',
  E2BIG: 'Argument list too long', ENOEXEC: 'Exec format error', EBADF: 'Bad file descriptor', ECHILD: 'No child processes', EAGAIN: 'Resource temporarily unavailable',
  ENOMEM: 'Cannot allocate memory', EACCES: 'Permission denied', EBUSY: 'Device or resource busy', EEXIST: 'File exists', EXDEV: 'Invalid cross-device link',
  ENODEV: 'No such device', ENXIO: 'No such device or address', ENOTDIR: 'Not a directory', EISDIR: 'Is a directory', EINVAL: 'Invalid argument', ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files', ENOTTY: 'Inappropriate ioctl for device', EFBIG: 'File too large', ENOSPC: 'No space left on device', ESPIPE: 'Illegal seek',
  EROFS: 'Read-only file system', EMLINK: 'Too many links', EPIPE: 'Broken pipe', ENAMETOOLONG: 'File name too long', ENOTEMPTY: 'Directory not empty',
  ELOOP: 'Too many levels of symbolic links', ENOPROTOOPT: 'Protocol not available', EPROTONOSUPPORT: 'Protocol not supported', EOPNOTSUPP: 'Operation not supported',
  EAFNOSUPPORT: 'Address family not supported by protocol', EADDRINUSE: 'Address already in use', EADDRNOTAVAIL: 'Cannot assign requested address',
  ENETDOWN: 'Network is down', ENETUNREACH: 'Network is unreachable', ECONNABORTED: 'Software caused connection abort', ECONNRESET: 'Connection reset by peer',
  EISCONN: 'Transport endpoint is already connected', ENOTCONN: 'Transport endpoint is not connected', ETIMEDOUT: 'Connection timed out',
  ECONNREFUSED: 'Connection refused', EHOSTDOWN: 'Host is down', EHOSTUNREACH: 'No route to host', EMSGSIZE: 'Message too long', EDESTADDRREQ: 'Destination address required',
}

export function strerror(code: Errno): string {
  return texts[code]
}

const traces = Error as { stackTraceLimit?: number | undefined }

export class FsError extends Error {
  readonly code: Errno
  readonly path: string | undefined

  /** These are answers, not bugs, and thousands come in a boot: V8 is asked not to collect a stack for them. */
  constructor(code: Errno, path?: string) {
    const limit = traces.stackTraceLimit
    traces.stackTraceLimit = 0
    super(texts[code])
    traces.stackTraceLimit = limit
    this.code = code
    this.path = path
  }
}

export interface Stat {
  readonly type: 'file' | 'directory' | 'symlink' | 'device' | 'fifo' | 'socket'
  /** Permission bits, 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  /** Virtual ms since the epoch. */
  readonly mtime: number
  readonly ino: number
  readonly nlink: number
}

export interface FileSystem {
  /** Absolute, `.` and `..` resolved textually, symlinks followed. Throws ENOENT, ENOTDIR, ELOOP, EACCES. */
  realpath(path: string): string
  exists(path: string): boolean
  /** Follows symlinks; `lstat` does not. */
  stat(path: string): Stat
  lstat(path: string): Stat
  /** Names without `.` and `..`, sorted by byte value. */
  readDir(path: string): string[]
  readFile(path: string): string
  /** Creates or truncates. */
  writeFile(path: string, text: string, options?: { readonly append?: boolean; readonly mode?: number }): void
  mkdir(path: string, options?: { readonly parents?: boolean; readonly mode?: number }): void
  rmdir(path: string): void
  unlink(path: string): void
  rename(from: string, to: string): void
  symlink(target: string, path: string): void
  link(existing: string, path: string): void
  readlink(path: string): string
  chmod(path: string, mode: number): void
  chown(path: string, uid: number, gid: number): void
  utimes(path: string, mtime: number): void
  access(path: string, how: { readonly read?: boolean; readonly write?: boolean; readonly execute?: boolean }): boolean
  /** Calls back on every change at or below `path` (inotify); synchronous, after the change. */
  watch(path: string, listener: (path: string) => void): () => void
}
