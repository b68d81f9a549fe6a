/**
 * The objects of nf_tables as nft's language names them: tables, chains, rules, sets and maps, named counters, quotas and limits, and the
 * expressions and statements that rules are made of. Values are numbers up to 48 bits, bigints for IPv6 addresses, strings for device names.
 */
import type { DataType } from './datatypes.ts'
import type { Selector } from './selectors.ts'

export type Family = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev'
export type Scalar = number | string | bigint

/** What stands where in the text that was read, for messages: offsets into it. */
export interface Span {
  readonly from: number
  readonly to: number
}

export type BinaryOperator = '&' | '|' | '^' | '<<' | '>>'

export type Expression =
  | { readonly kind: 'selector'; readonly selector: Selector; readonly span: Span }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'binary'; readonly op: BinaryOperator; readonly left: Expression; readonly right: Expression; readonly span: Span }
  | { readonly kind: 'map'; readonly key: Expression; readonly set: SetUse; readonly span: Span }
  | { readonly kind: 'value'; readonly type: DataType; readonly value: Scalar; readonly span: Span }
  | { readonly kind: 'numgen'; readonly random: boolean; readonly mod: number; readonly offset: number; readonly span: Span }
  | { readonly kind: 'hash'; readonly key: Expression | undefined; readonly mod: number; readonly seed: number | undefined; readonly offset: number; readonly span: Span }
  | { readonly kind: 'route-mtu'; readonly span: Span }

/** One value of a match's right side or of a set: exact, a prefix or range, all of them (`*`), or several at once. */
export type Operand =
  | { readonly kind: 'value'; readonly value: Scalar }
  | { readonly kind: 'prefix'; readonly value: number | bigint; readonly length: number }
  | { readonly kind: 'range'; readonly from: Scalar; readonly to: Scalar }
  /** Device names that begin so: `"eth*"`. */
  | { readonly kind: 'beginning'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'concat'; readonly parts: readonly Operand[] }

export type MatchRight =
  | Operand
  | { readonly kind: 'flags'; readonly value: number; /** `flags / mask`. */ readonly mask?: number }
  | { readonly kind: 'set'; readonly use: SetUse }
  /** exthdr exists, fib … exists. */
  | { readonly kind: 'boolean'; readonly value: boolean }

export type SetUse =
  | { readonly kind: 'named'; readonly name: string; readonly span: Span }
  | { readonly kind: 'anonymous'; readonly set: NftSet; /** Elements that were written, doubled ones included. */ readonly written: number; readonly span: Span }

export type MatchOperator = '==' | '!=' | '<' | '>' | '<=' | '>='

export interface Verdict {
  readonly code: 'accept' | 'drop' | 'continue' | 'return' | 'jump' | 'goto'
  readonly chain?: string
  readonly span?: Span
}

export interface Rate {
  readonly over: boolean
  readonly rate: number
  /** '' for packets, else `bytes`, `kbytes`, `mbytes`. */
  readonly unit: string
  readonly per: 'second' | 'minute' | 'hour' | 'day' | 'week'
  readonly burst: number
  readonly burstUnit: string
}

export interface Quota {
  readonly over: boolean
  /** Bytes. */
  readonly limit: number
  used: number
}

export interface NatTarget {
  readonly verb: 'dnat' | 'snat' | 'masquerade' | 'redirect'
  readonly family: 'ip' | 'ip6' | undefined
  readonly from: Expression | undefined
  readonly to: Expression | undefined
  readonly portFrom: Expression | undefined
  readonly portTo: Expression | undefined
  readonly random: boolean
  readonly fully: boolean
  readonly persistent: boolean
}

export type Statement =
  | { readonly kind: 'match'; readonly left: Expression; readonly op: MatchOperator; readonly right: MatchRight; readonly rightSpan?: Span }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'vmap'; readonly key: Expression; readonly set: SetUse }
  | { readonly kind: 'counter'; packets: number; bytes: number }
  | { readonly kind: 'object'; readonly type: ObjectType; readonly name: string; readonly span: Span }
  | { readonly kind: 'limit'; readonly rate: Rate; tokens: number; at: number }
  | { readonly kind: 'quota'; readonly quota: Quota }
  | { readonly kind: 'connections'; readonly over: boolean; readonly count: number }
  | { readonly kind: 'log'; readonly prefix: string | undefined; readonly level: string | undefined; readonly group: number | undefined; readonly options: readonly string[] }
  | { readonly kind: 'reject'; readonly with: Rejection | undefined }
  | { readonly kind: 'nat'; readonly target: NatTarget; readonly span: Span }
  | { readonly kind: 'assign'; readonly left: Selector; readonly right: Expression; readonly span: Span }
  | { readonly kind: 'notrack' }
  | { readonly kind: 'set-update'; readonly verb: 'add' | 'update' | 'delete'; readonly set: string; readonly key: Expression; readonly data: Expression | undefined; readonly timeout: number | undefined; readonly stateful: readonly Statement[]; readonly span: Span }
  /** Read and listed, but without effect on packets. */
  | { readonly kind: 'inert'; readonly text: string }

export interface Rejection {
  readonly family: 'icmp' | 'icmpv6' | 'icmpx' | 'tcp'
  readonly name: string
  /** ICMP code; -1: reset. */
  readonly code: number
}

export type ObjectType = 'counter' | 'quota' | 'limit'

export interface Rule {
  readonly statements: readonly Statement[]
  readonly comment: string | undefined
  handle: number
}

export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route'
  /** prerouting, input, forward, output, postrouting, ingress, egress. */
  readonly hook: string
  readonly priority: number
  readonly device: string | undefined
  policy: 'accept' | 'drop'
}

export interface SetElement {
  readonly key: Operand
  /** Maps: a value or a verdict. */
  readonly data: Operand | undefined
  readonly verdict: Verdict | undefined
  readonly comment: string | undefined
  /** ms; its own, where it differs from the set's. */
  readonly timeout: number | undefined
  /** Virtual ms. */
  expires: number | undefined
  readonly stateful: readonly Statement[]
  readonly span?: Span
}

export interface SetSpecification {
  /** Types of the concatenated key's parts. */
  readonly key: readonly DataType[]
  /** `typeof ip saddr`, as it was written. */
  readonly keyText: string | undefined
  readonly data: 'verdict' | ObjectType | readonly DataType[] | undefined
  readonly dataText: string | undefined
  readonly flags: readonly ('constant' | 'dynamic' | 'interval' | 'timeout')[]
  readonly timeout: number | undefined
  readonly gcInterval: number | undefined
  /** The kernel gives sets that rules write to one of its own. */
  size: number | undefined
  readonly policy: 'memory' | 'performance' | undefined
  readonly autoMerge: boolean
  readonly comment: string | undefined
  /** `counter` of a set: each new element gets one. */
  readonly stateful: readonly Statement[]
}

export interface NftSet {
  readonly name: string
  readonly specification: SetSpecification
  readonly elements: Map<string, SetElement>
  /** Counts changes, for indexes made of the elements. */
  version: number
  handle: number
}

export interface NamedObject {
  readonly type: ObjectType
  readonly name: string
  readonly comment: string | undefined
  readonly state: Statement
  handle: number
}
