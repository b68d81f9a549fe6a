/**
 * YAML content with positions: parses a document, validates it against a zod schema, and turns every complaint into a
 * ContentProblem that names file, line and field and offers the nearest known word.
 */
import { LineCounter, isMap, isSeq, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import type { Result } from '#base/result.ts'
import { err, ok } from '#base/result.ts'

export interface Problem {
  readonly file: string
  readonly line: number
  readonly field: string
  readonly message: string
  readonly suggestion: string
}

/** Validates `text`; `firstLine` is where it begins in its file (front matter). */
export function readDocument<S extends z.ZodType>(file: string, text: string, schema: S, firstLine = 1): Result<z.infer<S>, readonly Problem[]> {
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  if (doc.errors.length > 0) {
    return err(
      doc.errors.map((e) => ({
        file,
        line: lines.linePos(e.pos[0]).line + firstLine - 1,
        field: '',
        message: e.message,
        suggestion: 'Mend the YAML: indentation by spaces, one key per line, text with ": " in it in quotes.',
      })),
    )
  }
  let value: unknown
  try {
    value = doc.toJS({ maxAliasCount: 20 })
  } catch (error) {
    return err([{ file, line: firstLine, field: '', message: error instanceof Error ? error.message : String(error), suggestion: 'Write the repeated parts out instead of using aliases.' }])
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, [], value))
  return err(problems.map((p) => ({ file, line: lineOf(doc, lines, p.path) + firstLine - 1, field: pathText(p.path), message: p.message, suggestion: p.suggestion })))
}

type Path = readonly PropertyKey[]
type Issue = z.core.$ZodIssue

interface Described {
  readonly path: Path
  readonly message: string
  readonly suggestion: string
}

function describe(issue: Issue, prefix: Path, root: unknown): Described[] {
  const path = [...prefix, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue)
    return issue.keys.map((key) => {
      const near = nearest(key, known)
      return {
        path: [...path, key],
        message: `unknown field "${key}"`,
        suggestion: near !== undefined ? `Did you mean "${near}"?` : known.length > 0 ? `Known fields here: ${known.join(', ')}.` : 'Remove it.',
      }
    })
  }
  if (issue.code === 'invalid_union') {
    const best = [...issue.errors].sort((a, b) => b.reduce((n, i) => Math.max(n, i.path.length), 0) - a.reduce((n, i) => Math.max(n, i.path.length), 0))[0]
    if (best && best.length > 0) return best.flatMap((i) => describe(i, path, root))
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    const got = String(at(root, path))
    const near = nearest(got, values)
    return [{ path, message: `"${got}" is not one of ${values.join(', ')}`, suggestion: near !== undefined ? `Did you mean "${near}"?` : `Use one of them.` }]
  }
  if (issue.code === 'invalid_type' && at(root, path) === undefined) {
    return [{ path, message: `the field "${String(path.at(-1) ?? '')}" is missing`, suggestion: `Add it (${issue.expected}).` }]
  }
  return [{ path, message: issue.message, suggestion: 'See the field reference in docs/generated/content.md.' }]
}

/** zod does not tell the known keys with an unrecognised one; strictObject in schema/strict.ts puts them into the message. */
function knownKeys(issue: Issue): readonly string[] {
  const match = /known: (.*)$/.exec(issue.message)
  return match ? match[1]!.split(', ') : []
}

function at(root: unknown, path: Path): unknown {
  let value = root
  for (const key of path) value = value !== null && typeof value === 'object' ? (value as Record<PropertyKey, unknown>)[key] : undefined
  return value
}

function lineOf(doc: Document, lines: LineCounter, path: Path): number {
  let node: unknown = doc.contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value ?? item.key) === String(key))
      if (!pair) break
      offset = (pair.key as { range?: readonly number[] }).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      offset = (node as { range?: readonly number[] } | undefined)?.range?.[0] ?? offset
    } else break
  }
  return lines.linePos(offset).line
}

function pathText(path: Path): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`), '')
}

/** The word with the smallest edit distance, where that is small enough to be a typo. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let distance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const d = editDistance(word, candidate)
    if (d < distance) {
      distance = d
      best = candidate
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
