/**
 * `-o`: which printer a format means and what it prints for an object or a List. Models cli-runtime's genericclioptions printers; KYAML is YAML in
 * flow style as kubectl 1.34+ writes it.
 */
import type { KubeObject } from '#engine/api/types.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseColumnFile, parseColumns, printColumns } from './custom-columns.ts'
import { GoTemplate, TemplateError } from './go-template.ts'
import { goJson, goQuote, goSyntax } from './json.ts'
import { JsonPath, JsonPathError } from './jsonpath.ts'
import { emitKyaml } from './kyaml.ts'

interface PrintOptions {
  /** `deployment.apps` of an object, for -o name. */
  readonly nameOf: (object: KubeObject) => string
  /** Keys in the order of Go's structs: objects that kubectl itself made. */
  readonly typed?: boolean
}

export interface ObjectPrinter {
  readonly format: string
  /** Lists are printed item by item (name, custom-columns). */
  print(object: KubeObject): string
}

const generic = ['go-template', 'go-template-file', 'json', 'jsonpath', 'jsonpath-as-json', 'jsonpath-file', 'kyaml', 'name', 'template', 'templatefile', 'yaml']
const columnFormats = ['custom-columns', 'custom-columns-file']

function withoutManagedFields(object: KubeObject): KubeObject {
  const items = object['items']
  if (Array.isArray(items) && object.metadata?.managedFields === undefined) return { ...object, items: (items as KubeObject[]).map(withoutManagedFields) }
  if (object.metadata?.managedFields === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata: metadata as KubeObject['metadata'] }
}

/** Insertion order, indented by four, as MarshalIndent prints structs. */
function structJson(value: unknown, level = ''): string {
  if (typeof value !== 'object' || value === null) return goJson(value)
  const inner = `${level}    `
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[\n${value.map((v) => inner + structJson(v, inner)).join(',\n')}\n${level}]`
  const keys = Object.keys(value).filter((k) => (value as Record<string, unknown>)[k] !== undefined)
  return keys.length === 0 ? '{}' : `{\n${keys.map((k) => `${inner}${goJson(k)}: ${structJson((value as Record<string, unknown>)[k], inner)}`).join(',\n')}\n${level}}`
}

const order = ['kind', 'apiVersion', 'metadata']

function structOrder(object: KubeObject): KubeObject {
  const out: Record<string, unknown> = {}
  for (const key of [...order, ...Object.keys(object).filter((k) => !order.includes(k))]) if (object[key] !== undefined) out[key] = object[key]
  return out as KubeObject
}

/** The printer that -o asks for; undefined for the default form and for `wide` where tables are allowed. Throws on unknown formats. */
export function printerFor(run: Invocation, options: PrintOptions & { readonly tables?: boolean; readonly without?: readonly string[] }): ObjectPrinter | undefined {
  const output = run.flags.has('output') ? run.flags.string('output') : ''
  const templateFlag = run.flags.has('template') ? run.flags.string('template') : ''
  const at = output.indexOf('=')
  let format = at < 0 ? output : output.slice(0, at)
  let argument = at < 0 ? '' : output.slice(at + 1)
  if (format === '' && templateFlag !== '') format = 'go-template'
  if (format === '' || (format === 'wide' && options.tables)) return undefined
  const formats = [...(options.tables ? [...columnFormats, 'wide'] : []), ...generic].filter((f) => !options.without?.includes(f)).sort()
  if (!formats.includes(format)) throw new Failure(`unable to match a printer suitable for the output format ${goQuote(output)}, allowed formats are: ${formats.join(',')}`)
  const keepManaged = run.flags.has('show-managed-fields') && run.flags.bool('show-managed-fields')
  const clean = (o: KubeObject) => (keepManaged ? o : withoutManagedFields(o))
  const items = (o: KubeObject): readonly KubeObject[] => (o.kind === 'List' && Array.isArray(o['items']) ? (o['items'] as KubeObject[]) : [o])
  if (argument === '' && /^(go-template|template|jsonpath|go-template-file|templatefile|jsonpath-file|jsonpath-as-json)$/.test(format)) argument = templateFlag
  if (argument === '' && /template|jsonpath/.test(format)) throw new Failure('template format specified but no template given')
  const file = (path: string): string => {
    if (!run.process.fs.exists(path)) throw new Failure(`error reading ${format.includes('columns') ? 'template' : 'template'} ${path}, open ${path}: no such file or directory`)
    return run.process.fs.readFile(path)
  }
  let documents = 0
  switch (format) {
    case 'json':
      return { format, print: (o) => (options.typed ? structJson(structOrder(clean(o))) : goJson(clean(o), '    ')) + '\n' }
    case 'yaml':
      return { format, print: (o) => (documents++ > 0 ? '---\n' : '') + emitYaml(clean(o)) }
    case 'kyaml':
      return { format, print: (o) => '---\n' + emitKyaml(clean(o)) }
    case 'name':
      return { format, print: (o) => items(o).map((i) => `${options.nameOf(i)}/${i.metadata.name}\n`).join('') }
    case 'custom-columns':
    case 'custom-columns-file': {
      if (argument === '') throw new Failure('custom-columns format specified but no custom columns given')
      const columns = format === 'custom-columns' ? parseColumns(argument) : parseColumnFile(file(argument))
      return { format, print: (o) => printColumns(columns, items(o), run.flags.has('no-headers') && run.flags.bool('no-headers')) }
    }
    case 'jsonpath':
    case 'jsonpath-as-json':
    case 'jsonpath-file':
      return pathPrinter(run, format, format === 'jsonpath-file' ? file(argument) : argument)
    default:
      return templatePrinter(run, format, format.endsWith('file') ? file(argument) : argument)
  }
}

function allowMissing(run: Invocation): boolean {
  return !run.flags.has('allow-missing-template-keys') || run.flags.bool('allow-missing-template-keys')
}

function pathPrinter(run: Invocation, format: string, template: string): ObjectPrinter {
  let path: JsonPath
  try {
    path = new JsonPath(template, { allowMissingKeys: allowMissing(run) })
  } catch (error) {
    if (error instanceof JsonPathError) throw new Failure(`error parsing jsonpath ${template}, ${error.message}`)
    throw error
  }
  return {
    format,
    print: (o) => {
      try {
        return format === 'jsonpath-as-json' ? path.executeJson(o) : path.execute(o)
      } catch (error) {
        if (!(error instanceof JsonPathError)) throw error
        throw new Failure(`error executing jsonpath ${goQuote(template)}: Error executing template: ${error.message}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${template}\n\tobject given to jsonpath engine was:\n\t\t${goSyntax(o)}\n\n`)
      }
    },
  }
}

function templatePrinter(run: Invocation, format: string, text: string): ObjectPrinter {
  let template: GoTemplate
  try {
    template = new GoTemplate(text, { missingKeyError: !allowMissing(run) })
  } catch (error) {
    if (error instanceof TemplateError) throw new Failure(`error parsing template ${text}, ${error.message}`)
    throw error
  }
  return {
    format,
    print: (o) => {
      try {
        return template.execute(o)
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        throw new Failure(`error executing template ${goQuote(text)}: ${error.message}`)
      }
    },
  }
}

/** Several objects as the List that -o json and -o yaml show. */
export function listOf(items: readonly KubeObject[]): KubeObject {
  return { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } } as unknown as KubeObject
}
