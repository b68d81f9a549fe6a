/** Every lab is proved: its start fails every task, its solution passes all, every wrong answer fails exactly the checks it names, two seeds agree. */
import { expect, test } from 'vitest'
import { labFiles, loadCourse } from '#course/load.ts'
import { proveLab } from '#session/prove.ts'
import { content, drain } from '../world.ts'

const course = loadCourse(content)

test('the course loads without a problem', () => {
  expect(course.problems).toEqual([])
  expect(course.labs.size).toBeGreaterThanOrEqual(8)
})

for (const id of course.labs.keys()) {
  test(`${id} is proved`, { timeout: 300_000 }, async () => {
    const proof = await proveLab({ id, files: labFiles(content, id) }, drain)
    expect(proof.steps.filter((s) => !s.ok)).toEqual([])
  })
}
