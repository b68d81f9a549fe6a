/**
 * `kubectl explain`: types, enums, requirements and descriptions of fields in the form of the plaintext printer. Built-in types come from the schema facts, custom ones from
 * the schema of their definition.
 */
import { Failure, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { apiVersionOf, type Resource } from '../client/discovery.ts'
import { descriptions } from '../generated/explain.ts'
import { goQuote } from '../print/json.ts'
import { schemaName, schemas } from '../resource/patch.ts'
import type { ValueType } from '#engine/api/schema.ts'

/** A type as explain sees it: built-in or custom. */
interface Node {
  /** `[]ServicePort`, `map[string]string`, `integer` … */
  readonly type: string
  /** Of the field. */
  readonly description: string
  /** Of its type. */
  readonly about: string
  readonly required: boolean
  readonly enum: readonly string[]
  /** Name of the struct, to find circles. */
  readonly struct: string
  /** Fields of the struct at the end of lists and maps; undefined for plain values. */
  fields(): ReadonlyMap<string, Node> | undefined
}

const plain: Record<string, string> = { string: 'string', int32: 'integer', int64: 'integer', double: 'number', bool: 'boolean', time: 'string', microtime: 'string', quantity: 'Quantity', intstr: 'IntOrString', bytes: 'string', object: 'Object', any: 'Object' }
const common: Record<string, string> = { apiVersion: descriptions['meta.v1.Status']?.['apiVersion'] ?? '', kind: descriptions['meta.v1.Status']?.['kind'] ?? '' }

function typeText(type: ValueType): string {
  if (type.kind === 'list') return `[]${typeText(type.item)}`
  if (type.kind === 'map') return `map[string]${typeText(type.item)}`
  if (type.kind === 'struct') return type.name.split('.').at(-1)!
  return plain[type.kind] ?? 'Object'
}

function innermost(type: ValueType): ValueType {
  return type.kind === 'list' || type.kind === 'map' ? innermost(type.item) : type
}

const objectMeta = 'meta.v1.ObjectMeta'

function builtinNode(type: ValueType, description: string, required: boolean, values: readonly string[]): Node {
  const inner = innermost(type)
  const name = inner.kind === 'struct' ? inner.name : inner.kind
  return {
    type: typeText(type), description, about: descriptions[name]?.[''] ?? '', required, enum: type.kind === 'list' || type.kind === 'map' ? [] : [...values].sort(), struct: inner.kind === 'struct' ? inner.name : '',
    fields: () => {
      if (inner.kind !== 'struct' || !schemas.has(inner.name)) return undefined
      const texts = descriptions[inner.name] ?? {}
      return new Map([...schemas.struct(inner.name).fields.values()].map((f) => [f.name, builtinNode(f.type, texts[f.name] ?? common[f.name] ?? '', f.required, f.enum ?? [])]))
    },
  }
}

interface CustomSchema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, CustomSchema>>
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly items?: CustomSchema
  readonly additionalProperties?: CustomSchema | boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
}

function customType(s: CustomSchema): string {
  if (s['x-kubernetes-int-or-string']) return 'IntOrString'
  if (s.type === 'array') return `[]${customType(s.items ?? {})}`
  if (s.type === 'object' && typeof s.additionalProperties === 'object') return `map[string]${customType(s.additionalProperties)}`
  return s.type === undefined || s.type === 'object' ? 'Object' : s.type
}

function customNode(s: CustomSchema, required: boolean, top = false): Node {
  const inner = s.items ?? (typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined) ?? s
  return {
    type: customType(s), description: s.description ?? '', about: '', required, enum: (s.enum ?? []).map(String).sort(), struct: '',
    fields: () => {
      if (!inner.properties && !top) return undefined
      const standard: [string, Node][] = top ? [['apiVersion', builtinNode({ kind: 'string' }, common['apiVersion']!, false, [])], ['kind', builtinNode({ kind: 'string' }, common['kind']!, false, [])], ['metadata', builtinNode({ kind: 'struct', name: objectMeta }, descriptions['core.v1.Pod']?.['metadata'] ?? '', false, [])]] : []
      return new Map([...standard, ...Object.entries(inner.properties ?? {}).filter(([n]) => !top || !['apiVersion', 'kind', 'metadata'].includes(n)).map(([n, p]): [string, Node] => [n, customNode(p, inner.required?.includes(n) ?? false)])])
    },
  }
}

/** go-wordwrap: breaks at blanks before words that would pass the limit; lines and their first blanks stay. */
function wordWrap(text: string, limit: number): string {
  let out = ''
  let current = 0
  let word = ''
  let space = ''
  for (const c of text) {
    if (c === '\n') {
      if (word === '') {
        if (current + space.length > limit) current = 0
        else out += space
        space = ''
      } else {
        out += space + word
        space = word = ''
      }
      out += c
      current = 0
    } else if (c === ' ' || c === '\t') {
      if (space === '' || word !== '') {
        current += space.length + word.length
        out += space + word
        space = word = ''
      }
      space += c
    } else {
      word += c
      if (current + space.length + word.length > limit && word.length < limit) {
        out += '\n'
        current = 0
        space = ''
      }
    }
  }
  if (word === '') return current + space.length <= limit ? out + space : out
  return out + space + word
}

const indented = (text: string, by: number): string => wordWrap(text, 80 - by).split('\n').map((l) => ' '.repeat(by) + l).join('\n')

function fieldLines(node: Node, level: number, recursive: boolean, seen: readonly string[]): string[] {
  const pad = '  '.repeat(level)
  return [...(node.fields() ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, field]) => {
    const lines = [`${pad}${name}\t<${field.type}>${field.required ? ' -required-' : ''}`]
    if (field.enum.length > 0) lines.push(`${pad}enum: ${field.enum.length > 4 ? `${field.enum.slice(0, 4).join(', ')}, ....` : field.enum.join(', ')}`)
    if (!recursive) return [...lines, indented(field.description || '<no description>', 4), '']
    return field.fields() && !seen.includes(field.struct || '\0') ? [...lines, ...fieldLines(field, level + 1, true, [...seen, field.struct])] : lines
  })
}

export const explain: Verb = async (run) => {
  if (run.args.length === 0) throw usageFailure(run.path, 'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.')
  if (run.args.length > 1) throw usageFailure(run.path, 'We accept only this format: explain RESOURCE')
  const [word, ...path] = run.args[0]!.split('.').filter((p) => p !== '') as [string, ...string[]]
  const { resource, fields } = await run.reachable(() => resolve(run, word, path))
  const wanted = run.flags.string('api-version')
  const version = wanted || apiVersionOf(resource)
  const root = await rootOf(run, resource, version)
  if (!root) throw new Failure(`couldn't find resource for ${goQuote(`${version.includes('/') ? version : `/${version}`}, Kind=${resource.kind}`)}`)
  let node: Node = root
  let name: string | undefined
  for (const part of fields) {
    const next: Node | undefined = node.fields()?.get(part)
    if (!next) throw new Failure(`field ${goQuote(part)} does not exist`)
    node = next
    name = part
  }
  const slash = version.indexOf('/')
  let text = `${slash >= 0 ? `GROUP:      ${version.slice(0, slash)}\n` : ''}KIND:       ${resource.kind}\nVERSION:    ${version.slice(slash + 1)}\n\n`
  const below = node.fields()
  if (name !== undefined) text += `FIELD: ${name} <${node.type}>${node.required ? ' -required-' : ''}\n${node.enum.length > 0 ? `ENUM:\n${node.enum.map((e) => `    ${e}\n`).join('')}` : '\n'}\n`
  const parts = [node.description, node.about].filter((t) => t !== '')
  text += `DESCRIPTION:\n${parts.length === 0 ? '    <empty>\n' : parts.map((t) => `${indented(t, 4)}\n`).join('') + '    \n'}`
  if (below) text += `FIELDS:\n${fieldLines(node, 1, run.flags.bool('recursive'), [node.struct]).map((l) => `${l}\n`).join('')}`
  await run.out(`${text}\n`)
}

async function rootOf(run: Invocation, resource: Resource, version: string): Promise<Node | undefined> {
  const name = schemaName(version, resource.kind)
  if (name !== undefined) return builtinNode({ kind: 'struct', name }, '', false, [])
  const definition = await run.rest.json<{ spec?: { versions?: { name: string; schema?: { openAPIV3Schema?: CustomSchema } }[] } }>('GET', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${resource.name}.${resource.group}`).catch(() => undefined)
  const schema = definition?.spec?.versions?.find((v) => v.name === version.split('/').at(-1))?.schema?.openAPIV3Schema
  return schema ? customNode(schema, false, true) : undefined
}

async function resolve(run: Invocation, word: string, path: readonly string[]): Promise<{ readonly resource: Resource; readonly fields: readonly string[] }> {
  // `ingress.spec` or `deployments.v1.apps`: as many leading parts as name a resource belong to it
  for (let n = path.length; n > 0; n--) {
    const all = await run.discovery.resources()
    const suffix = path.slice(0, n).join('.')
    const found = all.find((r) => (r.name === word || r.singular === word) && (r.group === suffix || `${r.version}.${r.group}` === suffix))
    if (found) return { resource: found, fields: path.slice(n) }
  }
  return { resource: await run.discovery.find(word), fields: path }
}
