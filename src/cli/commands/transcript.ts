/** kubedrill transcript: one sitting in virtual time, driven by JSON lines, one answer line for each. A sleep returns at once. */
import { createInterface } from 'node:readline'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { takeOptions } from '../options.ts'
import { drain } from '../world.ts'

interface Answer {
  readonly stdout: string
  readonly stderr: string
  readonly exit: number
}

export async function transcript(args: readonly string[]): Promise<number> {
  const { options, rest } = takeOptions(args, ['cluster', 'seed'])
  if (rest.length > 0) throw new Error(`unexpected argument ${rest[0]}`)
  const cluster = options['cluster'] ?? 'trio'
  const sitting = await Sitting.begin({ seed: options['seed'] ?? 'transcript', open: { kind: 'sandbox', id: cluster, cluster }, spec: specOf(cluster), drain })
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue
    process.stdout.write(`${JSON.stringify(await answer(sitting, line))}\n`)
  }
  return 0
}

/** A request that is not one of the three is answered with what is wrong, exit 2. */
export async function answer(sitting: Sitting, line: string): Promise<Answer> {
  let request: { cmd?: unknown; sleep?: unknown; file?: { name?: unknown; content?: unknown } }
  try {
    request = JSON.parse(line) as typeof request
  } catch (error) {
    return { stdout: '', stderr: `not a JSON line: ${error instanceof Error ? error.message : String(error)}\n`, exit: 2 }
  }
  if (typeof request.cmd === 'string') {
    const { stdout, stderr, exit } = await sitting.perform(request.cmd)
    return { stdout, stderr, exit }
  }
  if (typeof request.sleep === 'number' && request.sleep >= 0) {
    await sitting.runner.runFor(request.sleep * 1000)
    return { stdout: '', stderr: '', exit: 0 }
  }
  if (typeof request.file?.name === 'string' && typeof request.file.content === 'string') return writeFile(sitting, request.file.name, request.file.content)
  return { stdout: '', stderr: 'a request is {"cmd": text}, {"sleep": seconds} or {"file": {"name": text, "content": text}}\n', exit: 2 }
}

function writeFile(sitting: Sitting, name: string, content: string): Answer {
  const { directory, user } = sitting
  const { workstation } = sitting.cluster
  const path = name.startsWith('/') ? name : `${directory}/${name}`
  try {
    workstation.fs.mkdir(path.slice(0, path.lastIndexOf('/')) || '/', { parents: true })
    workstation.fs.writeFile(path, content)
    workstation.fs.chown(path, user.uid, user.gid)
    return { stdout: '', stderr: '', exit: 0 }
  } catch (error) {
    return { stdout: '', stderr: `${path}: ${error instanceof Error ? error.message : String(error)}\n`, exit: 1 }
  }
}
