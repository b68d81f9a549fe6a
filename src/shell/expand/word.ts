/**
 * Word expansion in bash's order: braces, tilde, parameters, commands and arithmetic, splitting by IFS, pathnames, quote removal.
 * Expansions produce segments that know whether they were quoted; splitting and globbing look at nothing else.
 */
import { isPattern, quotePattern, unquotePattern } from '#base/glob.ts'
import { FsError } from '#engine/machine/files.ts'
import { Discard } from '../state.ts'
import type { Shell } from '../state.ts'
import type { Assignment, Part, Word } from '../parser/ast.ts'
import { partsOf, partsOfText } from '../parser/words.ts'
import type { WordContext } from '../parser/words.ts'
import { ArithError, arithVariables, AssignError, getScalar } from './variables.ts'
import { evaluate } from './arith.ts'
import { expandBraces } from './brace.ts'
import { glob } from './pathname.ts'
import type { Segment } from './segment.ts'

/** Reports an expansion failure and gives the command up. */
export async function fail(sh: Shell, error: unknown, label = ''): Promise<never> {
  if (error instanceof ArithError || error instanceof AssignError) {
    await sh.complain(label + error.message)
    const unbound = error.message.endsWith('unbound variable')
    throw new Discard(unbound && sh.source === '-c' ? 127 : 1, unbound)
  }
  throw error
}

export async function arithmetic(sh: Shell, text: string, line: number, label = ''): Promise<bigint> {
  const plain = /^[\w\s+\-*/%<>=!&|^~?:,()[\]]*$/.test(text) ? text : await expandText(sh, text, line, 'double')
  try {
    return evaluate(plain, arithVariables(sh))
  } catch (error) {
    return fail(sh, error, label)
  }
}

/** Evaluates without ending the command: for `((…))`, `let`, `[[`. Undefined after a message. */
export async function arithmeticOrStatus(sh: Shell, text: string, line: number, label: string): Promise<bigint | undefined> {
  const plain = await expandText(sh, text, line, 'double')
  try {
    return evaluate(plain, arithVariables(sh))
  } catch (error) {
    if (!(error instanceof ArithError || error instanceof AssignError)) throw error
    await sh.complain(label + error.message)
    return undefined
  }
}

export async function segmentsOf(sh: Shell, parts: readonly Part[], quoted: boolean, out: Segment[] = []): Promise<Segment[]> {
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        out.push({ text: part.text, quoted: quoted || part.quoted, split: false })
        break
      case 'quotes': {
        const before = out.length
        await segmentsOf(sh, part.parts, true, out)
        // "" makes a field; "$@" without parameters does not.
        if (out.length === before && !(part.parts.length > 0 && part.parts.every(emptyList))) out.push({ text: '', quoted: true, split: false })
        break
      }
      case 'param':
        await sh.interpreter.expandParam(sh, part.param, quoted, out)
        break
      case 'command': {
        const text = await sh.interpreter.substituteCommand(sh, part)
        out.push({ text, quoted, split: !quoted })
        break
      }
      case 'arith':
        out.push({ text: String(await arithmetic(sh, part.text, part.line)), quoted, split: !quoted })
        break
      case 'process':
        out.push({ text: await sh.interpreter.substituteProcess(sh, part), quoted: true, split: false })
        break
    }
  }
  return out
}

function emptyList(part: Part): boolean {
  return part.kind === 'param' && (part.param.name === '@' || part.param.subscript === '@' || (part.param.op === 'prefix' && part.param.arg === '@'))
}

function tilde(sh: Shell, text: string, assignment: boolean): string {
  const expand = (piece: string): string => {
    const m = /^~([^/:]*)/.exec(piece)
    if (!m || (m[1]!.includes(':') && assignment)) return piece
    const rest = piece.slice(m[0].length)
    const user = m[1]!
    if (user === '') return (getScalar(sh, 'HOME') ?? sh.process.user.home) + rest
    if (user === '+') return (getScalar(sh, 'PWD') ?? sh.process.cwd) + rest
    if (user === '-') return (getScalar(sh, 'OLDPWD') ?? '~-') + rest
    const home = sh.process.machine.users.get(user)?.home
    return home === undefined ? piece : home + rest
  }
  return expand(text)
}

/** Tilde expansion on the parts of a word: only unquoted text at its start (in assignments after each colon, too). */
function withTilde(sh: Shell, parts: readonly Part[], assignment: boolean): readonly Part[] {
  const first = parts[0]
  const out: Part[] = []
  let changed = false
  parts.forEach((part, i) => {
    if (part.kind !== 'text' || part.quoted || !part.text.includes('~')) {
      out.push(part)
      return
    }
    const last = i === parts.length - 1
    const pieces = assignment ? part.text.split(/(?<=:)|(?<=^[A-Za-z_]\w*=)(?=~)/) : [part.text]
    const done = pieces.map((piece, k) => {
      const start = (i === 0 && k === 0) || k > 0
      if (!start || !piece.startsWith('~')) return piece
      const whole = /[/:]/.test(piece) || (last && k === pieces.length - 1)
      return whole ? tilde(sh, piece, assignment) : piece
    })
    if (done.join('') === part.text) {
      out.push(part)
      return
    }
    changed = true
    done.forEach((text, k) => {
      const original = pieces[k]!
      out.push({ kind: 'text', text, quoted: text !== original })
    })
  })
  return changed && first ? out : parts
}

/** Splits at IFS and joins segments to fields. Fields are pattern texts: quoted characters are escaped. */
function fieldsOf(sh: Shell, segments: readonly Segment[]): { pattern: string; quoted: boolean }[] {
  const ifs = getScalar(sh, 'IFS') ?? ' \t\n'
  const fields: { pattern: string; quoted: boolean }[] = []
  let pattern = ''
  let quoted = false
  let open = false
  const end = () => {
    if (open) fields.push({ pattern, quoted })
    pattern = ''
    quoted = false
    open = false
  }
  for (const s of segments) {
    if (s.end) {
      end()
      continue
    }
    if (!s.split || ifs === '') {
      if (s.quoted || s.text !== '') open = true
      if (s.quoted) quoted = true
      pattern += s.quoted ? quotePattern(s.text) : s.split ? s.text.replace(/\\/g, '\\\\') : s.text
      continue
    }
    // A run of blanks separates; every other IFS character ends a field, with the blanks around it.
    const text = s.text
    let i = 0
    while (i < text.length) {
      const c = text[i]!
      if (!ifs.includes(c)) {
        open = true
        pattern += c === '\\' ? '\\\\' : c
        i++
        continue
      }
      let hard = false
      while (i < text.length && ifs.includes(text[i]!)) {
        const blank = ' \t\n'.includes(text[i]!)
        if (!blank) {
          if (hard) break
          hard = true
        }
        i++
      }
      if (hard) open = true
      end()
    }
  }
  end()
  return fields
}

/** Expands the words of a command to its arguments. */
export async function expandWords(sh: Shell, words: readonly Word[]): Promise<string[]> {
  const out: string[] = []
  for (const word of words) await expandWordInto(sh, word, out)
  return out
}

const simpleWord = /^[A-Za-z0-9_./:,@%+-]+$/

export async function expandWordInto(sh: Shell, word: Word, out: string[]): Promise<void> {
  const text = word.text
  if (simpleWord.test(text)) {
    out.push(text)
    return
  }
  const texts = sh.option('braceexpand') && text.includes('{') ? expandBraces(text) : [text]
  for (const one of texts) {
    const parts = one === text ? partsOf(word) : partsOfText(one, word.line, 'word')
    const segments = await segmentsOf(sh, withTilde(sh, parts, /^[A-Za-z_]\w*=/.test(text)), false)
    for (const field of fieldsOf(sh, segments)) await globInto(sh, field.pattern, out)
  }
}

async function globInto(sh: Shell, pattern: string, out: string[]): Promise<void> {
  if (sh.option('noglob') || !isPattern(pattern, sh.shopt('extglob'))) {
    out.push(unquotePattern(pattern))
    return
  }
  const found = glob(sh, pattern)
  if (found.length > 0) {
    out.push(...found)
    return
  }
  if (sh.shopt('failglob')) {
    await sh.complain(`no match: ${unquotePattern(pattern)}`)
    throw new Discard(1, false)
  }
  if (!sh.shopt('nullglob')) out.push(unquotePattern(pattern))
}

function joined(sh: Shell, segments: readonly Segment[], each: (s: Segment) => string): string {
  let out = ''
  const ifs = getScalar(sh, 'IFS')
  for (const s of segments) out += s.end ? (s.star && ifs !== undefined ? (ifs[0] ?? '') : ' ') : each(s)
  return out
}

/** One string: no splitting, no pathnames (assignments, redirect targets of here-strings, case subjects). */
export async function expandString(sh: Shell, word: Word, assignment = false): Promise<string> {
  if (simpleWord.test(word.text)) return word.text
  const segments = await segmentsOf(sh, withTilde(sh, partsOf(word), assignment), false)
  return joined(sh, segments, (s) => s.text)
}

/** A pattern: what was quoted is escaped. */
export async function expandPattern(sh: Shell, word: Word): Promise<string> {
  const segments = await segmentsOf(sh, withTilde(sh, partsOf(word), false), false)
  return joined(sh, segments, (s) => (s.quoted ? quotePattern(s.text) : s.text))
}

/** A regular expression for `=~`: what was quoted matches itself. */
export async function expandRegex(sh: Shell, word: Word): Promise<string> {
  const segments = await segmentsOf(sh, partsOf(word), false)
  return joined(sh, segments, (s) => (s.quoted ? s.text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : s.text))
}

export async function expandText(sh: Shell, text: string, line: number, context: WordContext): Promise<string> {
  if (!/[$`\\"']/.test(text)) return text
  const segments = await segmentsOf(sh, partsOfText(text, line, context), context === 'double' || context === 'document')
  return joined(sh, segments, (s) => s.text)
}

export async function expandTextPattern(sh: Shell, text: string, line: number, quoted: boolean): Promise<string> {
  const parts = partsOfText(text, line, 'pattern')
  const segments = await segmentsOf(sh, quoted ? parts : withTilde(sh, parts, false), false)
  return joined(sh, segments, (s) => (s.quoted ? quotePattern(s.text) : s.text))
}

/** The subscript of an element: a key where the array is associative, else kept for arithmetic. */
export async function expandSubscript(sh: Shell, subscript: string, line: number): Promise<string> {
  if (/^\w+$/.test(subscript)) return subscript
  const segments = await segmentsOf(sh, partsOfText(subscript, line, 'pattern'), false)
  return joined(sh, segments, (s) => s.text)
}

/** Elements of `(…)`. */
export async function expandElements(sh: Shell, words: readonly Word[]): Promise<{ key: string | undefined; value: string; append?: boolean }[]> {
  const out: { key: string | undefined; value: string; append?: boolean }[] = []
  for (const word of words) {
    const m = /^\[/.test(word.text) ? elementAssignment(word.text) : undefined
    if (m) {
      const key = await expandSubscript(sh, m.key, word.line)
      out.push({ key, value: await expandString(sh, { text: m.value, line: word.line }, true), append: m.append })
      continue
    }
    const values: string[] = []
    await expandWordInto(sh, word, values)
    for (const value of values) out.push({ key: undefined, value })
  }
  return out
}

function elementAssignment(text: string): { key: string; value: string; append: boolean } | undefined {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') i++
    else if ((c === "'" || c === '"') && text.indexOf(c, i + 1) > 0) i = text.indexOf(c, i + 1)
    else if (c === '[') depth++
    else if (c === ']' && --depth === 0) {
      const m = /^(\+?)=/.exec(text.slice(i + 1))
      return m ? { key: text.slice(1, i), value: text.slice(i + 1 + m[0].length), append: m[1] === '+' } : undefined
    }
  }
  return undefined
}

export async function assignmentValue(sh: Shell, assignment: Assignment): Promise<string> {
  return expandString(sh, assignment.value, true)
}

export { FsError }
