/** SessionApi over every road that carries it: the same answers, the same refusals, nothing in them that JSON would lose. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect, serve, type Remote } from '#contract/channel.ts'
import type { SessionEvents, SessionMethods, SittingLog } from '#contract/session-api.ts'
import { labFiles } from '#course/load.ts'
import { Session } from '#session/session.ts'
import { content, drain } from '../world.ts'
import { sessionRoads } from './carriers.ts'

const id = 'net-svc-002-the-service-that-found-nobody'
const lab = { id, files: labFiles(content, id) }
const size = { columns: 100, rows: 30 }

type Heard = { [K in keyof SessionEvents]: [K, SessionEvents[K]] }[keyof SessionEvents]
interface Carried {
  readonly methods: Remote<SessionMethods>
  readonly heard: Heard[]
  close(): Promise<void>
}

/** A session whose wall clock runs a hundred times faster than ours, at the other end of a road. */
function carried(road: string): Carried {
  const { ends, close } = sessionRoads[road]!()
  let emit: <K extends keyof SessionEvents>(event: K, value: SessionEvents[K]) => void = () => undefined
  const every = (_ms: number, run: () => void) => {
    const timer = setInterval(run, 1)
    return () => clearInterval(timer)
  }
  const session = new Session({ drain, now: () => performance.now() * 100, every, newSeed: () => 'contract' }, (event, value) => emit(event, value))
  emit = serve<SessionMethods, SessionEvents>(ends[0], session).emit
  const { methods, events } = connect<SessionMethods, SessionEvents>(ends[1])
  const heard: Heard[] = []
  for (const name of ['output', 'editor', 'mapChanged', 'clock', 'logged', 'rebuilt', 'crashed'] as const) events.on(name, (value) => heard.push([name, value] as Heard))
  return {
    methods,
    heard,
    close: async () => {
      await methods.close()
      close()
    },
  }
}

/** The answer, when it says the same after a journey as text. */
async function plain<T>(answer: Promise<T>): Promise<T> {
  const value = await answer
  expect(value === undefined ? undefined : JSON.parse(JSON.stringify(value))).toStrictEqual(value)
  return value
}
const soon = async (holds: () => boolean) => {
  for (let i = 0; i < 1000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}
const screen = (heard: readonly Heard[]) => heard.map(([name, value]) => (name === 'output' ? value.data : '')).join('')

describe.each(Object.keys(sessionRoads))('over %s', (road) => {
  let at: Carried
  beforeEach(() => {
    at = carried(road)
  })
  afterEach(() => at.close())

  test('a lab from its opening to undo', { timeout: 120_000, retry: 1 }, async () => {
    const { methods, heard } = at
    const info = await plain(methods.open({ kind: 'lab', lab }))
    expect([info.hosts[0], info.lab?.id, info.lab?.tasks.map((t) => t.points), 'otherEngine' in info]).toEqual(['base', id, [3, 2], false])
    await methods.openTerminal('main', size)
    expect(await plain(methods.run('main', 'kubectl create namespace kept'))).toEqual({ exit: 0 })
    expect(await plain(methods.run('main', 'kubectl get namespace none'))).toEqual({ exit: 1 })
    await soon(() => screen(heard).includes('namespaces "none" not found'))
    await soon(() => ['logged', 'clock', 'mapChanged'].every((name) => heard.some(([n]) => n === name)))

    const map = await plain(methods.map())
    expect([map.nodes.map((n) => n.name), 'noApi' in map]).toEqual([['controlplane', 'node01', 'node02'], false])
    const objects = await plain(methods.objects())
    expect(objects).toContainEqual({ kind: 'Namespace', name: 'kept' })
    expect((await plain(methods.object({ kind: 'Namespace', name: 'kept' })))?.yaml).toContain('name: kept')
    expect(await plain(methods.object({ kind: 'Namespace', name: 'none' }))).toBe(undefined)
    const matrix = await plain(methods.matrix(80, 'tcp'))
    expect([matrix.ports, matrix.cells.length === matrix.subjects.length, 'unenforced' in matrix]).toEqual([[{ port: 80, protocol: 'TCP' }], true, false])
    const trace = await plain(methods.trace({ from: 'lighthouse/boat', to: 'beam', port: 80, protocol: 'tcp' }))
    expect([trace.verdict, trace.forward.length > 0]).toEqual(['rejected', true])
    expect((await plain(methods.timeline())).filter((e) => e.kind === 'command').map((e) => e.text)).toEqual(['kubectl create namespace kept', 'kubectl get namespace none'])

    const first = await plain(methods.hint())
    expect([first?.left, await plain(methods.hint(1)), await plain(methods.hint(99))]).toEqual([info.lab!.hints - 1, first, undefined])
    const grade = await plain(methods.grade())
    expect([grade.points, grade.outOf]).toEqual([0, 5])
    expect((await plain(methods.solution())).script).not.toBe('')

    expect(await plain(methods.undo())).toEqual({ undone: 'kubectl get namespace none' })
    expect(await plain(methods.undo())).toEqual({ undone: 'kubectl create namespace kept' })
    expect(await plain(methods.undo())).toBe(undefined)
    expect(await plain(methods.object({ kind: 'Namespace', name: 'kept' }))).toBe(undefined)
    const rebuilt = heard.findIndex(([name]) => name === 'rebuilt')
    expect(heard[rebuilt]).toEqual(['rebuilt', { terminals: ['main'] }])
    expect(heard.some(([name]) => name === 'crashed')).toBe(false)
  })

  test('a log is taken up again, and another build is told of', { timeout: 60_000, retry: 1 }, async () => {
    const { methods, heard } = at
    await methods.open({ kind: 'sandbox', cluster: 'bare-3' })
    const map = await plain(methods.map())
    expect([map.noApi, map.nodes, map.services, await plain(methods.objects())]).toEqual([true, [], [], []])
    await methods.openTerminal('main', size)
    await methods.run('main', 'echo before > note; cat note')
    const log = await plain(methods.log())
    await methods.close()
    const resume = (l: SittingLog) => plain(methods.open({ kind: 'sandbox', cluster: 'bare-3', resume: l }))
    expect('otherEngine' in (await resume(log))).toBe(false)
    heard.length = 0
    expect((await resume({ ...log, engine: 'another' })).otherEngine).toBe(true)
    await soon(() => screen(heard).includes('before'))
    const kinds = heard.map(([name]) => name)
    expect(kinds.indexOf('rebuilt')).toBeLessThan(kinds.indexOf('output'))
    expect((await plain(methods.log())).inputs.slice(0, log.inputs.length)).toEqual(log.inputs)
    expect(await plain(methods.run('main', 'cat note'))).toEqual({ exit: 0 })
  })

  test('refusals keep their words', async () => {
    const { methods } = at
    await expect((methods as unknown as Record<string, () => Promise<unknown>>)['constructor']!()).rejects.toThrow('no such method: constructor')
    await expect(methods.map()).rejects.toThrow('no lab, lesson or sandbox is open')
    await expect(methods.open({ kind: 'sandbox', cluster: 'nowhere' })).rejects.toThrow('nowhere')
    await methods.open({ kind: 'sandbox', cluster: 'bare-3' })
    await expect(methods.grade()).rejects.toThrow('there is no lab to grade')
    await expect(methods.run('nobody', 'ls')).rejects.toThrow('no terminal nobody')
    expect(await methods.hint()).toBe(undefined)
  })
})
