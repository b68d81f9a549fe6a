/** SessionApi as the interface uses it: over a channel, with a wall clock that runs fast. These tests alone depend on the machine's speed, hence one retry. */
import { expect, test } from 'vitest'
import { connect, serve, type Channel } from '#contract/channel.ts'
import type { SessionEvents, SessionMethods, SittingLog } from '#contract/session-api.ts'
import { labFiles } from '#course/load.ts'
import { Session } from '#session/session.ts'
import { content, drain } from '../world.ts'

/** Two ends of a pipe that carries copies, as a worker's messages are. */
function pair(): [Channel, Channel] {
  const ends: ((message: unknown) => void)[][] = [[], []]
  const end = (mine: number): Channel => ({
    post: (message) => {
      const copy = structuredClone(message)
      queueMicrotask(() => ends[1 - mine]!.forEach((listener) => listener(copy)))
    },
    onMessage: (listener) => ends[mine]!.push(listener),
  })
  return [end(0), end(1)]
}

/** A session whose wall clock runs a hundred times faster than ours. */
function start() {
  const [here, there] = pair()
  let emit: <K extends keyof SessionEvents>(event: K, value: SessionEvents[K]) => void = () => undefined
  const session = new Session(
    {
      drain,
      now: () => performance.now() * 100,
      every: (_ms, run) => {
        const timer = setInterval(run, 1)
        return () => clearInterval(timer)
      },
      newSeed: () => 'session-test',
    },
    (event, value) => emit(event, value),
  )
  emit = serve<SessionMethods, SessionEvents>(there, session).emit
  const remote = connect<SessionMethods, SessionEvents>(here)
  let screen = ''
  remote.events.on('rebuilt', () => (screen = ''))
  remote.events.on('output', ({ data }) => (screen += data))
  return { ...remote, screen: () => screen }
}

const prompt = async (screen: () => string, text: RegExp) => {
  const plain = () => screen().replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
  for (let i = 0; i < 1000 && !text.test(plain()); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(plain()).toMatch(text)
}

const id = 'net-svc-002-the-service-that-found-nobody'
const lab = { id, files: labFiles(content, id) }

test('a lab: work, check, hint, undo, reset, resume', { timeout: 120_000, retry: 1 }, async () => {
  const { methods, screen } = start()
  const info = await methods.open({ kind: 'lab', lab })
  expect(info.lab?.tasks.map((t) => [t.id, t.points])).toEqual([['backends', 3], ['answer', 2]])
  await methods.openTerminal('main', { columns: 100, rows: 30 })
  await prompt(screen, /\$ $/)

  const before = await methods.grade()
  expect([before.points, before.outOf]).toEqual([0, 5])
  const check = before.tasks[1]!.checks[0]!
  expect(check.pass).toBe(false)
  expect(check.observed).toContain('refused')
  expect(check.why).toContain('lighthouse/beam has no ready endpoint')

  expect(await methods.hint()).toMatchObject({ left: 2 })
  const second = await methods.hint(2)
  expect(second).toMatchObject({ left: 1 })
  expect(await methods.hint(1)).toMatchObject({ left: 1 })
  expect(await methods.hint(2)).toEqual(second)
  const [differs, ...others] = await methods.compare()
  expect([differs?.ref, others]).toEqual([{ kind: 'Service', namespace: 'lighthouse', name: 'beam' }, []])
  expect([differs?.learner, differs?.solution].map((yaml) => /tier: \w+/.exec(yaml ?? '')?.[0])).toEqual(['tier: lens', 'tier: lamp'])
  expect((await methods.run('main', 'kubectl -n lighthouse get svc beam -o jsonpath={.spec.selector.tier}')).exit).toBe(0)
  await prompt(screen, /lens/)
  expect((await methods.run('main', 'kubectl -n lighthouse set selector service beam app=beam,tier=lamp')).exit).toBe(0)
  expect((await methods.run('main', 'false')).exit).toBe(1)
  const solved = await methods.grade()
  expect(solved.tasks.flatMap((t) => t.checks).filter((c) => !c.pass)).toEqual([])
  expect(solved.points).toBe(5)
  expect(await methods.compare()).toEqual([])

  expect(await methods.undo()).toEqual({ undone: 'false' })
  expect((await methods.undo())?.undone).toContain('set selector')
  expect((await methods.grade()).points).toBe(0)
  expect(screen()).toContain('lens')
  expect(screen()).not.toContain('selector updated')

  await methods.run('main', 'kubectl create namespace kept')
  const log: SittingLog = await methods.log()
  const shown = screen()
  await methods.close()

  const elsewhere = start()
  expect([await elsewhere.methods.open({ kind: 'lab', lab, resume: { ...log, engine: 'another build' } })].map((i) => i.otherEngine)).toEqual([true])
  await elsewhere.methods.close()

  const again = start()
  expect((await again.methods.open({ kind: 'lab', lab, resume: log })).otherEngine).toBeUndefined()
  await again.methods.openTerminal('main', { columns: 100, rows: 30 })
  await prompt(again.screen, /kept created/)
  expect(again.screen().startsWith(shown.slice(0, 200))).toBe(true)
  expect(await again.methods.object({ kind: 'Namespace', name: 'kept' })).toBeDefined()

  await again.methods.reset()
  expect(await again.methods.object({ kind: 'Namespace', name: 'kept' })).toBeUndefined()
  await again.methods.close()
})

test('a cluster booted ahead is the one that opening would have booted', { timeout: 60_000, retry: 1 }, async () => {
  const opened = async (prepared: string | undefined) => {
    const { methods } = start()
    if (prepared !== undefined) await methods.prepare(prepared)
    const info = await methods.open({ kind: 'lab', lab })
    const { nodes, services } = await methods.map()
    const pods = nodes.flatMap((n) => n.pods.map((p) => `${n.name} ${p.namespace}/${p.name} ${p.address}`))
    const { seed } = await methods.log()
    await methods.close()
    return { info, pods, services: services.map((s) => `${s.namespace}/${s.name} ${s.address}`), seed }
  }
  const cold = await opened(undefined)
  expect(cold.pods.length).toBeGreaterThan(10)
  expect(await opened('trio')).toEqual(cold)
  expect(await opened('reference')).toEqual(cold)
})

test('a trace, the map and the matrix show the same cluster', { timeout: 60_000, retry: 1 }, async () => {
  const { methods } = start()
  await methods.open({ kind: 'lab', lab })
  const report = await methods.trace({ from: 'lighthouse/boat', to: 'beam', port: 80, protocol: 'tcp' })
  expect([report.verdict, report.summary]).toEqual(['rejected', expect.stringContaining('no ready endpoint')])
  expect(report.forward.map((b) => b.title)[0]).toMatch(/^pod lighthouse\/boat on node0[12]$/)
  expect(report.forward.at(-1)!.steps.at(-1)).toMatchObject({ decisive: true, object: { kind: 'Service', namespace: 'lighthouse', name: 'beam' } })
  const map = await methods.map()
  expect(map.nodes.map((n) => n.name)).toEqual(['controlplane', 'node01', 'node02'])
  expect(map.services.find((s) => s.name === 'beam')?.endpoints).toEqual([])
  const matrix = await methods.matrix(80, 'tcp')
  expect(matrix.subjects.map((s) => s.id)).toContain('lighthouse/app=boat')
  expect(matrix.cells.flat().every((c) => c.allowed)).toBe(true)
  await methods.close()
})

test('an endless loop and a flood can be stopped with Ctrl-C', { timeout: 60_000, retry: 1 }, async () => {
  const { methods, screen } = start()
  await methods.open({ kind: 'sandbox', cluster: 'trio' })
  await methods.openTerminal('main', { columns: 80, rows: 24 })
  await prompt(screen, /\$ $/)
  for (const line of ['while true; do :; done', 'while true; do echo flood; done', 'yes', 'yes > /dev/null', 'sleep 10000']) {
    await methods.input('main', `${line}\r`)
    await new Promise((resolve) => setTimeout(resolve, 150))
    await methods.input('main', '\x03')
    await prompt(() => screen().slice(-40), /\$ $/)
    expect((await methods.run('main', `echo after "${line}"`)).exit).toBe(0)
  }
  await methods.close()
})

test('what is not a method cannot be called', async () => {
  const { methods } = start()
  await expect((methods as unknown as Record<string, () => Promise<unknown>>)['constructor']!()).rejects.toThrow('no such method')
  await expect(methods.map()).rejects.toThrow('no lab, lesson or sandbox is open')
})
