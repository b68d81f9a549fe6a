/**
 * The words of ip's command lines as tables: each word has an action that reads its values. iproute2 takes some words only whole
 * (strcmp) and others by any beginning (matches), in the order of its comparisons; both lists keep that order.
 */
import { IpFailure, matches, type IpContext } from './context.ts'

export type Act<S> = (state: S, c: IpContext, word: string) => void

export interface Words<S> {
  readonly whole: Readonly<Record<string, Act<S>>>
  readonly short?: readonly (readonly [word: string, act: Act<S>])[]
}

/** What a word stands for; undefined where it is none of them. */
export function wordAct<S>(words: Words<S>, word: string): Act<S> | undefined {
  return Object.hasOwn(words.whole, word) ? words.whole[word] : words.short?.find(([whole]) => matches(word, whole))?.[1]
}

/** Reads the rest of the line into `state`; what is no word goes to `other`. */
export function readWords<S>(c: IpContext, words: Words<S>, state: S, other: Act<S>): S {
  while (c.more) {
    const word = c.take()
    ;(wordAct(words, word) ?? other)(state, c, word)
  }
  return state
}

/** The verbs of an object in the order of iproute2's comparisons; `object` is named by the complaint about an unknown one. */
export function verbOf<V extends string>(c: IpContext, verbs: readonly (readonly [word: string, verb: V])[], object: string, none: V, code = 255): V {
  if (!c.more) return none
  const word = c.take()
  const verb = verbs.find(([whole]) => matches(word, whole))?.[1]
  if (verb === undefined) throw new IpFailure(`Command "${word}" is unknown, try "ip ${object} help".\n`, code)
  return verb
}

/** Takes a value and forgets it: what the simulated network does not model. */
export const skip: Act<unknown> = (_, c) => void c.value()
export const nothing: Act<unknown> = () => {}

export function wrong(argument: string, why: string): IpFailure {
  return new IpFailure(`Error: argument "${argument}" is wrong: ${why}\n`, 255)
}

/** get_u32, get_integer and their like: decimal, 0x or octal. `why` is the complaint, with its own newline where iproute2 has one. */
export function numberOf(text: string, why: string, low = 0, high = 0xffffffff): number {
  const n = /^-?0x[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : /^-?0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : /^-?\d+$/.test(text) ? Number(text) : NaN
  if (!(n >= low && n <= high)) throw wrong(text, why)
  return n
}

export function twice(key: string, argument: string): IpFailure {
  return new IpFailure(`Error: duplicate "${key}": "${argument}" is the second value.\n`, 255)
}

/** rtnl_rtntype_a2n: some types are taken by any beginning, in this order, others only whole. */
const shortTypes = ['broadcast', 'multicast', 'prohibit', 'unreachable', 'blackhole', 'unicast'] as const
const wholeTypes = ['local', 'throw'] as const

export function routeTypeOf(text: string): (typeof shortTypes)[number] | (typeof wholeTypes)[number] | undefined {
  if (text === 'brd') return 'broadcast'
  return wholeTypes.find((t) => t === text) ?? shortTypes.find((t) => matches(text, t))
}
