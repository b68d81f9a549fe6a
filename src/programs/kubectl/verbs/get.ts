/** `kubectl get`: server-side Tables, output formats, sorting, watching, raw requests. */
import type { KubeObject } from '#engine/api/types.ts'
import { Aggregate, ApiError, ConnectError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { apiVersionOf, groupResource, kindName, type Resource } from '../client/discovery.ts'
import type { WatchEvent } from '../client/rest.ts'
import { ColumnFailure } from '../print/custom-columns.ts'
import { goQuote } from '../print/json.ts'
import { JsonPath, JsonPathError, relaxedPath } from '../print/jsonpath.ts'
import { listOf, printerFor, type ObjectPrinter } from '../print/printers.ts'
import { TablePrinter, type Table, type TableRow } from '../print/table.ts'
import { findTargets, getObject, listObjects, pathOf, whereNamespaceIs, wrapListError, type Target, type Targets } from '../resource/targets.ts'
import { compareFields, sortObjects, SortFailure } from '../resource/sort.ts'

const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

function nameOfKind(run: Invocation, known: readonly Resource[]): (object: KubeObject) => string {
  return (object) => {
    const resource = known.find((r) => r.kind === object.kind && apiVersionOf(r) === object.apiVersion)
    const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0]! : ''
    return resource ? kindName(resource) : kindName({ group, kind: object.kind })
  }
}

interface TablePart {
  readonly resource: Resource
  readonly table: Table
  readonly list: boolean
}

export const get: Verb = async (run) => {
  if (run.flags.string('raw') !== '') return getRaw(run)
  if (run.flags.bool('output-watch-events') && !run.flags.bool('watch') && !run.flags.bool('watch-only')) throw usageFailure(run.path, '--output-watch-events option can only be used with --watch or --watch-only')
  const files = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  if (run.args.length === 0 && !files) {
    await run.err('You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\n')
    throw usageFailure(run.path, 'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).')
  }
  const known: Resource[] = []
  const printer = printerFor(run, { nameOf: nameOfKind(run, known), tables: true })
  const watching = run.flags.bool('watch') || run.flags.bool('watch-only')
  if (run.flags.string('subresource') !== '' && run.args.length === 0 && !files) throw usageFailure(run.path, 'Required resource not specified.')
  const found = await findTargets(run, { emptySelector: true })
  for (const t of found.targets) known.push(t.resource)
  if (watching) return watch(run, found, printer)
  if (printer) return printObjects(run, found, printer)
  return printTables(run, found)
}

async function getRaw(run: Invocation): Promise<void> {
  const path = run.flags.string('raw')
  if (run.args.length > 0) throw usageFailure(run.path, 'arguments may not be passed when --raw is specified')
  if (!path.startsWith('/')) throw usageFailure(run.path, `--raw must be a valid URL path: parse ${goQuote(path)}: invalid URI for request`)
  const answer = await run.rest.call('GET', path, { headers: { accept: 'application/json, */*' } })
  await run.out(answer.body)
}

async function readTable(run: Invocation, target: Target, full: boolean): Promise<Table> {
  const subresource = run.flags.string('subresource')
  const path = target.kind === 'list' ? pathOf(target.resource, target.namespace) : pathOf(target.resource, target.namespace, target.name, subresource)
  if (target.kind === 'object' && target.name === '') throw new Failure('resource name may not be empty')
  const chunk = run.flags.number('chunk-size')
  const query = { includeObject: full ? 'Object' : undefined, ...(target.kind === 'list' ? { labelSelector: target.labelSelector, fieldSelector: target.fieldSelector, limit: chunk || undefined } : {}) }
  try {
    const answer = run.rest.json<Table>('GET', path, { query, headers: { accept: tableAccept }, about: target.kind === 'list' ? groupResource(target.resource) : `${groupResource(target.resource)} ${target.name}` })
    return await (target.kind === 'list' ? answer : whereNamespaceIs(run, target.namespace, answer))
  } catch (error) {
    if (target.kind === 'list') return wrapListError(error, target)
    throw error
  }
}

function collect(errors: Error[], error: unknown, ignoreNotFound: boolean): void {
  if (ignoreNotFound && error instanceof ApiError && error.reason === 'NotFound') return
  if (error instanceof Aggregate || error instanceof ApiError || error instanceof Failure) errors.push(error)
  else throw error
}

/** A Table for servers (or objects) that answered with something else: the name and the age. */
function asTable(answer: Table | KubeObject): Table {
  if ((answer as { kind?: string }).kind === 'Table') return answer as Table
  const object = answer as KubeObject
  const items = Array.isArray(object['items']) ? (object['items'] as KubeObject[]) : [object]
  return { kind: 'Table', columnDefinitions: [{ name: 'Name', type: 'string', format: 'name' }, { name: 'Age', type: 'string' }], rows: items.map((o) => ({ cells: [o.metadata.name, '<unknown>'], object: o })) }
}

async function printTables(run: Invocation, found: Targets): Promise<void> {
  const sortBy = run.flags.string('sort-by')
  const errors: Error[] = [...found.errors]
  const parts: TablePart[] = []
  const ignore = run.flags.bool('ignore-not-found')
  for (const target of found.targets) {
    try {
      const table = asTable(await readTable(run, target, sortBy !== ''))
      parts.push({ resource: target.resource, table, list: target.kind === 'list' })
    } catch (error) {
      collect(errors, error, ignore)
    }
  }
  const kinds = new Set(parts.map((p) => `${apiVersionOf(p.resource)}/${p.resource.kind}`))
  const withKind = kinds.size > 1 || run.flags.bool('show-kind')
  const ordered = sortBy === '' ? parts : await sortTables(run, parts, sortBy)
  let printed = ''
  let printer: TablePrinter | undefined
  let last: Resource | undefined
  let rows: string[][] = []
  const flush = () => {
    if (rows.length === 0 || !printer) return
    if (printed !== '' && !run.flags.bool('no-headers')) printed += '\n'
    printed += printer.layout(rows)
    rows = []
  }
  for (const part of ordered) {
    if (last !== part.resource) {
      flush()
      printer = tablePrinter(run, part.resource, withKind)
      last = part.resource
    }
    rows.push(...printer!.rows(part.table))
  }
  flush()
  await run.out(printed)
  if (printed === '' && errors.length === 0 && !ignore) await nothingFound(run, found.targets)
  throwAll(errors)
}

function tablePrinter(run: Invocation, resource: Resource, withKind: boolean, events = false): TablePrinter {
  return new TablePrinter({
    wide: run.flags.string('output') === 'wide', noHeaders: run.flags.bool('no-headers'), withNamespace: run.allNamespaces && resource.namespaced, kind: withKind ? kindName(resource) : '',
    showLabels: run.flags.bool('show-labels'), labelColumns: run.flags.list('label-columns'), events,
  })
}

async function nothingFound(run: Invocation, targets: readonly Target[]): Promise<void> {
  const namespaced = !run.allNamespaces && targets.every((t) => t.resource.namespaced)
  await run.err(namespaced ? `No resources found in ${run.namespace} namespace.\n` : 'No resources found\n')
}

/** Sorting works on the objects that come with the rows of one list; kubectl's own limits are kept. */
async function sortTables(run: Invocation, parts: readonly TablePart[], sortBy: string): Promise<readonly TablePart[]> {
  let path: JsonPath
  let field: string
  try {
    field = relaxedPath(sortBy)
    path = new JsonPath(field, { allowMissingKeys: true })
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
    if (parts.every((p) => p.list)) return []
    throw new Failure(error.message)
  }
  if (parts.length > 1 || parts.some((p) => !p.list)) {
    if (parts.some((p) => (p.table.rows ?? []).length > 0)) throw new Failure(`couldn't find any field with path ${goQuote(field)} in the list of objects`)
    return parts
  }
  return Promise.all(parts.map(async (part) => {
    const rows = part.table.rows ?? []
    const values = rows.map((row) => path.find(row.object ?? {})[0]?.[0])
    if (rows.length > 0 && values.every((v) => v === undefined)) return { ...part, table: { ...part.table, rows: [] } }
    const unsortable = values.find((v) => typeof v === 'object' && v !== null)
    if (unsortable !== undefined && rows.length > 1) {
      await run.klog('F', 'sorter.go:375', `Field ${field} in [][][]reflect.Value is an unsortable type: interface, err: unsortable type: ${Array.isArray(unsortable) ? '[]interface {}' : 'map[string]interface {}'}`)
      throw new Failure('', { bare: true })
    }
    const sorted = rows.map((row, i): [TableRow, unknown] => [row, values[i]]).sort((a, b) => compareFields(a[1], b[1])).map(([row]) => row)
    return { ...part, table: { ...part.table, rows: sorted } }
  }))
}

async function printObjects(run: Invocation, found: Targets, printer: ObjectPrinter): Promise<void> {
  const errors: Error[] = [...found.errors]
  const ignore = run.flags.bool('ignore-not-found')
  const objects: KubeObject[] = []
  let lists = 0
  for (const target of found.targets) {
    try {
      if (target.kind === 'list') {
        objects.push(...(await listObjects(run, target)))
        lists++
      } else objects.push(await getObject(run, target, run.flags.string('subresource')))
    } catch (error) {
      collect(errors, error, ignore)
    }
  }
  let items: readonly KubeObject[] = objects
  const sortBy = run.flags.string('sort-by')
  if (sortBy !== '') {
    try {
      items = sortObjects(objects, sortBy)
    } catch (error) {
      if (error instanceof SortFailure) throw new Failure(error.message)
      throw error
    }
  }
  if (objects.length === 0 && lists === 0) {
    throwAll(errors)
    return
  }
  try {
    await run.out(printer.print(found.targets.length === 1 && lists === 0 ? items[0]! : listOf(items)))
  } catch (error) {
    if (error instanceof ColumnFailure) await run.out(error.printed)
    throw error
  }
  throwAll(errors)
}

async function watch(run: Invocation, found: Targets, printer: ObjectPrinter | undefined): Promise<void> {
  throwAll(found.errors)
  const target = found.targets[0]
  if (found.targets.length !== 1 || !target) throw usageFailure(run.path, `watch is only supported on individual resources and resource collections - ${found.targets.length} resources were found`)
  const table = tablePrinter(run, target.resource, run.flags.bool('show-kind'), run.flags.bool('output-watch-events'))
  const events = run.flags.bool('output-watch-events')
  const accept = printer ? 'application/json' : tableAccept
  const first = target.kind === 'list' || !printer ? await readTable(run, target, false) : undefined
  let version = first?.metadata?.resourceVersion
  const showObject = async (object: KubeObject, type: string) => {
    const text = printer!.print(object)
    await run.out(events ? (printer!.format === 'name' ? `${type.padEnd(10)}${text}` : text) : text)
  }
  if (printer) {
    const objects = target.kind === 'list' ? await listObjects(run, target) : [await getObject(run, target)]
    version = objects.length === 1 && target.kind === 'object' ? objects[0]!.metadata.resourceVersion : version
    if (!run.flags.bool('watch-only')) for (const o of objects) await showObject(o, 'ADDED')
  } else {
    if (target.kind === 'object') version = first!.rows?.[0]?.object?.metadata.resourceVersion ?? version
    if (!run.flags.bool('watch-only')) await run.out(table.layout(table.rows(asTable(first!), 'ADDED')))
  }
  const query: Record<string, string | undefined> = { resourceVersion: version }
  if (target.kind === 'object') query['fieldSelector'] = `metadata.name=${target.name}`
  else Object.assign(query, { labelSelector: target.labelSelector, fieldSelector: target.fieldSelector })
  let stream
  try {
    stream = await run.rest.watch(pathOf(target.resource, target.namespace), { query, headers: { accept }, about: groupResource(target.resource) })
  } catch (error) {
    if (target.kind === 'list' && !(error instanceof ConnectError)) wrapListError(error, target)
    throw error
  }
  for (let event: WatchEvent | undefined = await stream.next(); event !== undefined; event = await stream.next()) {
    if (event.type === 'BOOKMARK') continue
    if (event.type === 'ERROR') throw new ApiError(event.object as never)
    if (printer) await showObject(event.object, event.type)
    else await run.out(table.layout(table.rows(asTable(event.object as never), event.type)))
  }
}
