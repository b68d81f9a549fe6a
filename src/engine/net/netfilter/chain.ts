/**
 * A chain and how it is walked. Long runs of rules that name one exact destination, source, device or port are looked up by hash instead of one
 * after the other (a thousand services cost as much as one); the order of rules stays what it is.
 */
import type { Packet } from '../packet.ts'
import { headerOf } from '../packet.ts'
import type { ChainInfo } from '../types.ts'
import { CONTINUE, DROP, ACCEPT, type HookContext, type Outcome } from './extension.ts'
import { EXTENSION, GOTO, JUMP, NONE, VERDICT_ACCEPT, VERDICT_DROP, type Rule } from './rule.ts'
import { stageName } from './stages.ts'
import type { PortRange } from './numbers.ts'

type Key = 'destination' | 'source' | 'port' | 'input' | 'output'

/** Rules from..to of the chain share a key; `index` gives those for one value, in order. */
interface Segment {
  readonly from: number
  readonly to: number
  readonly key: Key
  readonly index: ReadonlyMap<number | string, readonly Rule[]>
}

/** Fewer rules than this are faster one by one. */
const RUN = 6

const keyKinds: readonly Key[] = ['destination', 'source', 'port', 'input', 'output']

function keyOf(rule: Rule, kind: Key): number | string | undefined {
  const s = rule.spec
  switch (kind) {
    case 'destination':
      return s.destination && !s.destinationNot && s.destination.mask === 0xffffffff ? s.destination.address : undefined
    case 'source':
      return s.source && !s.sourceNot && s.source.mask === 0xffffffff ? s.source.address : undefined
    case 'input':
      return s.input !== undefined && !s.inputNot && !s.input.endsWith('+') ? s.input : undefined
    case 'output':
      return s.output !== undefined && !s.outputNot && !s.output.endsWith('+') ? s.output : undefined
    case 'port': {
      if (s.protocolNot || s.protocol === 0) return undefined
      for (const m of s.matches) {
        const range = (m.data as { destination?: PortRange }).destination
        if ((m.type.name === 'tcp' || m.type.name === 'udp') && range && range.min === range.max && !range.not) return s.protocol * 65536 + range.min
      }
      return undefined
    }
  }
}

function valueOf(kind: Key, p: Packet, h: HookContext): number | string | undefined {
  switch (kind) {
    case 'destination':
      return p.destination
    case 'source':
      return p.source
    case 'input':
      return h.input?.name
    case 'output':
      return h.output?.name
    case 'port':
      return p.protocol * 65536 + p.destinationPort
  }
}

interface Outline {
  readonly jumps: readonly Rule[]
  readonly special: readonly Rule[]
  readonly placed: readonly Rule[]
}

export class Chain implements ChainInfo {
  name: string
  /** Of a base chain; undefined for user chains. */
  readonly hook: number | undefined
  policy: 'ACCEPT' | 'DROP' | undefined
  /** A base chain exists in the kernel only once something was put into it. */
  exists: boolean
  /** When it was registered at its hook; 0: not yet. */
  order = 0
  /** Policy counters run only once something has set them (-Z, -P, iptables-restore). */
  counting = false
  packets = 0
  bytes = 0
  rules: Rule[] = []
  #segments: Segment[] | undefined
  references = 0

  constructor(name: string, hook: number | undefined) {
    this.name = name
    this.hook = hook
    this.policy = hook === undefined ? undefined : 'ACCEPT'
    this.exists = hook === undefined
  }

  get counters() {
    return { packets: this.packets, bytes: this.bytes }
  }

  /** After its rules were replaced or edited. */
  changed(): void {
    this.#segments = undefined
    this.#outline = undefined
  }

  #outline: Outline | undefined
  /** For walks over all chains: the walk that has been here, and whether it is still inside. */
  visited = 0
  inside = false

  /** Its jumps, the rules with demands on where they stand, and those of them whose demands differ by hook. */
  get outline(): Outline {
    this.#outline ??= { jumps: this.rules.filter((r) => r.spec.chain !== undefined), special: this.rules.filter((r) => r.special), placed: this.rules.filter((r) => r.placed) }
    return this.#outline
  }

  /** Looks for runs of rules with a common kind of key. */
  #compile(): Segment[] {
    const segments: Segment[] = []
    const rules = this.rules
    let i = 0
    while (i < rules.length) {
      let best: Key | undefined
      let length = 0
      for (const kind of keyKinds) {
        let n = 0
        while (i + n < rules.length && keyOf(rules[i + n]!, kind) !== undefined) n++
        if (n > length) {
          best = kind
          length = n
        }
      }
      if (best !== undefined && length >= RUN) {
        const index = new Map<number | string, Rule[]>()
        for (let k = i; k < i + length; k++) {
          const key = keyOf(rules[k]!, best)!
          const list = index.get(key)
          if (list) list.push(rules[k]!)
          else index.set(key, [rules[k]!])
        }
        segments.push({ from: i, to: i + length, key: best, index })
        i += length
      } else i++
    }
    return segments
  }

  /** CONTINUE when no rule decided (the caller goes on). */
  run(p: Packet, h: HookContext, depth: number): Outcome {
    const segments = (this.#segments ??= this.#compile())
    const rules = this.rules
    if (segments.length === 0) {
      const outcome = this.#range(rules, 0, rules.length, p, h, depth)
      return outcome === RETURNED ? CONTINUE : outcome
    }
    let at = 0
    for (const s of segments) {
      if (at < s.from) {
        const outcome = this.#range(rules, at, s.from, p, h, depth)
        if (outcome !== CONTINUE) return outcome === RETURNED ? CONTINUE : outcome
      }
      const value = valueOf(s.key, p, h)
      const list = value === undefined ? undefined : s.index.get(value)
      if (list) {
        const outcome = this.#range(list, 0, list.length, p, h, depth)
        if (outcome !== CONTINUE) return outcome === RETURNED ? CONTINUE : outcome
      }
      at = s.to
    }
    const outcome = this.#range(rules, at, rules.length, p, h, depth)
    return outcome === RETURNED ? CONTINUE : outcome
  }

  #range(rules: readonly Rule[], from: number, to: number, p: Packet, h: HookContext, depth: number): Outcome {
    for (let i = from; i < to; i++) {
      const rule = rules[i]!
      if (!rule.matches(p, h)) continue
      if (!h.ns.network.looking) {
        rule.packets++
        rule.bytes += p.length
      }
      const walk = p.walk
      const kind = rule.kind
      if (kind === NONE) continue
      if (walk) this.#note(rule, p, h)
      if (kind === VERDICT_ACCEPT) return ACCEPT
      if (kind === VERDICT_DROP) {
        h.ns.netfilter.decided = { chain: this, rule }
        return DROP
      }
      if (kind === EXTENSION) {
        const before = walk && headerOf(p)
        const outcome = rule.action!(p, h, this.name, rule)
        if (walk && p.walk && before && (before.mark !== p.mark || before.ttl !== p.ttl)) p.walk.note(h.ns, p, stageName(h.hook, h.table), before.mark === p.mark ? 'header changed' : `mark is now 0x${p.mark.toString(16)}`, { rule: `-A ${this.name} ${rule.text}` })
        if (outcome === CONTINUE) continue
        if (outcome === DROP) h.ns.netfilter.decided = { chain: this, rule }
        return outcome
      }
      if (kind === JUMP) {
        if (depth > 500) continue
        const outcome = rule.jump!.run(p, h, depth + 1)
        if (outcome !== CONTINUE) return outcome
        continue
      }
      if (kind === GOTO) {
        const outcome = rule.jump!.run(p, h, depth + 1)
        return outcome === CONTINUE ? RETURNED : outcome
      }
      return RETURNED
    }
    return CONTINUE
  }

  #note(rule: Rule, p: Packet, h: HookContext): void {
    p.walk?.note(h.ns, p, stageName(h.hook, h.table), rule.target === '' ? 'counted' : `rule says ${rule.goto ? 'goto ' : ''}${rule.target}`, { rule: `-A ${this.name} ${rule.text}` })
  }
}

/** Inside this file: the chain was left by RETURN or at the end of a goto. */
const RETURNED = 9 as Outcome
