/** Redirections: they change the shell's own file table and can be undone, as bash does around builtins and compound commands. */
import { byteLength } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile } from '#engine/machine/process.ts'
import { setScalar, getScalar } from '../expand/variables.ts'
import { expandString, expandText, expandWordInto } from '../expand/word.ts'
import type { Redirect } from '../parser/ast.ts'
import type { Shell } from '../state.ts'

/** A redirection failed and was reported. */
export class RedirectFailed {}

export interface Undo {
  back(): void
  /** What was there before, held until it is clear whether it comes back. */
  readonly old: OpenFile | undefined
}

function put(sh: Shell, fd: number, file: OpenFile | undefined, undo: Undo[]): void {
  const fds = sh.process.fds
  const old = fds.get(fd)
  if (file) fds.set(fd, file)
  else fds.delete(fd)
  undo.push({
    old,
    back: () => {
      file?.release()
      if (old) fds.set(fd, old)
      else fds.delete(fd)
    },
  })
}

async function complain(sh: Shell, text: string, about?: 'input' | 'output'): Promise<never> {
  await sh.complain(text, about)
  throw new RedirectFailed()
}

async function targetOf(sh: Shell, redirect: Redirect): Promise<string> {
  const words: string[] = []
  await expandWordInto(sh, redirect.target, words)
  if (words.length !== 1 || (words[0] === '' && !/['"]/.test(redirect.target.text))) return complain(sh, `${redirect.target.text}: ambiguous redirect`)
  return words[0]!
}

const flags = {
  '<': { read: true },
  '>': { write: true, create: true, truncate: true },
  '>|': { write: true, create: true, truncate: true },
  '>>': { write: true, create: true, append: true },
  '<>': { read: true, write: true, create: true },
} as const

async function open(sh: Shell, path: string, op: keyof typeof flags): Promise<OpenFile> {
  const m = /^\/dev\/(?:fd\/(\d+)|(stdin|stdout|stderr))$/.exec(path)
  if (m) {
    const fd = m[1] !== undefined ? Number(m[1]) : ['stdin', 'stdout', 'stderr'].indexOf(m[2]!)
    const file = sh.process.fds.get(fd)
    if (file) return file.retain()
  }
  const net = sh.posix ? null : /^\/dev\/tcp\/([^/]+)\/([^/]+)$/.exec(path)
  if (net) return dial(sh, path, net[1]!, net[2]!)
  if (op === '>' && sh.option('noclobber')) {
    try {
      if (sh.process.fs.stat(path).type === 'file') return await complain(sh, `${path}: cannot overwrite existing file`)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }
  try {
    return sh.process.open(path, { ...flags[op], mode: 0o666 })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return complain(sh, `${path}: ${strerror(error.code)}`, op === '<' ? 'input' : 'output')
  }
}

const lookupFailures = { EAI_NONAME: 'Name or service not known', EAI_AGAIN: 'Temporary failure in name resolution', EAI_NODATA: 'No address associated with hostname', EAI_FAIL: 'Non-recoverable failure in name resolution' } as const

/** bash's /dev/tcp/HOST/PORT: a connection as a file. */
async function dial(sh: Shell, path: string, host: string, port: string): Promise<OpenFile> {
  const { process } = sh
  const found = await process.sockets.lookup(host)
  if (!found.ok) {
    await sh.complain(`${host}: ${lookupFailures[found.error]}`)
    return complain(sh, `${path}: Invalid argument`)
  }
  try {
    return process.socketFile(await process.sockets.connect(found.addresses[0]!, Number(port)))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`${(process.argv[0] ?? 'bash').replace(/^.*\//, '')}: connect: ${strerror(error.code)}\n`)
    return complain(sh, `${path}: ${strerror(error.code)}`)
  }
}

/** A description that reads `text`. */
export async function readable(sh: Shell, text: string): Promise<OpenFile> {
  if (byteLength(text) <= 4096) {
    const { read, write } = sh.process.pipe()
    if (text !== '') await write.write(text)
    write.release()
    return read
  }
  const path = `/tmp/sh-thd.${sh.process.pid}.${sh.ticks++}`
  sh.process.fs.writeFile(path, text)
  const file = sh.process.open(path, { read: true })
  sh.process.fs.unlink(path)
  return file
}

/** Throws RedirectFailed after its message; what was done before is undone. */
export async function applyRedirects(sh: Shell, redirects: readonly Redirect[]): Promise<Undo[]> {
  const undo: Undo[] = []
  try {
    for (const redirect of redirects) await apply(sh, redirect, undo)
  } catch (error) {
    undoRedirects(undo)
    throw error
  }
  return undo
}

export function undoRedirects(undo: Undo[]): void {
  for (const u of undo.reverse()) u.back()
}

/** `exec` without a command: the redirections stay, so what they replaced is let go. */
export function keepRedirects(undo: readonly Undo[]): void {
  for (const u of undo) u.old?.release()
}

async function apply(sh: Shell, redirect: Redirect, undo: Undo[]): Promise<void> {
  const { op } = redirect
  const input = op === '<' || op === '<>' || op === '<&' || op === '<<' || op === '<<-' || op === '<<<'
  let fd = redirect.fd ?? (input ? 0 : 1)
  if (redirect.variable !== undefined) {
    if ((op === '<&' || op === '>&') && redirect.target.text === '-') fd = Number(getScalar(sh, redirect.variable) ?? -1)
    else {
      fd = 10
      while (sh.process.fds.has(fd)) fd++
      setScalar(sh, redirect.variable, String(fd))
    }
    const { file } = await describe(sh, redirect, fd)
    if (file === 'close') {
      const old = sh.process.fds.get(fd)
      sh.process.fds.delete(fd)
      old?.release()
    } else sh.process.fds.set(fd, file)
    return
  }
  if (op === '&>' || op === '&>>' || (op === '>&' && redirect.fd === undefined && !/^(\d+|-|\d+-)$/.test(redirect.target.text) && !redirect.target.text.startsWith('$'))) {
    const file = await open(sh, await targetOf(sh, redirect), op === '&>>' ? '>>' : '>')
    put(sh, 1, file, undo)
    put(sh, 2, file.retain(), undo)
    return
  }
  const { file, movedFrom } = await describe(sh, redirect, fd)
  put(sh, fd, file === 'close' ? undefined : file, undo)
  if (movedFrom !== undefined) put(sh, movedFrom, undefined, undo)
}

/** What a redirection puts in place; `movedFrom` is the descriptor that `N>&M-` closes. */
interface Target {
  readonly file: OpenFile | 'close'
  readonly movedFrom?: number
}

async function describe(sh: Shell, redirect: Redirect, fd: number): Promise<Target> {
  const { op } = redirect
  if (redirect.heredoc) {
    const { body, quoted, line } = redirect.heredoc
    return { file: await readable(sh, quoted ? body : await expandText(sh, body, line, 'document')) }
  }
  if (op === '<<<') return { file: await readable(sh, (await expandString(sh, redirect.target)) + '\n') }
  if (op === '<&' || op === '>&') {
    const target = await targetOf(sh, redirect)
    if (target === '-') return { file: 'close' }
    const m = /^(\d+)(-?)$/.exec(target)
    if (!m) return complain(sh, `${redirect.target.text}: ambiguous redirect`)
    const source = sh.process.fds.get(Number(m[1]))
    if (!source) return complain(sh, `${m[1]}: Bad file descriptor`)
    const file = source.retain()
    return m[2] === '-' && Number(m[1]) !== fd ? { file, movedFrom: Number(m[1]) } : { file }
  }
  return { file: await open(sh, await targetOf(sh, redirect), op as keyof typeof flags) }
}
