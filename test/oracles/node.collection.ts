/**
 * A real kubelet, command by command: the recordings of golden/node against the single-node cluster. A scenario runs once, when the first of its
 * commands is asked for; commands that two recordings did not agree on are run and not compared.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collection, type Collection } from './collection.ts'
import { NodeWorld, type Output } from './node-world.ts'
import { Normaliser } from './transcript-normal.ts'

interface Step {
  readonly kind?: string
  readonly cmd?: string
  readonly stdout?: string
  readonly stderr?: string
  readonly exit?: number
  readonly timed_out?: boolean
  readonly unstable?: boolean
  readonly name?: string
  readonly content?: string
  readonly pattern?: string
  readonly seconds?: number
}
interface Recording {
  readonly scenario: string
  readonly masks?: readonly (readonly [string, string])[]
  readonly steps: readonly Step[]
}
interface Case {
  readonly recording: Recording
  readonly index: number
}

const tries = 100
const commandsOf = (r: Recording) => r.steps.filter((s) => (s.kind ?? 'command') === 'command')

async function play(recording: Recording): Promise<Output[]> {
  const world = await NodeWorld.start('node')
  const outputs: Output[] = []
  for (const step of recording.steps) {
    switch (step.kind ?? 'command') {
      case 'file':
        world.writeFile(step.name!, step.content!)
        break
      case 'wait':
        await world.sleep(step.seconds!)
        break
      case 'namespace':
        await world.perform(`kubectl create namespace ${step.name}`)
        await world.perform(`kubectl config set-context --current --namespace=${step.name}`)
        break
      case 'node':
        await world.perform(step.cmd!)
        break
      case 'until': {
        const flags = /^\(\?([a-z]+)\)/.exec(step.pattern!)?.[1] ?? ''
        const pattern = new RegExp(step.pattern!.replace(/^\(\?[a-z]+\)/, ''), flags.replace(/[^ims]/g, ''))
        for (let i = 0; i < tries; i++) {
          const { stdout, stderr } = await world.perform(step.cmd!)
          if (pattern.test(stdout + stderr)) break
          await world.sleep(1)
        }
        break
      }
      default:
        outputs.push(await world.perform(step.cmd!))
    }
  }
  return outputs
}

function normal(recording: Recording, outputs: readonly Output[]): Output[] {
  const literal = recording.steps.map((s) => (s.kind === 'file' ? (s.content ?? '') : (s.kind ?? 'command') === 'command' ? (s.cmd ?? '') : '')).join('\n')
  const normaliser = new Normaliser(literal, recording.masks ?? [], { kubelet: true })
  return commandsOf(recording).map((step, i) => {
    const output = outputs[i] ?? { stdout: '', stderr: '[not run]', exit: -1 }
    return { ...normaliser.command(step.cmd!, output.stdout, output.stderr), exit: output.exit }
  })
}

const played = new Map<string, { readonly expected: Output[]; readonly actual: Output[] } | Error>()

async function compare(recording: Recording): Promise<{ readonly expected: Output[]; readonly actual: Output[] } | Error> {
  const known = played.get(recording.scenario)
  if (known) return known
  let result: { readonly expected: Output[]; readonly actual: Output[] } | Error
  try {
    const expected = normal(recording, commandsOf(recording).map((s) => ({ stdout: s.stdout ?? '', stderr: s.stderr ?? '', exit: s.timed_out ? 'timed out' : (s.exit ?? 0) })))
    result = { expected, actual: normal(recording, await play(recording)) }
  } catch (error) {
    result = error instanceof Error ? error : new Error(String(error))
  }
  played.set(recording.scenario, result)
  return result
}

const render = (o: Output): string => `${o.stdout}${o.stderr ? `\n[stderr]\n${o.stderr}` : ''}\n[exit ${o.exit}]`

const node: Collection<Case> = {
  name: 'node',
  needs: ['golden/node'],
  load(shared) {
    const root = join(shared, 'golden/node')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.json') && !f.startsWith('timelines/')).sort()
    return files.flatMap((file) => {
      const recording = JSON.parse(readFileSync(join(root, file), 'utf8')) as Recording
      return commandsOf(recording).flatMap((s, index) => (s.unstable ? [] : [{ recording, index }]))
    })
  },
  id: (item) => `${item.recording.scenario}#${item.index + 1}`,
  async run(item) {
    const both = await compare(item.recording)
    if (both instanceof Error) throw both
    const [expected, actual] = [render(both.expected[item.index]!), render(both.actual[item.index]!)]
    return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
  },
}

export const collections: Collection[] = [collection(node)]
