/** `kubectl explain`: types, enums and requirements of fields from the schema facts, in the form of the plaintext printer. Descriptions are not among the facts. */
import { Failure, usageFailure } from '../cli/errors.ts'
import type { Verb } from '../cli/invocation.ts'
import { apiVersionOf, type Resource } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { schemaName, schemas } from '../resource/patch.ts'
import type { Field, Struct, ValueType } from '#engine/api/schema.ts'

const plain: Record<string, string> = { string: 'string', int32: 'integer', int64: 'integer', double: 'number', bool: 'boolean', time: 'string', microtime: 'string', quantity: 'Quantity', intstr: 'IntOrString', bytes: 'string', object: 'Object', any: 'Object' }

function typeText(type: ValueType): string {
  if (type.kind === 'list') return `[]${typeText(type.item)}`
  if (type.kind === 'map') return `map[string]${typeText(type.item)}`
  if (type.kind === 'struct') return type.name.split('.').at(-1)!
  return plain[type.kind] ?? 'Object'
}

function structBelow(type: ValueType): Struct | undefined {
  if (type.kind === 'list' || type.kind === 'map') return structBelow(type.item)
  return type.kind === 'struct' && schemas.has(type.name) ? schemas.struct(type.name) : undefined
}

function fieldLines(struct: Struct, level: number, recursive: boolean, seen: readonly string[]): string[] {
  const pad = '  '.repeat(level)
  return [...struct.fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((f) => {
    const lines = [`${pad}${f.name}\t<${typeText(f.type)}>${f.required ? ' -required-' : ''}`]
    if (f.enum) lines.push(`${pad}enum: ${[...f.enum].sort().join(', ')}`)
    const below = structBelow(f.type)
    if (recursive) return below && !seen.includes(below.name) ? [...lines, ...fieldLines(below, level + 1, true, [...seen, below.name])] : lines
    return [...lines, `${pad}  <no description>`, '']
  })
}

export const explain: Verb = async (run) => {
  if (run.args.length === 0) throw usageFailure(run.path, 'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.')
  if (run.args.length > 1) throw usageFailure(run.path, 'We accept only this format: explain RESOURCE')
  const [word, ...path] = run.args[0]!.split('.').filter((p) => p !== '') as [string, ...string[]]
  const { resource, fields } = await run.reachable(() => resolve(run, word, path))
  const wanted = run.flags.string('api-version')
  const version = wanted || apiVersionOf(resource)
  const name = schemaName(version, resource.kind)
  if (wanted && name === undefined) throw new Failure(`couldn't find resource for ${goQuote(`${version.includes('/') ? version.split('/')[0]! : ''}/${version.split('/').at(-1)!}, Kind=${resource.kind}`)}`)
  const slash = version.indexOf('/')
  const head = `${slash >= 0 ? `GROUP:      ${version.slice(0, slash)}\n` : ''}KIND:       ${resource.kind}\nVERSION:    ${version.slice(slash + 1)}\n\n`
  if (name === undefined) throw new Failure(`couldn't find resource for ${goQuote(`${resource.group}/${resource.version}, Kind=${resource.kind}`)}`)
  let struct: Struct | undefined = schemas.struct(name)
  let field: Field | undefined
  for (const part of fields) {
    const next: Field | undefined = struct?.fields.get(part)
    if (!next) throw new Failure(`field ${goQuote(part)} does not exist`)
    field = next
    struct = structBelow(next.type)
  }
  let text = head
  if (field) text += `FIELD: ${field.name} <${typeText(field.type)}>${field.required ? ' -required-' : ''}\n${field.enum && !struct ? `ENUM:\n${[...field.enum].sort().map((e) => `    ${e}\n`).join('')}` : ''}\n`
  text += 'DESCRIPTION:\n    <no description>\n    \n'
  if (struct) text += `FIELDS:\n${fieldLines(struct, 1, run.flags.bool('recursive'), [struct.name]).join('\n')}\n${run.flags.bool('recursive') ? '\n' : ''}`
  await run.out(`${text}${struct ? '' : '\n'}`)
}

async function resolve(run: Parameters<Verb>[0], word: string, path: readonly string[]): Promise<{ readonly resource: Resource; readonly fields: readonly string[] }> {
  // `ingress.spec` or `deployments.v1.apps`: as many leading parts as name a resource belong to it
  for (let n = path.length; n > 0; n--) {
    const all = await run.discovery.resources()
    const suffix = path.slice(0, n).join('.')
    const found = all.find((r) => (r.name === word || r.singular === word) && (r.group === suffix || `${r.version}.${r.group}` === suffix))
    if (found) return { resource: found, fields: path.slice(n) }
  }
  return { resource: await run.discovery.find(word), fields: path }
}
