/** kubedrill lab list | show ID | prove [ID]. */
import { labFiles, loadCourse } from '#course/load.ts'
import { diskSource } from '#host/content.ts'
import { proveLab } from '#session/prove.ts'
import { contentFolder, drain } from '../world.ts'

export async function lab(args: readonly string[]): Promise<number> {
  const [verb = 'list', id] = args
  const source = diskSource(contentFolder())
  const course = loadCourse(source)
  for (const p of course.problems) process.stderr.write(`${p.file}:${p.line}: ${p.field === '' ? '' : `${p.field}: `}${p.message}. ${p.suggestion}\n`)
  if (id !== undefined && !course.labs.has(id)) throw new Error(`there is no lab ${id}; see kubedrill lab list`)
  switch (verb) {
    case 'list':
      for (const [name, l] of course.labs) process.stdout.write(`${name.padEnd(44)} ${'•'.repeat(l.difficulty).padEnd(5)} ${String(l.minutes).padStart(3)} min  ${l.title}\n`)
      return course.problems.length > 0 ? 1 : 0
    case 'show': {
      if (id === undefined) throw new Error('show needs the ID of a lab')
      const l = course.labs.get(id)!
      process.stdout.write(`${l.title}\n${l.competency} · difficulty ${l.difficulty} · ${l.minutes} min · cluster ${l.cluster}\n\n${l.story}\n`)
      for (const [i, t] of l.tasks.entries()) process.stdout.write(`${i + 1}. (${t.points} points) ${t.text}\n${t.checks.map((c) => `     - ${c.title}\n`).join('')}`)
      return 0
    }
    case 'prove': {
      let failed = 0
      for (const name of id === undefined ? course.labs.keys() : [id]) {
        const proof = await proveLab({ id: name, files: labFiles(source, name) }, drain)
        process.stdout.write(`${proof.ok ? 'proved' : 'FAILED'}  ${name}\n`)
        for (const step of proof.steps) if (!step.ok || id !== undefined) process.stdout.write(`  ${step.ok ? '✓' : '✗'} ${step.name}: ${step.detail.replaceAll('\n', '\n      ')}\n`)
        if (!proof.ok) failed++
      }
      return failed > 0 ? 1 : 0
    }
    default:
      throw new Error(`lab list, lab show ID or lab prove [ID], not "${verb}"`)
  }
}
