/** Open files whose other side is the session: where a command's output goes when no terminal shows it. */
import { FsError } from '#engine/machine/files.ts'
import type { OpenFile } from '#engine/machine/process.ts'

/** Hands on what is written; reading gives end of file. */
export function sinkFile(hear: (text: string) => void): OpenFile {
  const file: OpenFile = {
    kind: 'pipe',
    target: 'pipe:[0]',
    tty: undefined,
    ready: true,
    read: () => Promise.resolve(undefined),
    readLine: () => Promise.resolve(undefined),
    readAll: () => Promise.resolve(''),
    readBytes: () => Promise.resolve(undefined),
    write: (text) => {
      hear(text)
      return Promise.resolve()
    },
    retain: () => file,
    release: () => undefined,
  }
  return file
}

/** Empty standard input. */
export function nullFile(): OpenFile {
  return { ...sinkFile(() => undefined), kind: 'null', target: '/dev/null', write: () => Promise.reject(new FsError('EBADF')) }
}
