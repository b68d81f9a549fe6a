/** kubectl's own public cases: jsonpath, describe texts, table rows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { JsonPath, JsonPathError } from '#programs/kubectl/print/jsonpath.ts'
import { collection, type Collection, type Outcome } from './collection.ts'

interface PathCase {
  readonly test: string
  readonly name: string
  readonly template: string
  readonly data: string
  readonly allowMissingKeys: boolean
  readonly sortOutput?: boolean
  readonly expect?: string
  readonly expectErr?: boolean
  readonly expectError?: string
  value: unknown
}

/** JSON inside texts compared as JSON: the order and (Go field names against their tags) case of keys is not the template's doing. */
function comparable(text: string, sort: boolean): string {
  const normal = text.replace(/[{[][^ ]*[}\]]/g, (part) => {
    try {
      return JSON.stringify(sorted(JSON.parse(part)))
    } catch {
      return part
    }
  })
  return sort ? normal.split(' ').sort().join(' ') : normal
}
function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted)
  if (typeof v !== 'object' || v === null) return v
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k.toLowerCase(), sorted(x)] as const).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function runPath(item: PathCase): Outcome {
  try {
    const actual = new JsonPath(item.template, { allowMissingKeys: item.allowMissingKeys }).execute(item.value)
    const expected = item.expect ?? `an error: ${item.expectError ?? ''}`
    if (item.expectError === undefined && !item.expectErr && comparable(actual, item.sortOutput ?? false) === comparable(expected, item.sortOutput ?? false)) return { result: 'passed' }
    return { result: 'failed', expected, actual }
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
    if (item.expectErr === true || error.message === item.expectError) return { result: 'passed' }
    return { result: 'failed', expected: item.expect ?? item.expectError ?? '', actual: `error: ${error.message}` }
  }
}

const jsonpath: Collection<PathCase> = {
  name: 'kubectl/jsonpath',
  needs: ['oracles/kubectl/jsonpath-cases.json'],
  load(shared) {
    const file = JSON.parse(readFileSync(join(shared, 'oracles/kubectl/jsonpath-cases.json'), 'utf8')) as { data: Record<string, unknown>; cases: PathCase[] }
    return file.cases.map((c) => ({ ...c, value: file.data[c.data] ?? null }))
  },
  id: (item) => `${item.test}/${item.name}`,
  run: runPath,
}

export const collections: Collection[] = [collection(jsonpath)]
