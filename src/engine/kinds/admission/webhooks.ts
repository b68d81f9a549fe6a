/**
 * MutatingAdmissionWebhook and ValidatingAdmissionWebhook: which requests are put to a webhook, what it says, and what becomes of them when it cannot be
 * reached. A call is answered at once by the process at the end of the road to its Service. Leaves out: patches of mutating webhooks, certificates.
 */
import type { ExtensionServer } from '#engine/api/aggregation.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import type { Program } from '#engine/api/cel/compile.ts'
import { CelError } from '#engine/api/cel/values.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { ApiServer } from '#engine/api/server.ts'
import * as status from '#engine/api/status.ts'
import { admissionVariables, compileExpression } from '../shared/admission-expressions.ts'
import { isExempt, matchesRequest } from './match-resources.ts'
import { requestActivation } from './request-activation.ts'

export class Webhooks implements AdmissionPlugin {
  readonly name: string
  readonly #server: ApiServer
  readonly #resource: string
  readonly #mutating: boolean
  readonly #programs = new Map<string, Program | undefined>()

  constructor(server: ApiServer, mutating: boolean) {
    this.#server = server
    this.#mutating = mutating
    this.name = mutating ? 'MutatingAdmissionWebhook' : 'ValidatingAdmissionWebhook'
    this.#resource = `${mutating ? 'mutating' : 'validating'}webhookconfigurations.admissionregistration.k8s.io`
  }

  admit(a: AdmissionAttributes): void {
    if (this.#mutating) this.#dispatch(a)
  }

  validate(a: AdmissionAttributes): void {
    if (!this.#mutating) this.#dispatch(a)
  }

  #dispatch(a: AdmissionAttributes): void {
    const configurations = this.#server.store.list(this.#resource) as Loose[]
    if (configurations.length === 0 || isExempt(a)) return
    for (const configuration of configurations) {
      for (const hook of (configuration.webhooks ?? []) as Loose[]) {
        if (!matchesRequest(hook, hook.rules, a) || (hook.rules ?? []).length === 0) continue
        if (a.context.dryRun && !['None', 'NoneOnDryRun'].includes(hook.sideEffects)) throw status.badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`)
        if (!this.#conditionsHold(hook, a)) continue
        const answer = this.#call(hook, a)
        if (typeof answer !== 'string') {
          if (answer.allowed !== true) throw this.#denied(hook.name, answer.status ?? {})
          continue
        }
        if (hook.failurePolicy === 'Ignore') continue
        throw status.internal(`failed calling webhook ${JSON.stringify(hook.name)}: failed to call webhook: Post ${JSON.stringify(this.#address(hook))}: ${answer}`)
      }
    }
  }

  #conditionsHold(hook: Loose, a: AdmissionAttributes): boolean {
    for (const c of (hook.matchConditions ?? []) as Loose[]) {
      const program = this.#program(c.expression)
      try {
        if (program?.run(requestActivation(this.#server, a)) === false) return false
      } catch (error) {
        if (!(error instanceof CelError)) throw error
        if (hook.failurePolicy === 'Ignore') return false
        throw status.forbidden({ group: a.kind.group, resource: a.kind.plural }, a.name, `expression '${c.expression}' resulted in error: ${error.message}`)
      }
    }
    return true
  }

  #program(expression: string): Program | undefined {
    if (!this.#programs.has(expression)) {
      const made = compileExpression(expression, admissionVariables({ namespaceObject: false }), undefined)
      this.#programs.set(expression, 'program' in made ? made.program : undefined)
    }
    return this.#programs.get(expression)
  }

  #address({ clientConfig, timeoutSeconds = 10 }: Loose): string {
    const { url, service } = clientConfig
    const base = url ?? `https://${service.name}.${service.namespace}.svc:${service.port ?? 443}${service.path ?? '/'}`
    return `${base}${base.includes('?') ? '&' : '?'}timeout=${timeoutSeconds}s`
  }

  /** The response of the review, or why there is none. */
  #call(hook: Loose, a: AdmissionAttributes): Loose {
    const end = this.#reach(hook)
    if (typeof end === 'string') return end
    const { group, version, kind, plural } = a.kind
    const uid = this.#server.uuid()
    const review = {
      kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1',
      request: { uid, kind: { group, version, kind }, resource: { group, version, resource: plural }, ...(a.subresource !== '' && { subResource: a.subresource }), name: a.name, ...(a.namespace !== '' && { namespace: a.namespace }), operation: a.operation, userInfo: { username: a.context.user.name, groups: a.context.user.groups }, object: a.object ?? null, oldObject: a.old ?? null, dryRun: a.context.dryRun === true },
    }
    const answer = end({ method: 'POST', path: hook.clientConfig.service.path ?? '/', query: new Map(), headers: new Map([['content-type', 'application/json']]), body: JSON.stringify(review), user: { name: 'system:apiserver', groups: ['system:masters'] } })
    return answer.kind === 'complete' && answer.code === 200 ? JSON.parse(answer.body).response : 'EOF'
  }

  #denied(name: string, result: Loose): Error {
    const by = `admission webhook ${JSON.stringify(name)} denied the request`
    return status.failure(Math.max(400, result.code ?? 0), result.reason ?? '', result.message ? `${by}: ${result.message}` : result.reason ? `${by}: ${result.reason}` : `${by} without explanation`)
  }

  /** What the attempt to connect comes to. */
  #reach({ clientConfig }: Loose): ExtensionServer | string {
    const { url, service } = clientConfig
    if (url !== undefined) {
      const [, host = '', port = '443'] = /^https:\/\/(\[[^\]]*\]|[^:/?]*)(?::(\d+))?/.exec(url) ?? []
      const literal = /^(\d+\.){3}\d+$|^\[/.test(host)
      return literal ? `dial tcp ${host}:${port}: connect: connection refused` : `dial tcp: lookup ${host}: no such host`
    }
    const found = this.#server.store.get('services', service.namespace, service.name) as Loose
    if (!found) return `service ${JSON.stringify(service.name)} not found`
    const port = service.port ?? 443
    if (!((found.spec?.ports ?? []) as Loose[]).some((p) => p.port === port)) return `no service port ${port} found for service ${JSON.stringify(service.name)}`
    return this.#server.webhookRoad?.(found.spec.clusterIP, port) ?? `dial tcp ${found.spec.clusterIP}:${port}: connect: connection refused`
  }
}
