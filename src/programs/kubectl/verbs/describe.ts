/** `kubectl describe`: exact names first, else names that begin so; one text per object with an empty line between. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll, usageFailure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { describeObject } from '../describe/describe.ts'
import { findTargets, getObject, listObjects, type ObjectTarget, type Target } from '../resource/targets.ts'
import type { Resource } from '../client/discovery.ts'

export const describe: Verb = async (run) => {
  const files = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  if (run.args.length === 0 && !files) {
    await run.err('You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of supported resources.\n\n')
    throw usageFailure(run.path, 'Required resource not specified.')
  }
  const found = await findTargets(run, { emptySelector: true })
  const errors: Error[] = [...found.errors]
  let first = true
  let lists = 0
  const show = async (resource: Resource, object: KubeObject) => {
    const text = await describeObject(run, resource, object, run.flags.bool('show-events'))
    await run.out(first ? text : `\n\n${text}`)
    first = false
  }
  for (const target of found.targets) {
    try {
      if (target.kind === 'list') {
        lists++
        for (const object of await listObjects(run, target)) await show(target.resource, object)
      } else await show(target.resource, await getObject(run, target))
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Failure)) throw error
      if (error instanceof ApiError && error.reason === 'NotFound' && target.kind === 'object' && !found.fromFiles) {
        const matches = await byPrefix(run, target)
        if (matches.length > 0) {
          for (const object of matches) await show(target.resource, object)
          continue
        }
      }
      errors.push(error)
    }
  }
  throwAll(errors)
  if (first && lists > 0) await nothing(run, found.targets)
}

async function byPrefix(run: Invocation, target: ObjectTarget): Promise<KubeObject[]> {
  const all = await listObjects(run, { kind: 'list', resource: target.resource, namespace: target.resource.namespaced ? target.namespace : undefined, labelSelector: '', fieldSelector: '' })
  return all.filter((o) => o.metadata.name.startsWith(target.name))
}

async function nothing(run: Invocation, targets: readonly Target[]): Promise<void> {
  const namespaced = !run.allNamespaces && targets.every((t) => t.resource.namespaced)
  await run.err(namespaced ? `No resources found in ${run.namespace} namespace.\n` : 'No resources found\n')
}
