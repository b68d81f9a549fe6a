import { expect, test } from 'vitest'
import type { ExamEntry } from '#contract/host-api.ts'
import { scoreExam } from './exam-score.ts'

const exam: ExamEntry = {
  id: 'short', title: 'Short', minutes: 30, pass: 66,
  tasks: [
    { lab: 'a', host: 'base', points: 4, title: 'A', domain: 'troubleshooting' },
    { lab: 'b', host: 'base', points: 6, title: 'B', domain: 'services-networking' },
    { lab: 'c', host: 'base', points: 2, title: 'C', domain: 'troubleshooting' },
  ],
}
const check = (pass: boolean) => ({ id: 'x', title: 'x', pass, expected: 'e', observed: 'o', why: '', evidence: [], links: [] })
const grade = (points: number, outOf: number) => ({ at: 0, points, outOf, tasks: [{ id: 't', pass: points === outOf, points, checks: [check(points === outOf)] }] })

test('points scale to the exam, by task and by domain', () => {
  const report = scoreExam(exam, [{ grade: grade(5, 5), timeline: [{ at: 1, kind: 'command', text: 'ls' }, { at: 2, kind: 'event', text: 'x' }], seconds: 61.4 }, { grade: grade(1, 2), timeline: [], seconds: 10 }, { grade: undefined, timeline: [], seconds: 0 }], 100, 200)
  expect(report).toEqual({
    exam: 'short', started: 100, ended: 200, percent: 58, pass: false,
    domains: [{ domain: 'troubleshooting', points: 4, outOf: 6 }, { domain: 'services-networking', points: 3, outOf: 6 }],
    tasks: [
      { lab: 'a', title: 'A', points: 4, outOf: 4, seconds: 61, checks: [{ title: 'x', pass: true, expected: 'e', observed: 'o', why: '' }], commands: ['ls'] },
      { lab: 'b', title: 'B', points: 3, outOf: 6, seconds: 10, checks: [{ title: 'x', pass: false, expected: 'e', observed: 'o', why: '' }], commands: [] },
      { lab: 'c', title: 'C', points: 0, outOf: 2, seconds: 0, checks: [], commands: [] },
    ],
  })
})
test('just below the mark is not passed', () => {
  const one: ExamEntry = { ...exam, tasks: [{ lab: 'a', host: '', points: 1000, title: 'A', domain: 'storage' }] }
  const at = (points: number) => scoreExam(one, [{ grade: grade(points, 1000), timeline: [], seconds: 0 }], 0, 0)
  expect([at(659).percent, at(659).pass, at(660).pass]).toEqual([65, false, true])
})
