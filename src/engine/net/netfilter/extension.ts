/**
 * How matches and targets of iptables are described: their options, what they keep, how they are saved and listed, and what they test or do.
 * Each extension is one entry of a table (matches-*.ts, targets.ts); parse.ts, rule.ts and evaluate.ts know none by name.
 */
import { IptablesError } from '../error.ts'
import type { Device } from '../device.ts'
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import type { Path } from '../route.ts'

/** Where a packet is while a rule looks at it. */
export interface HookContext {
  readonly ns: Namespace
  /** 0 PREROUTING, 1 INPUT, 2 FORWARD, 3 OUTPUT, 4 POSTROUTING. */
  readonly hook: number
  readonly input: Device | undefined
  readonly output: Device | undefined
  readonly path: Path | undefined
  readonly table: string
}

export type Test = (p: Packet, h: HookContext) => boolean

/** What a target says: go on with the next rule, or the packet's fate. */
export const CONTINUE = 0
export const ACCEPT = 1
export const DROP = 2
export type Outcome = 0 | 1 | 2

export type Action = (p: Packet, h: HookContext, chain: string, rule: { readonly text: string }) => Outcome

export interface OptionSpec {
  /** `dport` and its aliases: the first is the one that errors name. */
  readonly names: readonly string[]
  /** Arguments it takes. */
  readonly args: 0 | 1 | 2
  /** `!` before it is allowed. */
  readonly not?: boolean
}

export interface ParseContext {
  /** The protocol of -p, 0 for any, and whether it is negated. */
  readonly protocol: number
  readonly protocolNot: boolean
  readonly table: string
  readonly ns: Namespace
  readonly options: ReadonlySet<string>
  /** A line on stderr that refuses nothing. */
  warn(text: string): void
}

export interface ExtensionType<T> {
  readonly name: string
  readonly options: readonly OptionSpec[]
  create(): T
  /** `option`: the first of its names. Throws IptablesError (see `usage`). */
  parse(data: T, option: string, args: readonly string[], not: boolean, context: ParseContext): void
  /** After all arguments: what is missing. */
  finish?(data: T, context: ParseContext): void
  /** iptables-save's text after `-m name` or `-j NAME`, with a leading blank before each word. */
  save(data: T): string
  /** The text in -L's last column. */
  details(data: T, numeric: boolean): string
  /** Needs connection tracking. */
  readonly tracks?: boolean
  /** Errors of the kernel when a rule is added: undefined or an errno. */
  check?(data: T, where: RuleContext): string | undefined
  /** `check` looks at the hook. */
  readonly checksHook?: boolean
}

export interface RuleContext {
  readonly table: string
  readonly protocol: number
  readonly protocolNot: boolean
  /** The base chain's hook if the rule stands in one. */
  readonly hook: number | undefined
}

export interface MatchType<T> extends ExtensionType<T> {
  test(data: T, ns: Namespace): Test
}

export interface TargetType<T> extends ExtensionType<T> {
  /** Tables where the kernel takes it; undefined: all. */
  readonly tables?: readonly string[]
  /** Base chains (hooks) where the kernel takes it; undefined: all. */
  readonly hooks?: readonly number[]
  action(data: T, ns: Namespace): Action
}

/** Erases the type so that extensions of all kinds can stand in one table. */
export function matchType<T>(m: MatchType<T>): MatchType<unknown> {
  return m as unknown as MatchType<unknown>
}

export function targetType<T>(t: TargetType<T>): TargetType<unknown> {
  return t as unknown as TargetType<unknown>
}

/** The part of an error text that iptables puts the program's name before. */
export class UsageError extends Error {
  readonly exitCode: number
  /** Whether "Try `iptables -h' …" follows. */
  readonly hint: boolean
  constructor(message: string, exitCode = 2, hint = true) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
  }
}

/** A usage error as xtables_error(PARAMETER_PROBLEM) prints it. Messages that end in a newline leave an empty line, as in the original. */
export function usage(message: string): never {
  throw new UsageError(message)
}

/** The whole text on stderr. */
export function usageText(program: string, e: UsageError): IptablesError {
  const hint = e.hint ? `\nTry \`${program} -h' or '${program} --help' for more information.` : ''
  return new IptablesError(`${program} v1.8.9 (nf_tables): ${e.message}${hint}`, e.exitCode)
}
