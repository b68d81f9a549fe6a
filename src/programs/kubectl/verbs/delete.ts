/** `kubectl delete`: by name, file, selector or all of a type; propagation, grace, waiting for the end. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiError, Failure, throwAll } from '../cli/errors.ts'
import { dryRunNote, dryRunOf, type Invocation, type Verb } from '../cli/invocation.ts'
import { groupResource, kindName, type Resource } from '../client/discovery.ts'
import { goQuote } from '../print/json.ts'
import { findTargets, getObject, listObjects, pathOf, type Target } from '../resource/targets.ts'
import { withSource } from './create.ts'

const forceWarning = 'Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.'

interface Victim {
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
  readonly source: string
}

export const delete_: Verb = async (run) => {
  if (run.flags.string('raw') !== '') return run.out((await run.rest.call('DELETE', run.flags.string('raw'))).body)
  const dryRun = await dryRunOf(run)
  const cascade = cascadeOf(run.flags.string('cascade'))
  const output = run.flags.string('output')
  if (output !== '' && output !== 'name') throw new Failure(`unexpected -o output mode: ${output}. We only support '-o name'`)
  const all = run.flags.bool('all')
  const selector = run.flags.string('selector')
  if (all && selector !== '') throw new Failure('cannot set --all and --selector at the same time')
  if (all && run.flags.string('field-selector') !== '') throw new Failure('cannot set --all and --field-selector at the same time')
  let grace = run.flags.changed('grace-period') ? run.flags.number('grace-period') : -1
  const force = run.flags.bool('force')
  if (run.flags.bool('now')) {
    if (grace !== -1) throw new Failure('--now and --grace-period cannot be specified together')
    grace = 1
  }
  let wait = run.flags.changed('wait') ? run.flags.bool('wait') : true
  if (grace === 0 && !force) {
    // kubectl lowers the grace to one second and waits instead
    grace = 1
  } else if (force && grace < 0) grace = 0
  if (force && grace > 0) throw new Failure('--force and --grace-period greater than 0 cannot be specified together')
  if (grace === 0 || force) {
    await run.warn(forceWarning)
    if (!run.flags.changed('wait')) wait = false
  }
  const files = run.flags.list('filename').length > 0 || run.flags.string('kustomize') !== ''
  const ignore = run.flags.changed('ignore-not-found') ? run.flags.bool('ignore-not-found') : all
  const found = await findTargets(run, { all })
  const errors = [...found.errors]
  const victims: Victim[] = []
  for (const target of found.targets) {
    try {
      victims.push(...(await expand(run, target)))
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'NotFound' && ignore)) errors.push(error as Error)
    }
  }
  const gone: { readonly victim: Victim; readonly uid: string | undefined }[] = []
  let seen = 0
  for (const victim of victims) {
    try {
      const label = kindName(victim.resource)
      let uid: string | undefined
      if (dryRun === 'client') {
        await getObject(run, victim)
      } else {
        const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: cascade, ...(grace >= 0 ? { gracePeriodSeconds: grace } : {}), ...(dryRun === 'server' ? { dryRun: ['All'] } : {}) }
        const answer = await run.rest.json<KubeObject & { details?: { uid?: string } }>('DELETE', pathOf(victim.resource, victim.namespace, victim.name), { body: options, about: `${groupResource(victim.resource)} ${victim.name}` })
        uid = answer.details?.uid ?? answer.metadata?.uid
      }
      seen++
      if (output === 'name') await run.out(`${label}/${victim.name}\n`)
      else await run.out(`${label} ${goQuote(victim.name)} ${force && grace === 0 ? 'force deleted' : 'deleted'}${victim.namespace ? ` from ${victim.namespace} namespace` : ''}${dryRunNote[dryRun]}\n`)
      gone.push({ victim, uid })
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'NotFound' && ignore) {
        seen++
        continue
      }
      errors.push(withSource(error, 'deleting', victim.source))
    }
  }
  if (errors.length === 0 && victims.length === 0 && seen === 0) {
    if (!ignore || !files) if (!(ignore && found.targets.every((t) => t.kind === 'object'))) await run.out('No resources found\n')
  }
  if (wait && dryRun === 'none' && gone.length > 0) await waitGone(run, gone, errors)
  throwAll(errors)
}

function cascadeOf(value: string): string {
  switch (value) {
    case 'background': case '': return 'Background'
    case 'foreground': return 'Foreground'
    case 'orphan': return 'Orphan'
  }
  if (/^(true|1|t)$/i.test(value)) return 'Background'
  if (/^(false|0|f)$/i.test(value)) return 'Orphan'
  throw new Failure(`invalid cascade value (${value}). Must be "background", "foreground", or "orphan"`)
}

async function expand(run: Invocation, target: Target): Promise<Victim[]> {
  if (target.kind === 'list') return (await listObjects(run, target)).map((o) => ({ resource: target.resource, namespace: target.resource.namespaced ? (o.metadata.namespace ?? '') : '', name: o.metadata.name, source: '' }))
  if (target.name === '') throw new Failure('resource name may not be empty')
  return [target]
}

/** Until each object is gone (or is another of the same name). */
async function waitGone(run: Invocation, gone: readonly { readonly victim: Victim; readonly uid: string | undefined }[], errors: Error[]): Promise<void> {
  const timeout = run.flags.duration('timeout')
  const limit = run.process.now() + (timeout > 0 ? timeout : timeout < 0 ? 7 * 24 * 3_600_000 : 7 * 24 * 3_600_000)
  for (const { victim, uid } of gone) {
    let pause = 100
    for (;;) {
      try {
        const object = await getObject(run, victim)
        if (uid !== undefined && object.metadata.uid !== uid) break
      } catch (error) {
        if (error instanceof ApiError && error.reason === 'NotFound') break
        // Without the right to look, kubectl does not wait.
        if (error instanceof ApiError && (error.reason === 'Forbidden' || error.reason === 'MethodNotAllowed')) break
        throw error
      }
      if (run.process.now() >= limit) {
        errors.push(new Failure(`timed out waiting for the condition on ${groupResource(victim.resource)}/${victim.name}`))
        break
      }
      await run.process.sleep(Math.min(pause, Math.max(1, limit - run.process.now())))
      pause = Math.min(pause * 2, 1000)
    }
  }
}
