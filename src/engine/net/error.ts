/**
 * Failures of configuration verbs: the errno that netlink answers, with the text that `ip` prints after it. Where the kernel adds an
 * explanation of its own (extended acknowledgement), `message` is that sentence and `extended` is true: `ip` prints `Error: …`.
 */

/** strerror of glibc for the errno values that the network stack uses. */
export const errnoTexts: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EBADF: 'Bad file descriptor',
  EAGAIN: 'Resource temporarily unavailable',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  EINVAL: 'Invalid argument',
  ENOSPC: 'No space left on device',
  EPIPE: 'Broken pipe',
  ERANGE: 'Numerical result out of range',
  ELOOP: 'Too many levels of symbolic links',
  EMLINK: 'Too many links',
  ENOPROTOOPT: 'Protocol not available',
  EOPNOTSUPP: 'Operation not supported',
  EMSGSIZE: 'Message too long',
  EDESTADDRREQ: 'Destination address required',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  ENOTCONN: 'Transport endpoint is not connected',
  EISCONN: 'Transport endpoint is already connected',
  ETIMEDOUT: 'Connection timed out',
  ECONNREFUSED: 'Connection refused',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
  ENONET: 'Machine is not on the network',
}

export class NetError extends Error {
  readonly code: string
  /** True where the kernel sent a sentence of its own: `Error: Nexthop has invalid gateway.` Else `RTNETLINK answers: <message>`. */
  readonly extended: boolean

  constructor(code: string, sentence?: string) {
    super(sentence ?? errnoTexts[code] ?? code)
    this.name = 'NetError'
    this.code = code
    this.extended = sentence !== undefined
  }
}

/** iptables' and ipset's refusals: the whole text on stderr (without the last newline) and the exit code. */
export class IptablesError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'IptablesError'
    this.exitCode = exitCode
  }
}

/** iptables-restore's refusal; nothing has been changed. `line` counts from 1. */
export class RestoreError extends IptablesError {
  readonly line: number

  constructor(message: string, exitCode: number, line: number) {
    super(message, exitCode)
    this.name = 'RestoreError'
    this.line = line
  }
}
