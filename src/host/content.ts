/**
 * The course on the disk. It is read once and again when a file of it has changed (authors edit while the app runs); what cannot be loaded
 * is listed in the tree's problems and the rest opens.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CourseTree, LessonDocument, Progress, ProgressEvent } from '#contract/host-api.ts'
import type { LabBundle } from '#contract/session-api.ts'
import { labFiles, loadCourse, type ContentSource, type Course } from '#course/load.ts'
import { reduceProgress } from '#course/progress.ts'

export interface Content {
  tree(): CourseTree
  lesson(id: string): LessonDocument
  lab(id: string): LabBundle
  progress(events: readonly ProgressEvent[], now: number): Progress
}

/** Files below `folder`, as src/course wants them. */
export function diskSource(folder: string): ContentSource {
  return {
    list: (path) => {
      const full = join(folder, path)
      if (!existsSync(full)) return []
      return readdirSync(full, { withFileTypes: true })
        .filter((e) => !e.name.startsWith('.') && (e.isDirectory() || e.isFile()))
        .map((e) => (e.isDirectory() ? `${e.name}/` : e.name))
        .sort()
    },
    read: (path) => {
      try {
        return readFileSync(join(folder, path), 'utf8')
      } catch {
        return undefined
      }
    },
  }
}

/** Changes whenever a file of the content is added, removed or written. */
function stamp(path: string): string {
  if (!existsSync(path)) return ''
  const stat = statSync(path)
  if (!stat.isDirectory()) return `${path}:${stat.mtimeMs}:${stat.size}`
  return readdirSync(path).sort().map((name) => stamp(join(path, name))).join('|')
}

function treeOf(course: Course): CourseTree {
  return {
    modules: course.modules.map((m) => ({
      id: m.id,
      title: m.title,
      summary: m.summary,
      lessons: m.lessons.map(({ id, title, minutes, cluster }) => ({ id, title, minutes, cluster })),
    })),
    labs: [...course.labs].map(([id, lab]) => ({
      id,
      title: lab.title,
      domain: lab.domain,
      competency: lab.competency,
      difficulty: lab.difficulty,
      minutes: lab.minutes,
      points: lab.tasks.reduce((sum, t) => sum + t.points, 0),
      ...(lab.module === undefined ? {} : { module: lab.module }),
    })),
    exams: [...course.exams].map(([id, exam]) => ({
      id,
      title: exam.title,
      minutes: exam.minutes,
      pass: exam.pass,
      tasks: exam.tasks.map((t) => {
        const lab = course.labs.get(t.lab)!
        return { lab: t.lab, host: t.host ?? '', points: t.points, title: lab.title, domain: lab.domain }
      }),
    })),
    clusters: [...course.clusters].map(([id, { title }]) => ({ id, title })),
    problems: course.problems,
  }
}

export function openContent(contentDir: string): Content {
  const source = diskSource(contentDir)
  let course: Course | undefined
  let seen = ''
  let checked = -Infinity
  const read = (): Course => {
    // The stamp is taken once a second at most: reading the course is asked for on every page.
    if (course && performance.now() - checked < 1000) return course
    checked = performance.now()
    const now = stamp(join(contentDir, 'lessons')) + stamp(join(contentDir, 'labs'))
    if (!course || now !== seen) {
      course = loadCourse(source)
      seen = now
    }
    return course
  }
  return {
    tree: () => treeOf(read()),
    lesson: (id) => {
      const found = read().modules.flatMap((m) => m.lessons).find((l) => l.id === id)
      if (!found) throw new Error(`there is no lesson ${id}`)
      return found
    },
    lab: (id) => {
      if (!read().labs.has(id)) throw new Error(`there is no lab ${id}`)
      return { id, files: labFiles(source, id) }
    },
    progress: (events, now) => reduceProgress(events, read().labs, now),
  }
}
