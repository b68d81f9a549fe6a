/**
 * Manifests given with -f and -k: files, folders, standard input; several YAML documents or JSON values in one; Lists taken apart. The texts of
 * what can go wrong are those of cli-runtime's builder and of kubectl's validation of what it is given.
 */
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { kustomize } from '../kustomize/build.ts'

export interface Document {
  readonly object: KubeObject
  /** The file it came from, or `STDIN`. */
  readonly source: string
}

/** Parts between lines that start with `---`. */
export function splitDocuments(text: string): string[] {
  const parts: string[] = []
  let current: string[] = []
  text.split('\n').forEach((line, i) => {
    if (line.startsWith('---') && i > 0 && /^---(\s|$)/.test(line)) {
      parts.push(current.join('\n'))
      current = []
    } else current.push(line)
  })
  parts.push(current.join('\n'))
  return parts
}

/** Objects in one text; errors are thrown with the source's name. */
function decodeText(text: string, source: string): unknown[] {
  if (/^\s*\{/.test(text)) {
    try {
      return [JSON.parse(text)]
    } catch {
      // several values, or YAML flow style: read as YAML below
    }
  }
  return splitDocuments(text).flatMap((part) => {
    if (part.split('\n').every((l) => /^\s*(#.*)?$/.test(l) || l === '---')) return []
    try {
      const value = parseYaml(part)
      return value === null || value === undefined ? [] : [value]
    } catch (error) {
      if (error instanceof YamlError) throw new Failure(`error parsing ${source}: error converting YAML to JSON: ${error.message}`)
      throw error
    }
  })
}

function invalid(source: string, why: string): Failure {
  return new Failure(`error validating ${goQuote(source)}: error validating data: ${why}; if you choose to ignore these errors, turn validation off with --validate=false`)
}

/** The object inside a document, or kubectl's complaint. */
function asObjects(value: unknown, source: string, errors: Error[]): KubeObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    errors.push(invalid(source, 'invalid object to validate'))
    return []
  }
  const object = value as KubeObject
  const missing = [...(object.apiVersion ? [] : ['apiVersion not set']), ...(object.kind ? [] : ['kind not set'])]
  if (missing.length > 0) {
    errors.push(invalid(source, missing.length === 1 ? missing[0]! : `[${missing.join(', ')}]`))
    return []
  }
  if (object.kind.endsWith('List') && Array.isArray(object['items'])) return (object['items'] as unknown[]).flatMap((item) => asObjects(item, source, errors))
  const metadata = (object.metadata ?? {}) as KubeObject['metadata']
  return [{ ...object, metadata }]
}

function filesOf(run: Invocation, path: string, recursive: boolean): string[] {
  const { fs } = run.process
  if (!fs.exists(path)) throw new Failure(`the path ${goQuote(path)} does not exist`)
  if (fs.stat(path).type !== 'directory') return [path]
  const out: string[] = []
  const walk = (folder: string) => {
    for (const name of fs.readDir(folder)) {
      const full = `${folder.replace(/\/$/, '')}/${name}`
      if (fs.stat(full).type === 'directory') {
        if (recursive) walk(full)
      } else if (/\.(json|yaml|yml)$/.test(name)) out.push(full)
    }
  }
  walk(path)
  if (out.length === 0) throw new Failure(`error reading [${path}]: recognized file extensions are [.json .yaml .yml]`)
  return out
}

function download(run: Invocation, url: string): string {
  const text = run.process.machine.downloads?.get(url)
  if (!text) throw new Failure(`unable to read URL ${goQuote(url)}, the simulated network has no road to it`)
  return text()
}

/** All documents named by -f, -R and -k, and what went wrong with some of them. Throws only where nothing could be read at all. */
export async function readDocuments(run: Invocation): Promise<{ readonly documents: Document[]; readonly errors: Error[] }> {
  const documents: Document[] = []
  const errors: Error[] = []
  const recursive = run.flags.has('recursive') && run.flags.bool('recursive')
  const paths: string[] = []
  for (const path of run.flags.list('filename')) {
    if (path === '-' || /^https?:\/\//.test(path)) paths.push(path)
    else paths.push(...filesOf(run, path, recursive))
  }
  for (const path of paths) {
    const source = path === '-' ? 'STDIN' : path
    try {
      const text = path === '-' ? await run.process.stdin.readAll() : /^https?:\/\//.test(path) ? download(run, path) : run.process.fs.readFile(path)
      for (const value of decodeText(text, source)) for (const object of asObjects(value, source, errors)) documents.push({ object, source })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      errors.push(error)
    }
  }
  const folder = run.flags.has('kustomize') ? run.flags.string('kustomize') : ''
  if (folder) {
    const { objects, warnings } = kustomize(run.process, folder)
    for (const line of warnings) await run.err(line)
    for (const object of objects) documents.push({ object, source: folder })
  }
  return { documents, errors }
}

/** The check that verbs with -f and -k make before anything else. */
export function requireFiles(run: Invocation): void {
  const hasFiles = run.flags.list('filename').length > 0
  const hasKustomize = run.flags.has('kustomize') && run.flags.string('kustomize') !== ''
  if (hasFiles && hasKustomize) throw new Failure('only one of -f or -k can be specified')
  if (!hasFiles && !hasKustomize) throw new Failure('must specify one of -f and -k')
}
