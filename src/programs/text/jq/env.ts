/** What a jq expression can see: bindings of variables, functions and labels, and the run it belongs to. */
import type { Ast } from './parse.ts'
import type { Path, Result } from './paths.ts'
import type { Json } from './values.ts'

export interface Closure {
  readonly params: readonly string[]
  readonly body: Ast
  env: Env | undefined
}

/** Bindings as a linked list: variables, functions by `name/arity`, labels. */
export interface Env {
  readonly parent: Env | undefined
  readonly key: string
  readonly value: Json | Closure | { readonly ast: Ast; readonly env: Env } | number
  readonly context: Context
}

/** Runs with its arguments unevaluated. */
export type Builtin = (args: readonly Ast[], env: Env, v: Json, path: Path) => Generator<Result>

export interface Context {
  readonly builtins: ReadonlyMap<string, Builtin>
  readonly variables: ReadonlyMap<string, Json>
  /** Remaining inputs, for `input` and `inputs`. */
  readonly inputs: { next(): Json | undefined }
  readonly environment: () => Json
  readonly now: () => number
  /** Where the input that is worked on came from. */
  readonly at: () => { readonly file: string | null; readonly line: number }
  readonly warn: (text: string) => void
  labels: number
}

export function emptyEnv(context: Context): Env {
  return { parent: undefined, key: '', value: null, context }
}

export function lookup(env: Env, key: string): Env | undefined {
  for (let e: Env | undefined = env; e; e = e.parent) if (e.key === key) return e
  return undefined
}

export function bind(env: Env, key: string, value: Env['value']): Env {
  return { parent: env, key, value, context: env.context }
}
