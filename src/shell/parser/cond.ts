/** The grammar inside `[[ … ]]` (parse.y's cond_expr), with bash's messages for what does not fit. */
import { Incomplete, ShellSyntaxError } from './ast.ts'
import type { Cond } from './ast.ts'
import type { Parser } from './parser.ts'
import type { Token } from './lexer.ts'

const unary = /^-[a-hknoprstuvwxzGLNORS]$/
const binary = new Set(['==', '=', '!=', '=~', '-nt', '-ot', '-ef', '-eq', '-ne', '-lt', '-le', '-gt', '-ge', '<', '>'])

function fail(text: string, line: number): never {
  throw new ShellSyntaxError(text, line, undefined, 'cond')
}

function name(token: Token): string {
  return token.kind === 'newline' ? 'newline' : token.text
}

export function parseCond(parser: Parser): Cond {
  const test = or(parser)
  const { line } = parser.peek(false)
  const end = skip(parser)
  if (end.kind === 'word' && end.text === ']]') {
    parser.take()
    return test
  }
  if (end.kind === 'eof') throw new Incomplete("unexpected EOF while looking for `]]'", end.line - 1, undefined, 'cond')
  fail(`syntax error in conditional expression${end.kind === 'op' ? `: unexpected token \`${end.text}'` : ''}`, line)
}

function skip(parser: Parser): Token {
  while (parser.peek(false).kind === 'newline') parser.take()
  return parser.peek(false)
}

function or(parser: Parser): Cond {
  let left = and(parser)
  for (let t = skip(parser); t.kind === 'op' && t.text === '||'; t = skip(parser)) {
    parser.take()
    left = { kind: 'or', left, right: and(parser) }
  }
  return left
}

function and(parser: Parser): Cond {
  let left = term(parser)
  for (let t = skip(parser); t.kind === 'op' && t.text === '&&'; t = skip(parser)) {
    parser.take()
    left = { kind: 'and', left, right: term(parser) }
  }
  return left
}

function term(parser: Parser): Cond {
  const first = skip(parser)
  if (first.kind === 'eof') throw new Incomplete("unexpected token `EOF' in conditional command", first.line, undefined, 'cond')
  // bash gives up without a word here.
  if (first.text === ']]') fail('', first.line)
  if (first.kind === 'op') {
    if (first.text !== '(') fail(`unexpected token \`${first.text}' in conditional command`, first.line)
    parser.take()
    const test = or(parser)
    const close = skip(parser)
    if (close.kind !== 'op' || close.text !== ')') fail(`unexpected token \`${name(close)}', expected \`)'`, close.line)
    parser.take()
    return { kind: 'group', test }
  }
  if (first.text === '!') {
    parser.take()
    return { kind: 'not', test: term(parser) }
  }
  parser.take()
  if (unary.test(first.text)) {
    const operand = parser.peek(false)
    if (operand.kind !== 'word' && operand.kind !== 'number') fail(`unexpected argument \`${name(operand)}' to conditional unary operator`, operand.line)
    if (operand.text === ']]') fail("unexpected argument `]]' to conditional unary operator", operand.line)
    if (!binary.has(operand.text) || operand.text === ']]') {
      parser.take()
      return { kind: 'unary', op: first.text, word: parser.word(operand) }
    }
  }
  const op = parser.peek(false)
  const ends = (op.kind === 'word' && op.text === ']]') || (op.kind === 'op' && ['&&', '||', ')'].includes(op.text))
  if (ends) return { kind: 'word', word: parser.word(first) }
  if (op.kind === 'eof') throw new Incomplete("unexpected EOF while looking for `]]'", op.line - 1, undefined, 'cond')
  if (!binary.has(op.text)) {
    if (op.kind === 'word' || op.kind === 'number') fail('conditional binary operator expected', op.line)
    fail(`unexpected token \`${name(op)}', conditional binary operator expected`, op.line)
  }
  parser.take()
  const right = parser.peek(false, op.text === '=~')
  if ((right.kind !== 'word' && right.kind !== 'number') || right.text === ']]') fail(`unexpected argument \`${name(right)}' to conditional binary operator`, right.line)
  parser.take()
  return { kind: 'binary', op: op.text, left: parser.word(first), right: parser.word(right) }
}
