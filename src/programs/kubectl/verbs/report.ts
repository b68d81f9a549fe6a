/** What verbs that change objects print: `deployment.apps/web created`, or the object in the form that -o asks for; and sending objects to the server. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, usageFailure } from '../cli/errors.ts'
import { dryRunNote, dryRunOf, type Invocation } from '../cli/invocation.ts'
import { apiVersionOf, kindName, type Resource } from '../client/discovery.ts'
import { goJson } from '../print/json.ts'
import { printerFor, type ObjectPrinter } from '../print/printers.ts'
import { pathOf } from '../resource/targets.ts'

export type DryRun = 'none' | 'client' | 'server'

export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** The one NAME of generators and of verbs on one object. */
export function oneName(run: Invocation, args: readonly string[] = run.dash >= 0 ? run.args.slice(0, run.dash) : run.args): string {
  if (args.length !== 1) throw usageFailure(run.path, `exactly one NAME is required, got ${args.length}`)
  return args[0]!
}

export interface Reporter {
  readonly dryRun: DryRun
  /** `created`, `configured` … */
  done(resource: Resource, object: KubeObject, operation: string, options?: { readonly typed?: boolean; readonly note?: boolean }): Promise<void>
}

/** Reads --dry-run and -o (which may be wrong) and answers a function that reports each object. */
export async function reporter(run: Invocation, options: { readonly typed?: boolean } = {}): Promise<Reporter> {
  const dryRun = await dryRunOf(run)
  let known: Resource | undefined
  const printer: ObjectPrinter | undefined = printerFor(run, { nameOf: (o) => (known && known.kind === o.kind ? kindName(known) : kindName({ group: o.apiVersion.includes('/') ? o.apiVersion.split('/')[0]! : '', kind: o.kind })), ...(options.typed ? { typed: true } : {}) })
  return {
    dryRun,
    done: async (resource, object, operation, { note = true } = {}) => {
      known = resource
      if (printer) return run.out(printer.print(object))
      await run.out(`${kindName(resource)}/${object.metadata.name} ${operation}${note ? dryRunNote[dryRun] : ''}\n`)
    },
  }
}

/** The object with the annotation that apply compares against. */
export function withLastApplied(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations }
  delete annotations[lastApplied]
  const bare = { ...object, metadata: { ...object.metadata, annotations } }
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [lastApplied]: goJson(bare) + '\n' } } }
}

interface SendOptions {
  readonly dryRun: DryRun
  readonly fieldManager?: string
  readonly validate?: string
}

function writeQuery(run: Invocation, options: SendOptions, manager: string): Record<string, string | undefined> {
  const strict = run.flags.has('validate') ? run.flags.string('validate') : options.validate
  const validation = strict === undefined ? undefined : strict === 'true' || strict === 'strict' ? 'Strict' : strict === 'warn' ? 'Warn' : 'Ignore'
  return { fieldManager: run.flags.has('field-manager') && run.flags.changed('field-manager') ? run.flags.string('field-manager') : manager, fieldValidation: validation, dryRun: options.dryRun === 'server' ? 'All' : undefined }
}

export function createObject(run: Invocation, resource: Resource, namespace: string, object: KubeObject, options: SendOptions): Promise<KubeObject> {
  return run.rest.json<KubeObject>('POST', pathOf(resource, namespace), { query: writeQuery(run, { validate: 'strict', ...options }, options.fieldManager ?? 'kubectl-create'), body: object, about: resource.name })
}

export function replaceObject(run: Invocation, resource: Resource, namespace: string, name: string, object: KubeObject, options: SendOptions & { readonly subresource?: string }): Promise<KubeObject> {
  return run.rest.json<KubeObject>('PUT', pathOf(resource, namespace, name, options.subresource), { query: writeQuery(run, options, options.fieldManager ?? 'kubectl-replace'), body: object, about: `${resource.name} ${name}` })
}

export function patchObject(run: Invocation, resource: Resource, namespace: string, name: string, patch: unknown, contentType: string, options: SendOptions & { readonly subresource?: string; readonly force?: boolean }): Promise<KubeObject> {
  return run.rest.json<KubeObject>('PATCH', pathOf(resource, namespace, name, options.subresource), {
    query: { ...writeQuery(run, options, options.fieldManager ?? 'kubectl-patch'), force: options.force === undefined ? undefined : String(options.force) }, body: typeof patch === 'string' ? patch : JSON.stringify(patch), contentType, about: `${resource.name} ${name}`,
  })
}

/** Built-in type that a generator makes, also where the server cannot be asked (client dry run). */
export function builtin(group: string, version: string, name: string, kind: string, namespaced = true): Resource {
  return { group, version, name, singular: kind.toLowerCase(), kind, namespaced, verbs: [], shortNames: [], categories: [], preferred: true, subresources: [] }
}

/** Creates what a generator made (unless it is a dry run) and reports it. `failure`: the words before the server's refusal. */
export async function createGenerated(run: Invocation, resource: Resource, object: KubeObject, failure: string | undefined): Promise<void> {
  const report = await reporter(run, { typed: true })
  const made = run.flags.has('save-config') && run.flags.bool('save-config') ? withLastApplied(object) : object
  if (report.dryRun === 'client') return report.done(resource, made, 'created')
  try {
    const stored = await createObject(run, resource, resource.namespaced ? (made.metadata.namespace ?? run.namespace) : '', made, { dryRun: report.dryRun })
    await report.done(resource, { ...stored, apiVersion: apiVersionOf(resource), kind: resource.kind }, 'created')
  } catch (error) {
    if (failure !== undefined && error instanceof ApiError) throw new Failure(`${failure} ${error.message}`)
    throw error
  }
}
