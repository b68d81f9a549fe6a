/**
 * Reading and setting variables: scalars, indexed and associative arrays, attributes (integer, upper, lower, readonly, nameref) and the
 * variables that bash computes (RANDOM, SECONDS, LINENO, PIPESTATUS, FUNCNAME …).
 */
import { ArithError, evaluate } from './arith.ts'
import type { ArithVariables } from './arith.ts'
import { commandText, functionText } from '../print/command.ts'
import type { Shell, Variable } from '../state.ts'

/** A refused assignment; the text is a message without prefix. */
export class AssignError extends Error {}

type Dynamic = (sh: Shell) => string
const dynamic: Readonly<Record<string, Dynamic>> = {
  RANDOM: (sh) => {
    sh.randomState = (sh.randomState * 16807) % 2147483647
    return String(sh.randomState % 32768)
  },
  SRANDOM: (sh) => String(sh.process.machine.sim.random.uint32()),
  SECONDS: (sh) => String(Math.floor((sh.process.now() - sh.started) / 1000) + sh.secondsOffset),
  EPOCHSECONDS: (sh) => String(Math.floor(sh.process.now() / 1000)),
  EPOCHREALTIME: (sh) => (sh.process.now() / 1000).toFixed(6),
  LINENO: (sh) => String(sh.line),
  BASHPID: (sh) => String(sh.process.pid),
  BASH_SUBSHELL: (sh) => String(sh.subshellDepth),
  SHELLOPTS: (sh) => [...sh.options].sort().join(':'),
  BASHOPTS: (sh) => [...sh.shopts].filter(([, on]) => on).map(([n]) => n).sort().join(':'),
  BASH_COMMAND: (sh) => (sh.command ? commandText(sh.command, 0, { oneLine: true }) : ''),
  HISTCMD: (sh) => String(Math.max(1, sh.history.length + sh.historyBase - 1)),
}
const dynamicArrays: Readonly<Record<string, (sh: Shell) => string[]>> = {
  PIPESTATUS: (sh) => sh.pipestatus.map(String),
  FUNCNAME: (sh) => {
    const running = sh.frames.filter((f) => f.isFunction || f.name === 'source')
    return running.length === 0 ? [] : [...running.map((f) => f.name).reverse(), ...(sh.source === 'file' ? ['main'] : [])]
  },
  BASH_SOURCE: (sh) => [...sh.frames.map((f) => f.source).reverse(), ...(sh.source === 'file' ? [sh.sourceName] : [])],
  BASH_LINENO: (sh) => [...sh.frames.map((f) => String(f.line)).reverse(), ...(sh.source === 'file' ? ['0'] : [])],
  DIRSTACK: (sh) => [sh.process.cwd, ...sh.directories],
  GROUPS: (sh) => [String(sh.process.user.gid), ...sh.process.user.groups.filter((g) => g !== sh.process.user.gid).map(String)],
  BASH_VERSINFO: () => ['5', '2', '15', '1', 'release', 'x86_64-pc-linux-gnu'],
}

const assigned = new WeakMap<Shell, Set<string>>()

function isDynamic(sh: Shell, name: string): boolean {
  return name in dynamic && !assigned.get(sh)?.has(name)
}

export function isArray(sh: Shell, name: string): boolean {
  const v = sh.lookup(sh.resolve(name))
  return v?.array !== undefined || v?.assoc !== undefined || (!v && name in dynamicArrays)
}

export function isAssoc(sh: Shell, name: string): boolean {
  return sh.lookup(sh.resolve(name))?.assoc !== undefined
}

/** The value of a name; element 0 of an array. */
export function getScalar(sh: Shell, rawName: string): string | undefined {
  const name = sh.resolve(rawName)
  if (isDynamic(sh, name)) return dynamic[name]!(sh)
  const m = /^(\w+)\[(.*)\]$/s.exec(name)
  if (m) return getElement(sh, m[1]!, m[2]!)
  const v = sh.lookup(name)
  if (!v) return dynamicArrays[name]?.(sh)[0]
  if (v.array) return v.array.get(0)
  if (v.assoc) return v.assoc.get('0')
  return v.value
}

const hashes = new Map<string, number>()

/** bash lists associative arrays in the order of its hash buckets (FNV, 1024 of them). */
function bucket(key: string): number {
  let h = hashes.get(key)
  if (h === undefined) {
    h = 2166136261
    for (let i = 0; i < key.length; i++) h = (Math.imul(h, 16777619) ^ (key.charCodeAt(i) & 255)) >>> 0
    h &= 1023
    hashes.set(key, h)
  }
  return h
}

function hashOrder(assoc: ReadonlyMap<string, string>): [string, string][] {
  return [...assoc].reverse().map((e, i) => ({ e, i, b: bucket(e[0]) })).sort((x, y) => x.b - y.b || x.i - y.i).map((x) => x.e)
}

/** Keys and values in bash's order; a scalar counts as element 0. */
export function elements(sh: Shell, rawName: string): [string, string][] {
  const name = sh.resolve(rawName)
  const v = sh.lookup(name)
  if (!v) {
    const list = dynamicArrays[name]?.(sh)
    if (list) return list.map((x, i) => [String(i), x])
    return isDynamic(sh, name) ? [['0', dynamic[name]!(sh)]] : []
  }
  if (v.array) return [...v.array].sort((a, b) => a[0] - b[0]).map(([k, x]) => [String(k), x])
  if (v.assoc) return hashOrder(v.assoc)
  const value = getScalar(sh, name)
  return value === undefined ? [] : [['0', value]]
}

export function arithVariables(sh: Shell): ArithVariables {
  return {
    get: (name, subscript) => {
      if (subscript !== undefined) return getElement(sh, name, subscript)
      const value = getScalar(sh, name)
      if (value === undefined && sh.option('nounset')) throw new AssignError(`${name}: unbound variable`)
      return value
    },
    set: (name, subscript, value) => {
      if (subscript !== undefined) setElement(sh, name, subscript, value, false)
      else setScalar(sh, name, value)
    },
  }
}

/** Evaluates an index; negative ones count from the end. Throws AssignError "bad array subscript". */
export function index(sh: Shell, name: string, subscript: string): number {
  if (subscript.trim() === '') throw new AssignError(`${name}[${subscript}]: bad array subscript`)
  const n = Number(evaluate(subscript, arithVariables(sh)))
  if (n >= 0) return n
  const keys = sh.lookup(sh.resolve(name))?.array?.keys() ?? []
  const top = Math.max(-1, ...keys)
  const at = top + 1 + n
  if (at < 0) throw new AssignError(`${name}[${subscript}]: bad array subscript`)
  return at
}

export function getElement(sh: Shell, rawName: string, subscript: string): string | undefined {
  const name = sh.resolve(rawName)
  const v = sh.lookup(name)
  if (v?.assoc) return v.assoc.get(subscript)
  if (!v && dynamicArrays[name]) {
    const list = dynamicArrays[name](sh)
    return list.at(index(sh, name, subscript))
  }
  let at: number
  try {
    at = index(sh, name, subscript)
  } catch (error) {
    if (error instanceof AssignError) throw new AssignError(`${name}: bad array subscript`)
    throw error
  }
  if (v?.array) return v.array.get(at)
  return at === 0 ? getScalar(sh, name) : undefined
}

/** The value as the variable's attributes shape it. */
function shaped(sh: Shell, v: Variable, value: string): string {
  if (v.integer) return String(evaluate(value, arithVariables(sh)))
  if (v.lower) return value.toLowerCase()
  if (v.upper) return value.toUpperCase()
  if (v.capital) return value.slice(0, 1).toUpperCase() + value.slice(1).toLowerCase()
  return value
}

function appended(sh: Shell, v: Variable, old: string | undefined, value: string): string {
  if (v.integer) return String(evaluate(old || '0', arithVariables(sh)) + evaluate(value, arithVariables(sh)))
  return (old ?? '') + value
}

export function checkWritable(sh: Shell, name: string): void {
  const v = sh.lookup(name)
  if (v?.readonly) throw new AssignError(`${name}: readonly variable`)
}

export function setScalar(sh: Shell, rawName: string, value: string, options: { append?: boolean; into?: Map<string, Variable> } = {}): void {
  const name = sh.resolve(rawName)
  const element = /^(\w+)\[(.*)\]$/s.exec(name)
  if (element) return setElement(sh, element[1]!, element[2]!, value, options.append ?? false)
  if (name in dynamicArrays && !sh.lookup(name)) return
  checkWritable(sh, name)
  if (name in dynamic) {
    if (name === 'SECONDS') {
      sh.secondsOffset = Number(value) || 0
      sh.started = sh.process.now()
      return
    }
    if (name === 'RANDOM') {
      sh.randomState = (Number(value) || 0) % 2147483647 || 1
      return
    }
    return
  }
  let v = options.into ? options.into.get(name) : sh.lookup(name)
  if (!v) {
    v = { value: undefined }
    ;(options.into ?? sh.globals).set(name, v)
  }
  const old = v.array ? v.array.get(0) : v.assoc ? v.assoc.get('0') : v.value
  const next = options.append ? shaped(sh, { ...v, integer: false }, appended(sh, v, old, value)) : shaped(sh, v, value)
  if (v.array) v.array.set(0, next)
  else if (v.assoc) v.assoc.set('0', next)
  else v.value = next
  if (sh.option('allexport')) v.exported = true
  if (name === 'OPTIND') sh.getoptsPlace = 0
  if (name === 'PATH') sh.hashed.clear()
}

export function setElement(sh: Shell, rawName: string, subscript: string, value: string, append: boolean): void {
  const name = sh.resolve(rawName)
  checkWritable(sh, name)
  const v = sh.ensure(name)
  if (v.assoc) {
    if (subscript === '') throw new AssignError(`${name}[]: bad array subscript`)
    const old = v.assoc.get(subscript)
    v.assoc.set(subscript, append ? appended(sh, v, old, value) : shaped(sh, v, value))
    return
  }
  const at = index(sh, name, subscript)
  toArray(v)
  v.array!.set(at, append ? appended(sh, v, v.array!.get(at), value) : shaped(sh, v, value))
}

export function toArray(v: Variable): void {
  if (v.array || v.assoc) return
  v.array = new Map(v.value === undefined ? [] : [[0, v.value]])
  v.value = undefined
}

/** Replaces or extends the whole array. Keys are undefined for elements without subscript. */
export function setArray(sh: Shell, rawName: string, items: readonly { key: string | undefined; value: string; append?: boolean }[], append: boolean, into?: Map<string, Variable>): void {
  const name = sh.resolve(rawName)
  checkWritable(sh, name)
  let v = into ? into.get(name) : sh.lookup(name)
  if (!v) {
    v = { value: undefined }
    ;(into ?? sh.globals).set(name, v)
  }
  if (v.assoc) {
    if (!append) v.assoc = new Map()
    let pending: string | undefined
    for (const item of items) {
      if (item.key !== undefined) v.assoc.set(item.key, item.append ? (v.assoc.get(item.key) ?? '') + item.value : shaped(sh, v, item.value))
      else if (pending === undefined) pending = item.value
      else {
        v.assoc.set(pending, shaped(sh, v, item.value))
        pending = undefined
      }
    }
    if (pending !== undefined) v.assoc.set(pending, '')
    return
  }
  if (!append) {
    v.array = new Map()
    v.value = undefined
  } else toArray(v)
  let next = v.array!.size === 0 ? 0 : Math.max(...v.array!.keys()) + 1
  for (const item of items) {
    const at: number = item.key === undefined ? next : Number(evaluate(item.key, arithVariables(sh)))
    const real = at < 0 ? Math.max(-1, ...v.array!.keys()) + 1 + at : at
    if (real < 0) throw new AssignError(`${name}: bad array subscript`)
    v.array!.set(real, item.append ? (v.array!.get(real) ?? '') + item.value : shaped(sh, v, item.value))
    next = real + 1
  }
}

export function unset(sh: Shell, name: string): void {
  for (let i = sh.scopes.length - 1; i >= 0; i--) {
    const scope = sh.scopes[i]!
    if (scope.has(name)) {
      // A local that is unset in its own function stays local without a value.
      if (i === sh.scopes.length - 1) scope.set(name, { value: undefined })
      else scope.delete(name)
      return
    }
  }
  sh.globals.delete(name)
  if (name in dynamic) {
    if (!assigned.has(sh)) assigned.set(sh, new Set())
    assigned.get(sh)!.add(name)
  }
  if (name === 'PATH') sh.hashed.clear()
}

/** Names that have a value, sorted. */
export function variableNames(sh: Shell): string[] {
  const names = new Set<string>(sh.globals.keys())
  for (const scope of sh.scopes) for (const n of scope.keys()) names.add(n)
  return [...names].sort()
}

/** What a child gets. */
export function exportedEnvironment(sh: Shell, extra: ReadonlyMap<string, string> = new Map()): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of new Set([...sh.globals.keys(), ...sh.scopes.flatMap((s) => [...s.keys()])])) {
    const v = sh.lookup(name)
    if (v?.exported && v.value !== undefined) env[name] = v.value
  }
  for (const f of sh.functions.values()) if (f.exported) env[`BASH_FUNC_${f.name}%%`] = functionText(f.name, f.body).slice(f.name.length + 1).replace('\n', ' ')
  for (const [k, v] of extra) env[k] = v
  return env
}

export { ArithError }
