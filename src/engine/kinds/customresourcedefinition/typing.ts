/** Types of custom resources for server-side apply, out of their schemas: which lists are sets or maps, what is atomic. */
import type { KindDefinition } from '#engine/api/kind.ts'
import { isObject, type Loose } from '#engine/api/loose.ts'
import { Schemas } from '#engine/api/schema.ts'

const leaves: Record<string, string> = { string: 's', integer: 'l', number: 'n', boolean: 'b' }
const plain = /^[\w.\-/$]+$/

/** The value as schema.ts writes types; structs that it needs are put into `texts`. */
function valueOf(schema: Loose, name: string, texts: Record<string, string>): string {
  if (!isObject(schema)) return 'a'
  if (schema['x-kubernetes-int-or-string']) return 'x'
  if (schema.type === 'array') return `[${valueOf(schema.items, `${name}[]`, texts)}`
  if (schema.type !== 'object') return leaves[schema.type] ?? 'a'
  if (isObject(schema.additionalProperties)) return `{${valueOf(schema.additionalProperties, `${name}{}`, texts)}`
  if (schema['x-kubernetes-preserve-unknown-fields'] || !schema.properties) return 'a'
  const fields = Object.entries(schema.properties as Record<string, Loose>).filter(([key]) => plain.test(key)).map(([key, sub]) => `${key} ${valueOf(sub, `${name}.${key}`, texts)}${notes(sub)}`)
  texts[name] = [schema['x-kubernetes-map-type'] === 'atomic' ? '~a' : '', ...fields].join(';')
  return `#${name}`
}

function notes(schema: Loose): string {
  if (schema?.type !== 'array') return schema?.['x-kubernetes-map-type'] === 'atomic' ? ' ~a' : ''
  const kind = schema['x-kubernetes-list-type']
  return kind === 'map' ? ` ~m:${(schema['x-kubernetes-list-map-keys'] ?? []).join(',')}` : kind === 'set' ? ' ~s' : ' ~a'
}

/** Built-in types and those of one custom kind. */
export function customTypes(builtin: Schemas, kind: Pick<KindDefinition, 'kind'>, schema: Loose): { readonly schemas: Schemas; readonly root: string } {
  const texts: Record<string, string> = {}
  const root = `custom.${kind.kind}`
  valueOf({ type: 'object', ...schema, properties: { ...schema?.properties } }, root, texts)
  const own = (texts[root] ?? '').split(';').slice(1).filter((f) => f !== '' && !/^(apiVersion|kind|metadata) /.test(f))
  texts[root] = ['', 'apiVersion s', 'kind s', 'metadata #meta.v1.ObjectMeta ={}', ...own].join(';')
  return { schemas: builtin.with(texts), root }
}
