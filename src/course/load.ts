/**
 * Loads the whole course from a source of files. A file that cannot be read becomes a problem with file, line, field and
 * suggestion; everything else still opens.
 *
 *     lessons/<module>/module.yaml · lessons/<module>/<lesson>/lesson.md
 *     labs/<id>/{lab.yaml,start/,solution.sh,wrong/} · labs/clusters/<name>.yaml · labs/exams/<id>.yaml
 */
import { readDocument, nearest, type Problem } from './document.ts'
import { parseLesson, type LessonDocument } from './lesson.ts'
import { lab as labSchema, type Lab } from './schema/lab.ts'
import { clusterShape, exam as examSchema, type ClusterShape, type Exam } from './schema/exam.ts'
import { moduleFile } from './schema/lesson.ts'

/** Content as text; paths are relative to the content root, with '/'. */
export interface ContentSource {
  /** Names in a folder, sorted; empty when there is none. Folders end in '/'. */
  list(folder: string): readonly string[]
  read(path: string): string | undefined
}

export interface Module {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly lessons: readonly LessonDocument[]
}

export interface Course {
  readonly modules: readonly Module[]
  readonly labs: ReadonlyMap<string, Lab>
  readonly exams: ReadonlyMap<string, Exam>
  readonly clusters: ReadonlyMap<string, ClusterShape>
  readonly problems: readonly Problem[]
}

export function loadCourse(source: ContentSource): Course {
  const problems: Problem[] = []
  const folders = (path: string) => source.list(path).filter((n) => n.endsWith('/')).map((n) => n.slice(0, -1))

  const clusters = new Map<string, ClusterShape>()
  for (const name of source.list('labs/clusters')) {
    if (!name.endsWith('.yaml')) continue
    const path = `labs/clusters/${name}`
    const read = readDocument(path, source.read(path) ?? '', clusterShape)
    if (read.ok) clusters.set(name.slice(0, -5), read.value)
    else problems.push(...read.error)
  }
  const knowsCluster = (file: string, field: string, name: string): boolean => {
    if (clusters.has(name)) return true
    const near = nearest(name, [...clusters.keys()])
    problems.push({ file, line: lineOfField(source.read(file) ?? '', field), field, message: `there is no cluster "${name}" in labs/clusters`, suggestion: near !== undefined ? `Did you mean "${near}"?` : `Known: ${[...clusters.keys()].join(', ')}.` })
    return false
  }

  const modules: Module[] = []
  for (const moduleId of folders('lessons')) {
    const path = `lessons/${moduleId}/module.yaml`
    const text = source.read(path)
    if (text === undefined) {
      problems.push({ file: path, line: 1, field: '', message: 'the module has no module.yaml', suggestion: 'Add one with title and summary.' })
      continue
    }
    const read = readDocument(path, text, moduleFile)
    if (!read.ok) problems.push(...read.error)
    const lessons: LessonDocument[] = []
    for (const lessonId of folders(`lessons/${moduleId}`)) {
      const file = `lessons/${moduleId}/${lessonId}/lesson.md`
      const parsed = parseLesson(`${moduleId}/${lessonId}`, file, source.read(file) ?? '')
      if (!parsed.ok) problems.push(...parsed.error)
      else if (knowsCluster(file, 'cluster', parsed.value.cluster)) lessons.push(parsed.value)
    }
    modules.push({ id: moduleId, title: read.ok ? read.value.title : moduleId, summary: read.ok ? read.value.summary : '', lessons })
  }

  const labs = new Map<string, Lab>()
  for (const labId of folders('labs')) {
    if (labId === 'clusters' || labId === 'exams') continue
    const file = `labs/${labId}/lab.yaml`
    const text = source.read(file)
    if (text === undefined) {
      problems.push({ file, line: 1, field: '', message: 'the lab has no lab.yaml', suggestion: 'Add one, or remove the folder.' })
      continue
    }
    const read = readDocument(file, text, labSchema)
    if (!read.ok) problems.push(...read.error)
    else if (knowsCluster(file, 'cluster', read.value.cluster)) labs.set(labId, read.value)
  }

  const exams = new Map<string, Exam>()
  for (const name of source.list('labs/exams')) {
    if (!name.endsWith('.yaml')) continue
    const file = `labs/exams/${name}`
    const read = readDocument(file, source.read(file) ?? '', examSchema)
    if (!read.ok) {
      problems.push(...read.error)
      continue
    }
    const missing = read.value.tasks.filter((t) => !labs.has(t.lab))
    for (const task of missing) {
      const near = nearest(task.lab, [...labs.keys()])
      problems.push({ file, line: lineOfField(source.read(file) ?? '', task.lab), field: 'tasks', message: `there is no lab "${task.lab}"`, suggestion: near !== undefined ? `Did you mean "${near}"?` : 'Add the lab, or take the task out.' })
    }
    if (missing.length === 0) exams.set(name.slice(0, -5), read.value)
  }
  return { modules, labs, exams, clusters, problems }
}

function lineOfField(text: string, word: string): number {
  const index = text.split('\n').findIndex((l) => l.includes(word))
  return index < 0 ? 1 : index + 1
}

/** The files of one lab as text, for a SessionApi's LabBundle; the cluster's shape goes along as `cluster.yaml`. */
export function labFiles(source: ContentSource, id: string): Record<string, string> {
  const files: Record<string, string> = {}
  const walk = (folder: string, below: string) => {
    for (const name of source.list(folder)) {
      if (name.endsWith('/')) walk(`${folder}/${name.slice(0, -1)}`, `${below}${name}`)
      else files[below + name] = source.read(`${folder}/${name}`) ?? ''
    }
  }
  walk(`labs/${id}`, '')
  const cluster = /^cluster:\s*(\S+)/m.exec(files['lab.yaml'] ?? '')?.[1]
  if (cluster !== undefined) {
    const shape = source.read(`labs/clusters/${cluster}.yaml`)
    if (shape !== undefined) files['cluster.yaml'] = shape
  }
  return files
}

/** The checks that a wrong answer must fail, from its first comment: `# Fails: task/check task/check`. */
export function failsOf(script: string): readonly string[] {
  const match = /^#\s*Fails:\s*(.*)$/m.exec(script)
  return match ? match[1]!.trim().split(/\s+/) : []
}
