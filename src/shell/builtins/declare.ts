/** declare, typeset, local, export, readonly, unset: variables and their attributes. */
import { splitAssignment } from '../parser/parser.ts'
import { AssignError, checkWritable, setArray, setElement, setScalar, toArray, unset, variableNames } from '../expand/variables.ts'
import { arithmetic } from '../expand/word.ts'
import { functionText } from '../print/command.ts'
import { quoteTrace } from '../print/quote.ts'
import { attributes, declareLine, setLine } from '../print/variable.ts'
import { compounds, trace } from '../run/simple.ts'
import type { Shell, Variable } from '../state.ts'
import { usage } from './basic.ts'
import type { Builtin } from './table.ts'

const letters: Record<string, keyof Variable> = { i: 'integer', l: 'lower', u: 'upper', c: 'capital', r: 'readonly', x: 'exported', n: 'nameref' }

interface Wanted {
  readonly on: Set<string>
  readonly off: Set<string>
}

async function parseFlags(sh: Shell, argv: readonly string[], allowed: string, text: string): Promise<{ flags: Wanted; at: number } | number> {
  const flags: Wanted = { on: new Set(), off: new Set() }
  let at = 1
  for (; at < argv.length; at++) {
    const a = argv[at]!
    if (a === '--') {
      at++
      break
    }
    if (!/^[-+]./.test(a)) break
    for (const c of a.slice(1)) {
      if (!allowed.includes(c)) return usage(sh, argv[0]!, `${a[0]}${c}`, text)
      ;(a[0] === '-' ? flags.on : flags.off).add(c)
    }
  }
  return { flags, at }
}

/** The variable in the scope that the declaration means. */
function place(sh: Shell, name: string, local: boolean, global: boolean): { v: Variable; into: Map<string, Variable> | undefined } {
  if (local && !global && sh.scopes.length > 0) {
    const scope = sh.scopes.at(-1)!
    let v = scope.get(name)
    if (!v) {
      v = { value: undefined }
      const outer = sh.lookup(name)
      if (outer?.exported) v.exported = true
      if (outer?.readonly) throw new AssignError(`${name}: readonly variable`)
      scope.set(name, v)
    }
    return { v, into: scope }
  }
  if (global) {
    let v = sh.globals.get(name)
    if (!v) {
      v = { value: undefined }
      sh.globals.set(name, v)
    }
    return { v, into: sh.globals }
  }
  return { v: sh.ensure(name), into: undefined }
}

function setAttributes(v: Variable, flags: Wanted): void {
  if (flags.on.has('a') && !v.assoc) toArray(v)
  if (flags.on.has('A') && !v.assoc) {
    v.assoc = new Map()
    if (v.value !== undefined) v.assoc.set('0', v.value)
    delete v.array
    v.value = undefined
  }
  for (const [letter, key] of Object.entries(letters)) {
    if (key === 'readonly') continue
    if (flags.on.has(letter)) {
      ;(v as unknown as Record<string, unknown>)[key] = true
      for (const other of ['lower', 'upper', 'capital'] as const) if ('luc'.includes(letter) && other !== key) delete v[other]
    }
    if (flags.off.has(letter)) delete v[key]
  }
}

async function declareOne(sh: Shell, command: string, arg: string, index: number, argv: readonly string[], flags: Wanted, local: boolean): Promise<number> {
  const compound = compounds.get(argv)?.get(index)
  let split = splitAssignment(arg)
  const name = split?.name ?? arg.replace(/\[.*\]$/s, '')
  if (!/^[A-Za-z_]\w*$/.test(name) || (!split && !/^[A-Za-z_]\w*(\[.*\])?$/s.test(arg))) {
    await sh.complain(`${command}: \`${arg}': not a valid identifier`)
    return 1
  }
  // `declare -a x='(1 2)'`
  const text = split && !compound && (flags.on.has('a') || flags.on.has('A')) && /^\(.*\)$/s.test(split.value) ? split.value : undefined
  try {
    const global = flags.on.has('g')
    if (command === 'local' || local) {
      // `local -` and friends are not kept.
    }
    const before = sh.lookup(name)
    if (before?.readonly && (split || flags.off.has('r')) && !(local && sh.scopes.length > 0 && !sh.scopes.at(-1)!.has(name))) throw new AssignError(`${name}: readonly variable`)
    const { v, into } = place(sh, flags.on.has('n') ? name : local && !global ? name : sh.resolve(name), local, global)
    if (flags.on.has('n') && split?.value === name && split.subscript === undefined) {
      if (!local) throw new AssignError(`${name}: nameref variable self references not allowed`)
      await sh.complain(`${command}: warning: ${name}: circular name reference`)
    }
    if (flags.on.has('A') && v.array) {
      await sh.complain(`${command}: ${name}: cannot convert indexed to associative array`)
      return 1
    }
    if (flags.on.has('a') && v.assoc) {
      await sh.complain(`${command}: ${name}: cannot convert associative to indexed array`)
      return 1
    }
    setAttributes(v, flags)
    if (!split && /\[.*\]$/s.test(arg)) toArray(v)
    if (compound) setArray(sh, name, compound.elements, compound.append, into)
    else if (text !== undefined) setArray(sh, name, text.slice(1, -1).trim().split(/\s+/).filter((x) => x !== '').map((x) => {
      const m = /^\[(.*?)\]=(.*)$/s.exec(x)
      return m ? { key: m[1]!, value: m[2]!.replace(/^(['"])(.*)\1$/s, '$2') } : { key: undefined, value: x.replace(/^(['"])(.*)\1$/s, '$2') }
    }), split!.append, into)
    else if (split) {
      if (flags.on.has('n')) v.value = split.value
      else if (split.subscript !== undefined) setElement(sh, name, split.subscript, split.value, split.append)
      else setScalar(sh, name, split.value, { append: split.append, ...(into ? { into } : {}) })
    } else split = undefined
    if (flags.on.has('r')) v.readonly = true
    if (split && !compound && (command === 'export' || command === 'readonly') && sh.option('xtrace')) await trace(sh, `${name}=${quoteTrace(split.value)}`)
    return 0
  } catch (error) {
    if (!(error instanceof AssignError)) throw error
    await sh.complain(`${command}: ${error.message}`)
    return 1
  }
}

const declare: Builtin = async (sh, argv) => {
  const command = argv[0]!
  const parsed = await parseFlags(sh, argv, 'aAcilnrtuxgpfFI', `${command} [-aAfFgiIlnrtux] [name[=value] ...] or ${command} -p [-aAfFilnrtux] [name ...]`)
  if (typeof parsed === 'number') return parsed
  const { flags, at } = parsed
  const names = argv.slice(at)
  if (flags.on.has('f') || flags.on.has('F')) return functions(sh, command, names, flags)
  if (flags.on.has('p')) {
    if (names.length === 0) {
      for (const name of variableNames(sh)) if (matchesFlags(sh.lookup(name)!, flags)) await sh.out(declareLine(sh, name) + '\n')
      return 0
    }
    let status = 0
    for (const name of names) {
      if (sh.lookup(name)) await sh.out(declareLine(sh, name) + '\n')
      else {
        await sh.complain(`${command}: ${name}: not found`)
        status = 1
      }
    }
    return status
  }
  if (names.length === 0) {
    if (flags.on.size === 0) {
      for (const name of variableNames(sh)) {
        const line = setLine(sh, name)
        if (line !== undefined) await sh.out(line + '\n')
      }
      for (const f of [...sh.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) await sh.out(functionText(f.name, f.body) + '\n')
    } else for (const name of variableNames(sh)) if (matchesFlags(sh.lookup(name)!, flags)) await sh.out(declareLine(sh, name) + '\n')
    return 0
  }
  let status = 0
  for (const [i, name] of names.entries()) status = (await declareOne(sh, command, name, at + i, argv, flags, sh.scopes.length > 0 && sh.frames.some((f) => f.isFunction))) || status
  return status
}

function matchesFlags(v: Variable, flags: Wanted): boolean {
  const have = attributes(v)
  return [...flags.on].filter((f) => f !== 'p' && f !== 'g').every((f) => have.includes(f))
}

async function functions(sh: Shell, command: string, names: readonly string[], flags: Wanted): Promise<number> {
  if (names.length === 0) {
    for (const f of [...sh.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) await sh.out(flags.on.has('F') ? `declare -f${f.exported ? 'x' : ''} ${f.name}\n` : `${functionText(f.name, f.body)}\n`)
    return 0
  }
  let status = 0
  for (const name of names) {
    const f = sh.functions.get(name)
    if (!f) {
      status = 1
      if (flags.on.has('p')) await sh.complain(`${command}: ${name}: not found`)
    } else if (flags.on.has('x')) f.exported = true
    else await sh.out(flags.on.has('F') ? `${name}\n` : `${functionText(name, f.body)}\n`)
  }
  return status
}

const local: Builtin = async (sh, argv) => {
  if (!sh.frames.some((f) => f.isFunction)) {
    await sh.complain('local: can only be used in a function')
    return 1
  }
  const parsed = await parseFlags(sh, argv, 'aAcilnrtuxgpI', 'local [option] name[=value] ...')
  if (typeof parsed === 'number') return parsed
  if (parsed.at === argv.length) {
    for (const [name, v] of sh.scopes.at(-1)!) if (v.value !== undefined) await sh.out(`${name}=${v.value}\n`)
    return 0
  }
  let status = 0
  for (let i = parsed.at; i < argv.length; i++) if (argv[i] !== '-') status = (await declareOne(sh, 'local', argv[i]!, i, argv, parsed.flags, true)) || status
  return status
}

function marker(command: 'export' | 'readonly'): Builtin {
  const flag = command === 'export' ? 'x' : 'r'
  return async (sh, argv) => {
    const parsed = await parseFlags(sh, argv, command === 'export' ? 'fnp' : 'aAfp', command === 'export' ? 'export [-fn] [name[=value] ...] or export -p' : 'readonly [-aAf] [name[=value] ...] or readonly -p')
    if (typeof parsed === 'number') return parsed
    const { flags, at } = parsed
    const names = argv.slice(at)
    if (names.length === 0) {
      for (const name of variableNames(sh)) {
        const v = sh.lookup(name)!
        if (!attributes(v).includes(flag)) continue
        if (sh.posix) await sh.out(`${command} ${name}${v.value === undefined ? '' : `='${v.value.replace(/'/g, "'\\''")}'`}\n`)
        else await sh.out(declareLine(sh, name) + '\n')
      }
      return 0
    }
    if (flags.on.has('f')) {
      let status = 0
      for (const name of names) {
        const f = sh.functions.get(name)
        if (f) f.exported = !flags.on.has('n')
        else {
          await sh.complain(`${command}: ${name}: not a function`)
          status = 1
        }
      }
      return status
    }
    const wanted: Wanted = { on: new Set(flags.on), off: new Set() }
    if (command === 'export' && flags.on.has('n')) {
      wanted.off.add('x')
      wanted.on.delete('n')
    } else wanted.on.add(flag)
    let status = 0
    for (const [i, name] of names.entries()) status = (await declareOne(sh, command, name, at + i, argv, wanted, false)) || status
    return status
  }
}

const unsetBuiltin: Builtin = async (sh, argv) => {
  const parsed = await parseFlags(sh, argv, 'fvn', 'unset [-f] [-v] [-n] [name ...]')
  if (typeof parsed === 'number') return parsed
  let status = 0
  for (const raw of argv.slice(parsed.at)) {
    if (parsed.flags.on.has('f')) {
      sh.functions.delete(raw)
      continue
    }
    const m = /^([A-Za-z_]\w*)\[([\s\S]*)\]$/.exec(raw)
    const name = m ? m[1]! : raw
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      if (!parsed.flags.on.has('v')) {
        sh.functions.delete(raw)
        continue
      }
      await sh.complain(`unset: \`${raw}': not a valid identifier`)
      status = 1
      continue
    }
    const target = parsed.flags.on.has('n') ? name : sh.resolve(name)
    try {
      checkWritable(sh, target)
    } catch {
      await sh.complain(`unset: ${name}: cannot unset: readonly variable`)
      status = 1
      continue
    }
    if (m) {
      const v = sh.lookup(target)
      if (!v) continue
      if (v.assoc) {
        if (m[2] === '@' || m[2] === '*') v.assoc.delete(m[2])
        else v.assoc.delete(m[2]!.replace(/^(['"])([\s\S]*)\1$/, '$2'))
      }
      else if (v.array) {
        if (m[2] === '@' || m[2] === '*') v.array.clear()
        else {
          let at = Number(await arithmetic(sh, m[2]!, sh.line))
          if (at < 0) at += Math.max(-1, ...v.array.keys()) + 1
          if (at < 0) {
            await sh.complain(`unset: [${m[2]}]: bad array subscript`)
            status = 1
          }
          v.array.delete(at)
        }
      } else if (m[2] === '0') unset(sh, target)
      else {
        await sh.complain(`unset: ${name}: not an array variable`)
        status = 1
      }
      continue
    }
    if (sh.lookup(target)) unset(sh, target)
    else if (!parsed.flags.on.has('v')) {
      sh.functions.delete(name)
      unset(sh, target)
    }
  }
  return status
}

export const declareBuiltins: readonly (readonly [string, Builtin])[] = [
  ['declare', declare],
  ['typeset', declare],
  ['local', local],
  ['export', marker('export')],
  ['readonly', marker('readonly')],
  ['unset', unsetBuiltin],
]
