/** Recorded scripts, sessions and syntax errors of bash and the text tools (golden/shell). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FsError } from '#engine/machine/files.ts'
import type { FileTree } from '#engine/machine/tree.ts'
import { collection } from './collection.ts'
import type { Collection, Outcome } from './collection.ts'
import { labEnv, runArgv, runSession, shellWorld } from './shell-world.ts'
import type { World } from './shell-world.ts'

interface Entry {
  readonly type: string
  readonly mode?: string
  readonly content?: string
  readonly target?: string
  readonly owner?: string
  readonly random?: boolean
  readonly binary?: boolean
  readonly base64?: string
}

interface Case {
  readonly id: string
  readonly area: string
  readonly mode: 'c' | 'file' | 'session'
  readonly name?: string
  readonly executed?: string
  readonly user?: string
  readonly args?: readonly string[]
  readonly files: Readonly<Record<string, string | { content?: string; mode?: string; owner?: string }>>
  readonly script: string
  readonly stdin: string
  readonly stdout: string
  readonly stderr: string
  readonly exit: number
  readonly lines?: readonly string[]
  readonly steps?: readonly { stdout: string; stderr: string; exit?: number; exits?: readonly number[]; shellEnded?: boolean }[]
  readonly files_after?: Readonly<Record<string, Entry | null>>
}

const stamp = Date.UTC(2025, 2, 1, 9, 30, 0)

function normal(text: string): string {
  return text
    .replace(/^(\[\d+\]) \d+$/gm, '$1 <PID>')
    .replace(/(line \d+:) +\d+ (?=[A-Z])/g, '$1 <PID> ')
    .replace(/after \d+ ms/g, 'after <MS> ms')
    .replace(/^((?:---|\+\+\+|\*\*\*) \S+)\t\d{4}-\d\d-\d\d .*$/gm, '$1\t<TIME>')
    .replace(/\/dev\/fd\/\d+/g, '/dev/fd/<N>')
    .replace(/^(real|user|sys)(\s+)\d+(m[\d.]+s|\.\d+)$/gm, '$1$2<T>')
}

function owner(name: string | undefined, user: string | undefined): { uid: number; gid: number } {
  const who = name ?? user ?? 'root'
  return who.startsWith('learner') ? { uid: 1000, gid: 1000 } : who.startsWith('nobody') ? { uid: 65534, gid: 65534 } : { uid: 0, gid: 0 }
}

function world(item: Case, lab: string): World {
  return shellWorld((tree: FileTree) => {
    tree.file('/etc/passwd', 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nbin:x:2:2:bin:/bin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nlearner:x:1000:1000::/home/learner:/bin/bash\n')
    tree.file('/etc/group', 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\nlearner:x:1000:\n')
    tree.file('/etc/hosts', '127.0.0.1 localhost\n')
    const own = owner(undefined, item.user)
    tree.dir('/root', { mode: 0o755 })
    tree.dir('/home/learner', { uid: 1000, gid: 1000 })
    tree.dir(lab, { ...own, mode: 0o755 })
    for (const [name, value] of Object.entries(item.files)) {
      const file = typeof value === 'string' ? { content: value } : value
      const options = { ...owner('owner' in file ? file.owner : undefined, item.user) }
      if (name.endsWith('/')) tree.dir(`${lab}/${name.slice(0, -1)}`, { ...options, ...('mode' in file && file.mode ? { mode: parseInt(file.mode, 8) } : {}) })
      else tree.file(`${lab}/${name}`, file.content ?? '', { ...options, ...('mode' in file && file.mode ? { mode: parseInt(file.mode, 8) } : {}) })
    }
    if (item.mode === 'file') tree.file(`${lab}/${item.name ?? 'script.sh'}`, item.script, { ...own, mode: item.executed ? 0o755 : 0o644 })
  }, (host) => {
    host.fs.chmod('/root', 0o755)
    const paths = new Set(Object.keys(item.files).flatMap((n) => n.replace(/\/$/, '').split('/').map((_, i, all) => all.slice(0, i + 1).join('/'))))
    for (const name of [...paths].sort().reverse()) host.fs.utimes(`${lab}/${name}`, stamp)
  })
}

function filesAfter(w: World, item: Case, lab: string): string {
  const wanted = item.files_after ?? {}
  const lines: string[] = []
  for (const [name, entry] of Object.entries(wanted)) {
    const path = `${lab}/${name.replace(/\/$/, '')}`
    try {
      const s = w.host.fs.lstat(path)
      let line = `${name}: ${({ directory: 'dir', symlink: 'link' } as Record<string, string>)[s.type] ?? s.type}`
      if (entry?.mode !== undefined && s.type !== 'symlink') line += ` ${s.mode.toString(8).padStart(4, '0')}`
      if (s.type === 'symlink') line += ` -> ${w.host.fs.readlink(path)}`
      else if (s.type === 'file' && !entry?.random && !entry?.binary && entry?.base64 === undefined) line += `\n${w.host.fs.readFile(path)}`
      lines.push(line)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      lines.push(`${name}: gone`)
    }
  }
  return lines.join('\n')
}

function expectedFiles(item: Case): string {
  return Object.entries(item.files_after ?? {})
    .map(([name, e]) => {
      if (e === null) return `${name}: gone`
      let line = `${name}: ${e.type}`
      if (e.mode !== undefined && e.type !== 'link') line += ` ${e.mode.padStart(4, '0')}`
      if (e.type === 'link') line += ` -> ${e.target}`
      else if (e.type === 'file' && !e.random && !e.binary && e.base64 === undefined) line += `\n${e.content ?? ''}`
      return line
    })
    .join('\n')
}

function compare(expected: string, actual: string): Outcome {
  return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
}

async function run(item: Case): Promise<Outcome> {
  const user = item.user ?? 'root'
  const home = user === 'root' ? '/root' : `/home/${user}`
  const lab = `${home}/lab`
  const w = world(item, lab)
  const env = labEnv(home, user)
  if (item.mode === 'session') {
    const { steps } = await runSession(w, item.lines!, env, lab)
    const show = (s: { stdout: string; stderr: string; exits: readonly number[] }, i: number) => `> ${item.lines![i]}\n${normal(s.stdout)}--\n${normal(s.stderr)}-- ${s.exits.join(' ')}`
    const expected = item.steps!.map((s, i) => show({ ...s, exits: s.exits ?? (s.shellEnded ? [] : [s.exit!]) }, i)).join('\n')
    const actual = steps.map(show).join('\n')
    return compare(`${expected}\n${expectedFiles(item)}`, `${actual}\n${filesAfter(w, item, lab)}`)
  }
  const name = item.name ?? 'script.sh'
  const argv = item.mode === 'c' ? ['bash', '-c', item.script, ...(item.args ?? [])] : item.executed ? [item.executed, ...(item.args ?? [])] : ['bash', name, ...(item.args ?? [])]
  const r = await runArgv(w, argv, { stdin: item.stdin, env, cwd: lab, user })
  const show = (stdout: string, stderr: string, exit: number | undefined, files: string) => `${normal(stdout)}-- stderr\n${normal(stderr)}-- exit ${exit}\n${files}`
  return compare(show(item.stdout, item.stderr, item.exit, expectedFiles(item)), show(r.stdout, r.stderr, r.exit, filesAfter(w, item, lab)))
}

function cases(name: string, file: string): Collection {
  return collection<Case>({
    name,
    needs: [`golden/shell/${file}`],
    load: (shared) => readFileSync(join(shared, 'golden/shell', file), 'utf8').split('\n').filter((l) => l !== '').map((l) => JSON.parse(l) as Case),
    id: (item) => item.id,
    run,
  })
}

export const collections: Collection[] = [cases('shell/bash', 'shell-cases.jsonl'), cases('shell/syntax', 'syntax-errors.jsonl')]
