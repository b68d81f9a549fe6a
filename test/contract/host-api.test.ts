/** The same cases over every carrier: what a caller sees must not depend on the road. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProgressEvent } from '#contract/host-api.ts'
import type { GradeResult, SittingInput, SittingLog } from '#contract/session-api.ts'
import { openHost, type Host } from '#host/host.ts'
import { carriers, type Carried } from './carriers.ts'

const lesson = '---\ntitle: Pods\nminutes: 5\ncluster: trio\n---\nText.\n\n```run\nkubectl get pods\n```\n'
const lab = 'title: A lab\ndomain: troubleshooting\ncompetency: Find faults\ndifficulty: 1\nminutes: 5\ncluster: trio\ntasks:\n  - id: one\n    text: Write y into the file /tmp/x.\n    points: 3\n    checks:\n      - id: file\n        title: the file is there\n        file: { host: base, path: /tmp/x, contains: y }\nhints: [Look at it, Write to it, echo y]\ndebrief: A file holds what was written to it last.\n'

const key = (at: number, data: string): SittingInput => ({ at, kind: 'key', terminal: 'workstation', data })
const log: SittingLog = { version: 1, seed: 's', open: { kind: 'lab', id: 'a-lab', cluster: 'trio' }, engine: 'source', inputs: [{ at: 0, kind: 'terminal-open', terminal: 'workstation', columns: 80, rows: 24 }, key(5, 'ls')], until: 10 }

let folder = ''
let host: Host
let carried: Carried

function content(): string {
  const at = (path: string, text: string) => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  at('labs/clusters/trio.yaml', 'title: Three\nshape: trio\n')
  at('lessons/01-net/module.yaml', 'title: How packets travel\nsummary: From pod to pod.\n')
  at('lessons/01-net/01-pods/lesson.md', lesson)
  at('labs/a-lab/lab.yaml', lab)
  at('labs/broken/lab.yaml', lab.replace('minutes: 5', 'minuts: 5'))
  return folder
}

describe.each(Object.keys(carriers))('over %s', (name) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kubedrill-contract-'))
    let now = 1_000_000
    host = openHost({ contentDir: content(), dataDir: join(folder, 'data'), now: () => now++ })
    carried = await carriers[name]!(host.methods, host.notice)
  })
  afterEach(async () => {
    await carried.close()
    host.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('the course, with what could not be loaded beside what could', async () => {
    const tree = await carried.methods.course()
    expect(tree.modules).toEqual([{ id: '01-net', title: 'How packets travel', summary: 'From pod to pod.', lessons: [{ id: '01-net/01-pods', title: 'Pods', minutes: 5, cluster: 'trio' }] }])
    expect(tree.labs.map((l) => [l.id, l.points])).toEqual([['a-lab', 3]])
    expect(tree.problems.map((p) => [p.file, p.field]).length).toBeGreaterThan(0)
    expect(tree.problems.every((p) => p.file === 'labs/broken/lab.yaml')).toBe(true)
    expect((await carried.methods.lesson('01-net/01-pods')).blocks.map((b) => b.kind)).toEqual(['markdown', 'run'])
    expect(Object.keys((await carried.methods.lab('a-lab')).files).sort()).toEqual(['cluster.yaml', 'lab.yaml'])
  })
  test('what does not exist is refused with its name, and a path is no id', async () => {
    await expect(carried.methods.lab('nothing')).rejects.toThrow('there is no lab nothing')
    await expect(carried.methods.lab('../../etc')).rejects.toThrow('there is no lab ../../etc')
    await expect(carried.methods.lesson('01-net/../01-net/01-pods')).rejects.toThrow('there is no lesson')
    await expect((carried.methods as unknown as Record<string, () => Promise<unknown>>)['constructor']!()).rejects.toThrow('no such method: constructor')
  })
  test('events become progress', async () => {
    await carried.methods.record({ at: 5, kind: 'lab-opened', id: 'a-lab' })
    const progress = await carried.methods.record({ at: 6, kind: 'lab-graded', id: 'a-lab', points: 3, outOf: 3, tasks: [{ id: 'one', pass: true }] })
    expect(progress.labs['a-lab']).toMatchObject({ best: 3, outOf: 3 })
    expect(progress).toEqual(await carried.methods.progress())
    await expect(carried.methods.record({ at: 7, kind: 'made-up', id: 'x' } as unknown as ProgressEvent)).rejects.toThrow('event.kind')
  })
  test('results of a check are kept, checked, exported, and go with their sitting', async () => {
    const results: GradeResult = { at: 9, points: 0, outOf: 3, tasks: [{ id: 'one', pass: false, points: 0, checks: [{ id: 'file', title: 't', pass: false, expected: 'y', observed: 'n', why: '', evidence: ['x'], links: [{ kind: 'command', command: 'ls' }, { kind: 'object', object: { kind: 'Pod', namespace: 'a', name: 'b' }, command: 'k' }] }] }] }
    expect((await carried.methods.results('lab:a-lab')) ?? undefined).toBeUndefined()
    await carried.methods.saveResults('lab:a-lab', results)
    expect(await carried.methods.results('lab:a-lab')).toEqual(results)
    await expect(carried.methods.saveResults('lab:a-lab', { ...results, points: 'many' } as unknown as GradeResult)).rejects.toThrow('results.points')
    const exported = await carried.methods.exportData()
    await carried.methods.saveResults('lab:a-lab', undefined)
    expect((await carried.methods.results('lab:a-lab')) ?? undefined).toBeUndefined()
    await carried.methods.importData(exported)
    expect(await carried.methods.results('lab:a-lab')).toEqual(results)
    await carried.methods.dropSitting('lab:a-lab')
    expect((await carried.methods.results('lab:a-lab')) ?? undefined).toBeUndefined()
  })
  test('settings are changed one by one and checked', async () => {
    expect((await carried.methods.settings()).theme).toBe('system')
    expect(await carried.methods.changeSettings({ theme: 'dark', panes: { lab: [40, 60] } })).toMatchObject({ theme: 'dark', panes: { lab: [40, 60] }, textSize: 16 })
    await expect(carried.methods.changeSettings({ textSize: 900 })).rejects.toThrow('from 12 to 32')
    await expect(carried.methods.changeSettings({ colour: 'red' } as never)).rejects.toThrow('unknown field colour')
    expect(await carried.methods.settings()).toMatchObject({ theme: 'dark', textSize: 16 })
  })
  test('a sitting is saved whole and grows by its tail', async () => {
    expect((await carried.methods.sitting('lab:a-lab')) ?? undefined).toBeUndefined()
    await carried.methods.saveSitting('lab:a-lab', log)
    await carried.methods.appendSitting('lab:a-lab', 2, [key(20, '\r')], 30)
    // Sent again after a lost answer: nothing doubles.
    await carried.methods.appendSitting('lab:a-lab', 2, [key(20, '\r'), key(40, 'x')], 45)
    expect(await carried.methods.sitting('lab:a-lab')).toEqual({ ...log, inputs: [...log.inputs, key(20, '\r'), key(40, 'x')], until: 45 })
    await expect(carried.methods.appendSitting('lab:a-lab', 9, [key(50, 'y')], 50)).rejects.toThrow('has 4 inputs')
    await expect(carried.methods.appendSitting('lab:other', 0, [], 50)).rejects.toThrow('no sitting lab:other')
    await carried.methods.dropSitting('lab:a-lab')
    expect((await carried.methods.sitting('lab:a-lab')) ?? undefined).toBeUndefined()
  })
  test('every byte of a terminal survives', async () => {
    const data = '\x1b[A\x7f\u0000é€😀\udc80"\\'
    await carried.methods.saveSitting('k', { ...log, inputs: [key(1, data)] })
    expect((await carried.methods.sitting('k'))?.inputs).toEqual([key(1, data)])
  })
  test('an exam that runs is kept until it is taken away', async () => {
    const state = { exam: 'short', started: 1, ends: 2, current: 0, flags: [1], notes: 'n', secondsPerTask: [3, 4] }
    await carried.methods.saveExamState(state)
    expect(await carried.methods.examState()).toEqual(state)
    await carried.methods.saveExamState(undefined)
    expect((await carried.methods.examState()) ?? undefined).toBeUndefined()
  })
  test('what is exported comes back, and what is no export changes nothing', async () => {
    await carried.methods.record({ at: 5, kind: 'lesson-opened', id: '01-net/01-pods' })
    await carried.methods.saveSitting('lab:a-lab', log)
    const before = await carried.methods.progress()
    const text = await carried.methods.exportData()
    expect((await carried.methods.deleteData()).lessons).toEqual({})
    await expect(carried.methods.importData('{"format":"other"}')).rejects.toThrow('file.format')
    await expect(carried.methods.importData('not json')).rejects.toThrow('the file is not JSON')
    await expect(carried.methods.importData(text.replace('"lesson-opened"', '"lesson-burnt"'))).rejects.toThrow('file.events[0].kind')
    expect((await carried.methods.progress()).lessons).toEqual({})
    expect(await carried.methods.importData(text)).toEqual(before)
    expect(await carried.methods.sitting('lab:a-lab')).toEqual(log)
  })
  test('a backup brings the day back', async () => {
    await carried.methods.record({ at: 5, kind: 'lab-opened', id: 'a-lab' })
    const backup = await carried.methods.backup()
    await carried.methods.record({ at: 6, kind: 'lesson-opened', id: '01-net/01-pods' })
    expect((await carried.methods.backups()).map((b) => b.name)).toContain(backup)
    expect((await carried.methods.restore(backup)).lessons).toEqual({})
    expect(Object.keys((await carried.methods.progress()).labs)).toEqual(['a-lab'])
    await expect(carried.methods.restore('../kubedrill.db')).rejects.toThrow('there is no backup')
    expect(readdirSync(join(folder, 'data', 'backups')).length).toBe(2)
  })
  test('a notice reaches the other side', async () => {
    const seen = new Promise((resolve) => carried.events.on('notice', resolve))
    host.notice.emit({ level: 'info', message: 'hello' })
    expect(await seen).toEqual({ level: 'info', message: 'hello' })
  })
})
