import { expect, test } from 'vitest'
import fc from 'fast-check'
import { readDocument } from './document.ts'
import { outputMatches, parseLesson } from './lesson.ts'
import { failsOf, loadCourse, type ContentSource } from './load.ts'
import { reduceProgress } from './progress.ts'
import { exam } from './schema/exam.ts'
import { lab } from './schema/lab.ts'
import { includesValue, sameValue, valuesAt } from './value-path.ts'

const good = `title: No endpoints
domain: services-networking
competency: Services
difficulty: 2
minutes: 8
cluster: trio
tasks:
  - id: fix
    text: Make the Service answer.
    points: 4
    checks:
      - title: web answers
        http: { from: shop/client, url: "http://web" }
hints: [look there, see that, do this]
debrief: A selector is the only bond between the two.
`

test('a lab that is right is read with its defaults', () => {
  const read = readDocument('labs/x/lab.yaml', good, lab)
  expect(read.ok && read.value.tasks[0]!.checks[0]).toEqual({ title: 'web answers', http: { from: 'shop/client', url: 'http://web', method: 'GET', headers: {}, answers: {}, status: 200, times: 1, timeout: 3 } })
})

test('a typo is answered with file, line, field and suggestion', () => {
  expect(readDocument('labs/x/lab.yaml', good.replace('difficulty', 'dificulty'), lab)).toEqual({
    ok: false,
    error: [
      { file: 'labs/x/lab.yaml', line: 1, field: 'difficulty', message: 'the field "difficulty" is missing', suggestion: 'Add it (number).' },
      { file: 'labs/x/lab.yaml', line: 4, field: 'dificulty', message: 'unknown field "dificulty"', suggestion: 'Did you mean "difficulty"?' },
    ],
  })
  expect(readDocument('l', good.replace('services-networking', 'service-networking'), lab)).toEqual({
    ok: false,
    error: [{ file: 'l', line: 2, field: 'domain', message: '"service-networking" is not one of troubleshooting, cluster-architecture, services-networking, workloads-scheduling, storage', suggestion: 'Did you mean "services-networking"?' }],
  })
  expect(readDocument('l', good.replace('http: {', 'http: { form: a/b,'), lab)).toEqual({
    ok: false,
    error: [{ file: 'l', line: 13, field: 'tasks[0].checks[0].http.form', message: 'unknown field "form"', suggestion: 'Did you mean "from"?' }],
  })
})

test('a check has exactly one kind', () => {
  const read = readDocument('l', good.replace('      - title: web answers\n', '      - title: web answers\n        can-i: { as: x, verb: get, resource: pods }\n'), lab)
  expect(read.ok ? [] : read.error.map((p) => [p.line, p.field])).toEqual([[12, 'tasks[0].checks[0]']])
})

test('broken YAML and alias bombs are refused', () => {
  expect(readDocument('e.yaml', 'title: [', exam)).toMatchObject({ ok: false, error: [{ file: 'e.yaml', line: 1 }] })
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]', 'd: [*c,*c,*c,*c,*c]'].join('\n')
  expect(readDocument('e.yaml', bomb, exam).ok).toBe(false)
})

const lessonText = '---\ntitle: Pods\nminutes: 5\ncluster: trio\n---\n# Pods\n\nText.\n\n```run\nkubectl get pods\n```\n\n```output\nNAME\n…\n```\n\n```bash\nnot ours\n```\n\n```quiz\nquestion: How many?\nchoices:\n  - { text: one, right: true, because: it is so }\n  - { text: two, because: it is not }\n```\n'

test('a lesson becomes blocks', () => {
  const parsed = parseLesson('m/l', 'f', lessonText)
  expect(parsed.ok && parsed.value.blocks).toEqual([
    { kind: 'markdown', text: '# Pods\n\nText.' },
    { kind: 'run', id: 'b1', command: 'kubectl get pods', output: 'NAME\n…' },
    { kind: 'markdown', text: '```bash\nnot ours\n```' },
    { kind: 'quiz', id: 'b2', question: 'How many?', choices: [{ text: 'one', right: true, because: 'it is so' }, { text: 'two', right: false, because: 'it is not' }] },
  ])
  const wrong = parseLesson('m/l', 'f', lessonText.replace('question:', 'qestion:'))
  expect(wrong.ok ? [] : wrong.error.map((p) => [p.line, p.field, p.suggestion])).toEqual([[24, 'question', 'Add it (string).'], [24, 'qestion', 'Did you mean "question"?']])
})

test('shown output matches what is printed, with its wildcards', () => {
  expect(outputMatches('a\n…\nd', 'a\nb\nc\nd\n')).toBe(true)
  expect(outputMatches('a\n~ b\\d+\n', 'a\nb12\n')).toBe(true)
  expect(outputMatches('a\nb', 'a\nc')).toBe(false)
  expect(outputMatches('…', '')).toBe(true)
})

function source(files: Record<string, string>): ContentSource {
  return {
    read: (path) => files[path],
    list: (folder) => {
      const names = new Set<string>()
      for (const path of Object.keys(files)) {
        if (!path.startsWith(folder + '/')) continue
        const rest = path.slice(folder.length + 1)
        names.add(rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest)
      }
      return [...names].sort()
    },
  }
}

test('what is broken is reported and the rest of the course opens', () => {
  const course = loadCourse(
    source({
      'labs/clusters/trio.yaml': 'title: Three\nshape: trio\n',
      'labs/good/lab.yaml': good,
      'labs/bad/lab.yaml': good.replace('minutes: 8', 'minuts: 8'),
      'labs/lost/lab.yaml': good.replace('cluster: trio', 'cluster: tri'),
      'labs/exams/one.yaml': 'title: One\nminutes: 10\ntasks:\n  - { lab: good, points: 3 }\n',
      'labs/exams/two.yaml': 'title: Two\nminutes: 10\ntasks:\n  - { lab: goood, points: 3 }\n',
      'lessons/01-a/module.yaml': 'title: Module\nsummary: What it is about\n',
      'lessons/01-a/01-b/lesson.md': lessonText,
    }),
  )
  expect([[...course.labs.keys()], [...course.exams.keys()], course.modules.map((m) => m.lessons.map((l) => l.id))]).toEqual([['good'], ['one'], [['01-a/01-b']]])
  expect(course.problems.map((p) => [p.file, p.line, p.suggestion])).toEqual([
    ['labs/bad/lab.yaml', 1, 'Add it (number).'],
    ['labs/bad/lab.yaml', 5, 'Did you mean "minutes"?'],
    ['labs/lost/lab.yaml', 6, 'Did you mean "trio"?'],
    ['labs/exams/two.yaml', 4, 'Did you mean "good"?'],
  ])
})

test('wrong answers name the checks they fail', () => {
  expect(failsOf('#!/bin/bash\n# Deletes it.\n# Fails: fix/web-answers guard/check-2\nkubectl …')).toEqual(['fix/web-answers', 'guard/check-2'])
})

test('paths and comparison of values', () => {
  const o = { spec: { containers: [{ name: 'web', image: 'nginx' }, { name: 'log', image: 'busybox' }] }, metadata: { labels: { 'app.kubernetes.io/name': 'x' } } }
  expect(valuesAt(o, 'spec.containers[name=log].image')).toEqual(['busybox'])
  expect(valuesAt(o, 'spec.containers[*].name')).toEqual(['web', 'log'])
  expect(valuesAt(o, "metadata.labels['app.kubernetes.io/name']")).toEqual(['x'])
  expect(valuesAt(o, 'spec.nothing[3].x')).toEqual([])
  expect(() => valuesAt(o, 'spec..x[')).toThrow('not a path')
  expect(includesValue({ a: [1, { b: 2, c: 3 }] }, { a: [{ b: 2 }] })).toBe(true)
  fc.assert(fc.property(fc.jsonValue(), (v) => sameValue(v, JSON.parse(JSON.stringify(v))) && includesValue(v, v)))
})

test('progress is reduced from events; readiness weighs domains, fades, and gives nothing for shown solutions', () => {
  const labs = new Map([['a', { domain: 'troubleshooting' as const }], ['b', { domain: 'troubleshooting' as const }], ['c', { domain: 'storage' as const }]])
  const state = reduceProgress(
    [
      { at: 1, kind: 'lab-opened', id: 'a' },
      { at: 2, kind: 'lab-graded', id: 'a', points: 2, outOf: 4, tasks: [] },
      { at: 3, kind: 'lab-graded', id: 'a', points: 4, outOf: 4, tasks: [] },
      { at: 4, kind: 'solution-shown', id: 'c' },
      { at: 5, kind: 'lab-graded', id: 'c', points: 1, outOf: 1, tasks: [] },
      { at: 6, kind: 'lesson-opened', id: 'm/l' },
      { at: 7, kind: 'block-run', id: 'm/l', block: 'b1' },
    ],
    labs,
    3,
  )
  expect(state.labs['a']).toEqual({ opened: 1, best: 4, outOf: 4, solved: 3, hints: 0, solutionShown: false })
  expect(state.last).toEqual({ kind: 'lesson', id: 'm/l', at: 6 })
  expect([state.readiness.percent, state.readiness.labs]).toEqual([38, 2])
})
