/** One rule: the basic fields, its matches, its target, counters; its canonical text and the columns of -L. */
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import { protocolText } from '../services.ts'
import type { RuleInfo } from '../types.ts'
import type { Chain } from './chain.ts'
import type { Action, HookContext, MatchType, TargetType, Test } from './extension.ts'
import { addressMaskList, addressMaskText, type AddressMask } from './numbers.ts'

export interface RuleSpecification {
  readonly source?: AddressMask | undefined
  readonly sourceNot: boolean
  readonly destination?: AddressMask | undefined
  readonly destinationNot: boolean
  readonly input?: string | undefined
  readonly inputNot: boolean
  readonly output?: string | undefined
  readonly outputNot: boolean
  readonly protocol: number
  readonly protocolNot: boolean
  readonly fragment: 0 | 1 | -1
  readonly matches: readonly { readonly type: MatchType<unknown>; readonly data: unknown }[]
  /** A built-in verdict, a chain, an extension, or nothing. */
  readonly verdict: 'ACCEPT' | 'DROP' | 'RETURN' | undefined
  readonly chain: string | undefined
  readonly goto: boolean
  readonly target: { readonly type: TargetType<unknown>; readonly data: unknown } | undefined
  readonly packets: number
  readonly bytes: number
}

export const NONE = 0
export const VERDICT_ACCEPT = 1
export const VERDICT_DROP = 2
export const VERDICT_RETURN = 3
export const JUMP = 4
export const GOTO = 5
export const EXTENSION = 6

function deviceTest(name: string, not: boolean, pick: (h: HookContext) => { readonly name: string } | undefined): Test {
  if (name.endsWith('+')) {
    const prefix = name.slice(0, -1)
    return (_p, h) => (pick(h)?.name.startsWith(prefix) ?? false) !== not
  }
  return (_p, h) => (pick(h)?.name === name) !== not
}

export class Rule implements RuleInfo {
  readonly spec: RuleSpecification
  packets: number
  bytes: number
  /** What decides after the tests. */
  readonly kind: number
  readonly tests: readonly Test[]
  readonly action: Action | undefined
  /** Set when chains are linked. */
  jump: Chain | undefined = undefined
  readonly #sourceNet: number
  readonly #sourceMask: number
  readonly #destinationNet: number
  readonly #destinationMask: number
  readonly #protocol: number
  #text: string | undefined

  /** When it was made. */
  readonly order: number

  constructor(spec: RuleSpecification, ns: Namespace) {
    this.spec = spec
    this.order = ns.netfilter.nextOrder()
    this.packets = spec.packets
    this.bytes = spec.bytes
    const tests: Test[] = []
    // the plain cases are compared without a call
    const plainSource = spec.source && !spec.sourceNot
    const plainDestination = spec.destination && !spec.destinationNot
    this.#sourceNet = plainSource ? spec.source!.address | 0 : 0
    this.#sourceMask = plainSource ? spec.source!.mask | 0 : 0
    this.#destinationNet = plainDestination ? spec.destination!.address | 0 : 0
    this.#destinationMask = plainDestination ? spec.destination!.mask | 0 : 0
    this.#protocol = spec.protocolNot ? 0 : spec.protocol
    if (spec.source && spec.sourceNot) {
      const { address, mask } = spec.source
      tests.push((p) => (p.source & mask) >>> 0 !== address)
    }
    if (spec.destination && spec.destinationNot) {
      const { address, mask } = spec.destination
      tests.push((p) => (p.destination & mask) >>> 0 !== address)
    }
    if (spec.protocol !== 0 && spec.protocolNot) tests.push((p) => p.protocol !== spec.protocol)
    if (spec.input !== undefined) tests.push(deviceTest(spec.input, spec.inputNot, (h) => h.input))
    if (spec.output !== undefined) tests.push(deviceTest(spec.output, spec.outputNot, (h) => h.output))
    // packets travel whole here
    if (spec.fragment === 1) tests.push(() => false)
    for (const m of spec.matches) if (m.type.name !== 'comment') tests.push(m.type.test(m.data, ns))
    this.tests = tests
    this.action = spec.target?.type.action(spec.target.data, ns)
    this.kind = spec.verdict === 'ACCEPT' ? VERDICT_ACCEPT : spec.verdict === 'DROP' ? VERDICT_DROP : spec.verdict === 'RETURN' ? VERDICT_RETURN : spec.chain !== undefined ? (spec.goto ? GOTO : JUMP) : this.action ? EXTENSION : NONE
  }

  matches(p: Packet, h: HookContext): boolean {
    if ((p.destination & this.#destinationMask) !== this.#destinationNet || (p.source & this.#sourceMask) !== this.#sourceNet) return false
    if (this.#protocol !== 0 && p.protocol !== this.#protocol) return false
    const tests = this.tests
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(p, h)) return false
    return true
  }

  /** Whether an extension has demands on where the rule stands. */
  get special(): boolean {
    const s = this.spec
    const t = s.target?.type
    return s.sourceNot || s.destinationNot || t?.tables !== undefined || t?.hooks !== undefined || t?.check !== undefined || s.matches.some((m) => m.type.check !== undefined)
  }

  /** Whether those demands differ from hook to hook. */
  get placed(): boolean {
    const t = this.spec.target?.type
    return t?.hooks !== undefined || t?.checksHook === true || this.spec.matches.some((m) => m.type.checksHook === true)
  }

  get tracks(): boolean {
    return this.spec.matches.some((m) => m.type.tracks) || (this.spec.target?.type.tracks ?? false)
  }

  /** After `-A CHAIN `. */
  get text(): string {
    this.#text ??= ruleText(this.spec)
    return this.#text
  }

  get counters() {
    return { packets: this.packets, bytes: this.bytes }
  }

  get target(): string {
    const s = this.spec
    return s.verdict ?? s.chain ?? (s.target ? targetName(s.target) : '')
  }

  get goto(): boolean {
    return this.spec.goto
  }

  get protocol(): string {
    return `${this.spec.protocolNot ? '!' : ''}${protocolText(this.spec.protocol)}`
  }

  get protocolNumber(): number {
    return this.spec.protocol
  }

  get fragment(): '--' | '-f' | '!f' {
    return this.spec.fragment === 0 ? '--' : this.spec.fragment === 1 ? '-f' : '!f'
  }

  get input(): string {
    return `${this.spec.inputNot ? '!' : ''}${this.spec.input ?? '*'}`
  }

  get output(): string {
    return `${this.spec.outputNot ? '!' : ''}${this.spec.output ?? '*'}`
  }

  get source(): string {
    return this.sourceText(true)
  }

  get destination(): string {
    return this.destinationText(true)
  }

  sourceText(numeric: boolean): string {
    return `${this.spec.sourceNot ? '!' : ''}${addressMaskList(this.spec.source, numeric)}`
  }

  destinationText(numeric: boolean): string {
    return `${this.spec.destinationNot ? '!' : ''}${addressMaskList(this.spec.destination, numeric)}`
  }

  details(numeric: boolean): string {
    const s = this.spec
    const parts = s.matches.map((m) => m.type.details(m.data, numeric))
    if (s.target) parts.push(s.target.type.details(s.target.data, numeric))
    return parts.filter((part) => part !== '').join(' ')
  }
}

/** NOTRACK is kept as it was written. */
function targetName(t: NonNullable<RuleSpecification['target']>): string {
  return t.type.name
}

export function ruleText(s: RuleSpecification): string {
  let out = ''
  const bang = (not: boolean) => (not ? '! ' : '')
  if (s.source && (s.source.mask !== 0 || s.sourceNot)) out += `${bang(s.sourceNot)}-s ${addressMaskText(s.source)} `
  if (s.destination && (s.destination.mask !== 0 || s.destinationNot)) out += `${bang(s.destinationNot)}-d ${addressMaskText(s.destination)} `
  if (s.input !== undefined) out += `${bang(s.inputNot)}-i ${s.input} `
  if (s.output !== undefined) out += `${bang(s.outputNot)}-o ${s.output} `
  if (s.protocol !== 0) out += `${bang(s.protocolNot)}-p ${protocolText(s.protocol)} `
  if (s.fragment !== 0) out += s.fragment === 1 ? '-f ' : '! -f '
  for (const m of s.matches) out += `-m ${m.type.name}${m.type.save(m.data)} `
  if (s.verdict) out += `-j ${s.verdict}`
  else if (s.chain !== undefined) out += `${s.goto ? '-g' : '-j'} ${s.chain}`
  else if (s.target) out += `-j ${targetName(s.target)}${s.target.type.save(s.target.data)}`
  return out.trimEnd()
}
