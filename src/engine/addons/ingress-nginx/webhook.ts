/** The controller's validating webhook: what it says of an Ingress before the API server takes it. The test run of nginx itself is left out. */
import type { ApiRequest, ApiResponse } from '#engine/api/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { admissionRefusal } from './annotations.ts'
import type { ClusterView } from './cluster-view.ts'
import { isTrue } from './router.ts'
import type { Settings } from './settings.ts'
import type { Ingress } from './types.ts'

/** What the composition root lends: makes a process answer the API server on a port of its namespace, as long as it lives. */
export interface WebhookTies {
  serve(process: Process, port: number, answer: (request: ApiRequest) => ApiResponse): void
}

export const webhookPort = 8443

/** The words of a refusal; undefined: let it in. `others` are the controller's Ingresses. */
export function checkIngress(ingress: Ingress, settings: Settings, others: readonly Ingress[]): string | undefined {
  return admissionRefusal(ingress, settings) ?? (settings.flag('strict-validate-path-type') ? badPath(ingress) : undefined) ?? overlap(ingress, others)
}

function badPath(ingress: Ingress): string | undefined {
  const wrong = (ingress.spec.rules ?? []).flatMap((r) => r.http?.paths ?? []).filter((p) => p.path && p.pathType !== 'ImplementationSpecific' && !/^\/[\w.\-/]*$/.test(p.path))
  return wrong.length === 0 ? undefined : `ingress contains invalid paths: ${wrong.map((p) => `path ${p.path} cannot be used with pathType ${p.pathType}`).join('\n')}`
}

const isCanary = (i: Ingress) => i.metadata.annotations?.['nginx.ingress.kubernetes.io/canary']

/** One host and path belongs to one Ingress, canaries apart. */
function overlap(ingress: Ingress, others: readonly Ingress[]): string | undefined {
  const same = (o: Ingress) => o.metadata.namespace === ingress.metadata.namespace && o.metadata.name === ingress.metadata.name
  for (const rule of ingress.spec.rules ?? []) {
    for (const path of rule.http?.paths ?? []) {
      const there = others.filter((o) => !same(o) && (o.spec.rules ?? []).some((r) => (r.host ?? '') === (rule.host ?? '') && (r.http?.paths ?? []).some((p) => (p.path || '/') === (path.path || '/') && p.pathType === path.pathType)))
      for (const other of there) {
        const [own, theirs] = [isCanary(ingress), isCanary(other)]
        if ((isTrue(own) && isTrue(theirs)) || (own === undefined && theirs === undefined)) return `host "${rule.host || '_'}" and path "${path.path || '/'}" is already defined in ingress ${other.metadata.namespace}/${other.metadata.name}`
      }
    }
  }
  return undefined
}

export interface WebhookOptions {
  readonly view: ClusterView
  readonly log: (severity: 'I' | 'E', at: string, text: string) => void
}

/** Answers AdmissionReviews. */
export function webhook({ view, log }: WebhookOptions): (request: ApiRequest) => ApiResponse {
  return (request) => {
    const { request: asked } = JSON.parse(request.body) as { request: { uid: string; object: Ingress | null } }
    const ingress = asked.object
    const refusal = ingress && view.owns(ingress) ? checkIngress(ingress, view.settings, view.ingresses.list().filter((i) => view.owns(i))) : undefined
    const name = `${ingress?.metadata.namespace}/${ingress?.metadata.name}`
    if (refusal !== undefined) log('E', 'main.go:96', `"invalid ingress configuration" err=${JSON.stringify(refusal)} ingress="${name}"`)
    else log('I', 'main.go:107', `"successfully validated configuration, accepting" ingress="${name}"`)
    const response = { uid: asked.uid, allowed: refusal === undefined, ...(refusal !== undefined && { status: { metadata: {}, status: 'Failure', message: refusal, reason: 'BadRequest', code: 400 } }) }
    return { kind: 'complete', code: 200, headers: new Map([['content-type', 'application/json']]), body: JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }) }
  }
}
