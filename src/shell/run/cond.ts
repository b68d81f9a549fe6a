/** Evaluation of `[[ … ]]`. */
import { matchesPattern, quotePattern, unquotePattern } from '#base/glob.ts'
import { posixRegex, RegexError } from '#base/regex.ts'
import { unaryTest, fileCompare } from '../builtins/test.ts'
import { expandPattern, expandRegex, expandString, arithmeticOrStatus } from '../expand/word.ts'
import { setArray } from '../expand/variables.ts'
import type { Cond } from '../parser/ast.ts'
import { compareBytes } from '../expand/pathname.ts'
import type { Shell } from '../state.ts'

void quotePattern

export function condTrace(text: string): string {
  return `[[ ${text} ]]`
}

/** 0 true, 1 false, 2 an error that was told. */
export async function evaluateCond(sh: Shell, c: Cond, trail: string[]): Promise<number> {
  switch (c.kind) {
    case 'word': {
      const text = await expandString(sh, c.word)
      trail.push(`-n ${text}`)
      return text !== '' ? 0 : 1
    }
    case 'group':
      return evaluateCond(sh, c.test, trail)
    case 'not': {
      const r = await evaluateCond(sh, c.test, trail)
      return r === 2 ? 2 : r === 0 ? 1 : 0
    }
    case 'and': {
      const l = await evaluateCond(sh, c.left, trail)
      return l !== 0 ? l : evaluateCond(sh, c.right, trail)
    }
    case 'or': {
      const l = await evaluateCond(sh, c.left, trail)
      return l === 0 || l === 2 ? l : evaluateCond(sh, c.right, trail)
    }
    case 'unary': {
      const text = await expandString(sh, c.word)
      trail.push(`${c.op} ${text}`)
      return unaryTest(sh, c.op, text) ? 0 : 1
    }
    case 'binary':
      return binary(sh, c, trail)
  }
}

async function binary(sh: Shell, c: Cond & { kind: 'binary' }, trail: string[]): Promise<number> {
  const left = await expandString(sh, c.left)
  const options = { extglob: true, ignoreCase: sh.shopt('nocasematch') }
  switch (c.op) {
    case '=':
    case '==':
    case '!=': {
      const pattern = await expandPattern(sh, c.right)
      trail.push(`${left} ${c.op} ${/[\\]/.test(pattern) ? pattern : unquotePattern(pattern)}`)
      return matchesPattern(left, pattern, options) === (c.op !== '!=') ? 0 : 1
    }
    case '=~': {
      const source = await expandRegex(sh, c.right)
      trail.push(`${left} =~ ${source}`)
      let regex
      try {
        regex = posixRegex(source, { extended: true, strict: 'libc', ignoreCase: options.ignoreCase })
      } catch (error) {
        if (error instanceof RegexError) return 2
        throw error
      }
      const m = regex.exec(left, 0)
      setArray(sh, 'BASH_REMATCH', m ? m.groups.map((g) => ({ key: undefined, value: g ?? '' })) : [], false)
      return m ? 0 : 1
    }
    case '<':
    case '>': {
      const right = await expandString(sh, c.right)
      trail.push(`${left} ${c.op} ${right}`)
      const order = compareBytes(left, right)
      return (c.op === '<' ? order < 0 : order > 0) ? 0 : 1
    }
    case '-nt':
    case '-ot':
    case '-ef':
      return fileCompare(sh, c.op, left, await expandString(sh, c.right)) ? 0 : 1
    default: {
      const right = await expandString(sh, c.right)
      trail.push(`${left} ${c.op} ${right}`)
      const a = await arithmeticOrStatus(sh, left, c.left.line, '[[: ')
      if (a === undefined) return 1
      const b = await arithmeticOrStatus(sh, right, c.right.line, '[[: ')
      if (b === undefined) return 1
      const holds = { '-eq': a === b, '-ne': a !== b, '-lt': a < b, '-le': a <= b, '-gt': a > b, '-ge': a >= b }[c.op as '-eq']
      return holds ? 0 : 1
    }
  }
}
