/**
 * ValidatingAdmissionPolicy: every policy that has bindings judges the requests that both match, with the parameters of the binding. Leaves out: audit
 * annotations (nobody keeps an audit log) and the budget that all policies of a request share.
 */
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import type { Program } from '#engine/api/cel/compile.ts'
import type { Activation } from '#engine/api/cel/evaluate.ts'
import { CelError, CelMap, fromJson, type Value } from '#engine/api/cel/values.ts'
import { matchesLabelSelector } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { ApiServer } from '#engine/api/server.ts'
import * as status from '#engine/api/status.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { admissionVariables, compileExpression } from '../shared/admission-expressions.ts'
import { dyn, type CelType } from '#engine/api/cel/types.ts'
import { isExempt, matchesRequest } from './match-resources.ts'
import { requestActivation } from './request-activation.ts'

const POLICIES = 'validatingadmissionpolicies.admissionregistration.k8s.io'
const BINDINGS = 'validatingadmissionpolicybindings.admissionregistration.k8s.io'
const codes: Record<string, number> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 }

interface Validation {
  readonly source: Loose
  readonly program: Program | string
  readonly message: Program | undefined
}

interface CompiledPolicy {
  readonly version: string
  readonly conditions: readonly { readonly name: string; readonly expression: string; readonly program: Program | string }[]
  readonly variables: readonly { readonly name: string; readonly program: Program | string }[]
  readonly validations: readonly Validation[]
}

interface Decision {
  readonly message: string
  readonly reason?: string
}

/** Cannot be told for this binding at all. */
class ConfigurationError extends Error {}

export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy'
  readonly #server: ApiServer
  readonly #compiled = new Map<string, CompiledPolicy>()

  constructor(server: ApiServer) {
    this.#server = server
  }

  validate(a: AdmissionAttributes): void {
    const policies = this.#server.store.list(POLICIES) as Loose[]
    if (policies.length === 0 || isExempt(a)) return
    const bindings = this.#server.store.list(BINDINGS) as Loose[]
    for (const policy of policies) {
      if (policy.metadata.deletionTimestamp) continue
      const own = bindings.filter((b) => b.spec?.policyName === policy.metadata.name)
      if (own.length === 0 || !matchesRequest(policy.spec.matchConstraints, policy.spec.matchConstraints?.resourceRules, a)) continue
      for (const binding of own) {
        const { matchResources } = binding.spec
        if (matchResources && !matchesRequest(matchResources, matchResources.resourceRules, a)) continue
        this.#apply(policy, binding, a)
      }
    }
  }

  #apply(policy: Loose, binding: Loose, a: AdmissionAttributes): void {
    const actions: string[] = binding.spec.validationActions ?? []
    const fails = policy.spec.failurePolicy !== 'Ignore'
    let decisions: Decision[]
    try {
      decisions = this.#params(policy, binding, a).flatMap((p) => this.#judge(policy, p, fails, a))
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      if (!fails) return
      // Such failures refuse whatever the binding's actions say.
      this.#deny(policy, binding, { message: error.message }, a)
      return
    }
    for (const d of decisions) {
      if (actions.includes('Warn')) a.context.warnings.push(`Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': ${d.message}`)
    }
    if (decisions.length > 0 && actions.includes('Deny')) this.#deny(policy, binding, decisions[0]!, a)
  }

  #deny(policy: Loose, binding: Loose, decision: Decision, a: AdmissionAttributes): never {
    const message = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${decision.message}`
    const { status: said } = status.forbidden({ group: a.kind.group, resource: a.kind.plural }, a.name, message)
    const reason = decision.reason ?? 'Invalid'
    throw status.failure(codes[reason] ?? 422, reason, said.message!, { ...said.details, causes: [{ message }] })
  }

  /** The objects with which the policy is asked, one by one; undefined: without any. */
  #params(policy: Loose, binding: Loose, a: AdmissionAttributes): (KubeObject | undefined)[] {
    const { paramKind } = policy.spec
    const reference = binding.spec.paramRef
    if (!paramKind) return [undefined]
    const [group, version] = paramKind.apiVersion.includes('/') ? paramKind.apiVersion.split('/') : ['', paramKind.apiVersion]
    const kind = this.#server.kinds.find((k) => k.group === group && k.version === version && k.kind === paramKind.kind)
    if (!kind) throw new ConfigurationError(`failed to configure policy: failed to find resource referenced by paramKind: '${group === '' ? '' : group}/${version}, Kind=${paramKind.kind}'`)
    if (!reference) return [undefined]
    if (reference.namespace && !kind.namespaced) throw new ConfigurationError('failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
    const namespace: string = kind.namespaced ? (reference.namespace ?? a.namespace) : ''
    if (kind.namespaced && namespace === '') throw new ConfigurationError('failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
    const found = this.#server.registry.list(kind, kind.namespaced ? namespace : undefined).filter((o) => (reference.name ? o.metadata.name === reference.name : matchesLabelSelector(reference.selector, o.metadata.labels ?? {})))
    if (found.length === 0 && reference.parameterNotFoundAction === 'Deny') throw new ConfigurationError('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction')
    return [...found]
  }

  #judge(policy: Loose, params: KubeObject | undefined, fails: boolean, a: AdmissionAttributes): Decision[] {
    const compiled = this.#compile(policy)
    const variables = new CelMap('kubernetes.variables')
    const activation: Activation = requestActivation(this.#server, a, [['params', () => fromJson(params)], ['variables', variables]])
    const failed = (message: string): Decision[] => (fails ? [{ message }] : [])
    for (const c of compiled.conditions) {
      const result = run(c.program, c.expression, activation)
      if (typeof result === 'object') return failed(result.failure)
      if (result !== true) return []
    }
    lazily(variables, compiled.variables, activation)
    const out: Decision[] = []
    for (const { source, program, message } of compiled.validations) {
      const result = run(program, source.expression, activation)
      if (typeof result === 'object') out.push(...failed(result.failure))
      else if (result !== true) out.push({ message: messageOf(source, message, activation), ...(source.reason ? { reason: source.reason } : {}) })
    }
    return out
  }

  #compile(policy: Loose): CompiledPolicy {
    const { uid, generation, resourceVersion, name } = policy.metadata
    const version = `${uid}/${generation ?? resourceVersion}`
    const known = this.#compiled.get(name)
    if (known?.version === version) return known
    const { spec } = policy
    const params = spec.paramKind !== undefined
    const program = (source: string, names: ReturnType<typeof admissionVariables>): Program | string => {
      const made = compileExpression(source, names, undefined)
      return 'program' in made ? made.program : made.failure
    }
    const types = new Map<string, CelType>()
    const names = () => admissionVariables({ params, ...(spec.variables?.length > 0 ? { variables: types } : {}) })
    const conditions = ((spec.matchConditions ?? []) as Loose[]).map((c) => ({ name: c.name, expression: c.expression, program: program(c.expression, admissionVariables({ params })) }))
    const variables = ((spec.variables ?? []) as Loose[]).map((v) => {
      const made = program(v.expression, names())
      types.set(v.name, typeof made === 'string' ? dyn : made.type)
      return { name: v.name as string, program: made }
    })
    const validations = ((spec.validations ?? []) as Loose[]).map((source): Validation => {
      const message = source.messageExpression ? program(source.messageExpression, names()) : undefined
      return { source, program: program(source.expression, names()), message: typeof message === 'string' ? undefined : message }
    })
    const compiled = { version, conditions, variables, validations }
    this.#compiled.set(name, compiled)
    return compiled
  }
}

function run(program: Program | string, expression: string, activation: Activation): boolean | { readonly failure: string } {
  if (typeof program === 'string') return { failure: program }
  try {
    return program.run(activation) === true
  } catch (error) {
    if (error instanceof CelError) return { failure: `expression '${expression}' resulted in error: ${error.message}` }
    throw error
  }
}

/** A policy's variables are worked out when first asked for, and then kept. */
function lazily(map: CelMap, variables: CompiledPolicy['variables'], activation: Activation): void {
  for (const { name, program } of variables) {
    let value: Value | undefined
    map.setLazily(name, () => {
      if (typeof program === 'string') throw new CelError(`composited variable ${JSON.stringify(name)} fails to compile: ${program}`)
      try {
        return (value ??= program.run(activation))
      } catch (error) {
        if (error instanceof CelError) throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`)
        throw error
      }
    })
  }
}

function messageOf(source: Loose, program: Program | undefined, activation: Activation): string {
  if (program) {
    try {
      const made = program.run(activation)
      if (typeof made === 'string' && made.trim() !== '' && !made.trim().includes('\n') && made.length <= 5 * 1024) return made.trim()
    } catch (error) {
      if (!(error instanceof CelError)) throw error
    }
  }
  const text = String(source.message ?? '').trim()
  return text === '' ? `failed expression: ${String(source.expression).trim()}` : text
}
