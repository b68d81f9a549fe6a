/** Commands as bash prints them back: `declare -f`, `type`, and the one-line form of `jobs`. */
import type { AndOr, Command, Cond, List, Pipeline, Redirect, Word } from '../parser/ast.ts'

interface Style {
  /** One line (jobs) or a tree with four blanks per level. */
  readonly oneLine: boolean
}

/** The text of a background job. */
export function jobText(pipeline: Pipeline | AndOr): string {
  return pipeline.kind === 'andor' ? andOr(pipeline, 0, { oneLine: true }) : pipelineText(pipeline, 0, { oneLine: true })
}

/** `name () \n{ \n    …\n}` */
export function functionText(name: string, body: Command): string {
  const inner = body.kind === 'group' ? groupText(body.body, 0, { oneLine: false }) + redirects(body.redirects) : groupText(single(body), 0, { oneLine: false })
  return `${name} () \n${inner}`
}

function single(command: Command): List {
  return { items: [{ command: { kind: 'andor', first: { kind: 'pipeline', commands: [command], negated: false, timed: '', errToo: [false] }, rest: [] }, background: false }] }
}

function pad(depth: number): string {
  return '    '.repeat(depth)
}

function groupText(list: List, depth: number, style: Style): string {
  if (style.oneLine) return `{ ${listText(list, depth, style)}; }`
  return `${pad(0)}{ \n${pad(depth + 1)}${listText(list, depth + 1, style)}\n${pad(depth)}}`
}

function listText(list: List, depth: number, style: Style): string {
  let out = ''
  list.items.forEach((item, i) => {
    const last = i === list.items.length - 1
    out += andOr(item.command, depth, style)
    if (item.background) out += last ? ' &' : ' & '
    else if (!last) out += style.oneLine ? '; ' : `;\n${pad(depth)}`
  })
  return out
}

function andOr(a: AndOr, depth: number, style: Style): string {
  return pipelineText(a.first, depth, style) + a.rest.map((r) => ` ${r.op} ${pipelineText(r.pipeline, depth, style)}`).join('')
}

function pipelineText(p: Pipeline, depth: number, style: Style): string {
  const head = (p.timed ? p.timed + ' ' : '') + (p.negated ? '! ' : '')
  let out = head
  p.commands.forEach((c, i) => {
    if (i > 0) out += p.errToo[i - 1] ? ' 2>&1 | ' : ' | '
    out += commandText(c, depth, style)
  })
  return out
}

function wordText(word: Word): string {
  return word.text
}

function redirects(list: readonly Redirect[]): string {
  return list.map((r) => ' ' + redirectText(r)).join('')
}

function redirectText(r: Redirect): string {
  const fd = r.variable !== undefined ? `{${r.variable}}` : r.fd === undefined ? '' : String(r.fd)
  if (r.heredoc) return `${fd}${r.op}${r.target.text}\n${r.heredoc.body}${r.heredoc.delimiter}\n`
  if (r.op === '>&' || r.op === '<&') {
    const implied = fd === '' ? (r.op === '>&' ? (/^\d+$|^-$/.test(r.target.text) ? '1' : '') : '0') : fd
    return `${implied}${r.op}${r.target.text}`
  }
  return `${fd}${r.op} ${r.target.text}`
}

/** Where a command is printed: the blanks between its parts, before an inner list, and its redirections. */
interface Place {
  readonly depth: number
  readonly style: Style
  readonly nl: string
  readonly inner: string
  readonly tail: string
  /** An inner list. */
  readonly body: (list: List) => string
}

type Printer<K extends Command['kind']> = (c: Command & { readonly kind: K }, at: Place) => string

const loop: Printer<'while' | 'until'> = (c, at) => `${c.kind} ${listText(c.test, at.depth, at.style)}; do${at.inner}${at.body(c.body)};${at.nl}done${at.tail}`

const each: Printer<'for' | 'select'> = (c, at) => {
  const words = c.words ? ` in ${c.words.map(wordText).join(' ')}` : ' in "$@"'
  return `${c.kind} ${c.name}${words};${at.nl}do${at.inner}${at.body(c.body)};${at.nl}done${at.tail}`
}

const printers: { readonly [K in Command['kind']]: Printer<K> } = {
  simple: (c, at) => {
    const assigns = c.assignments.map((a) => `${a.name}${a.subscript !== undefined ? `[${a.subscript}]` : ''}${a.append ? '+' : ''}=${a.value.elements ? `(${a.value.elements.map(wordText).join(' ')})` : a.value.text}`)
    return [...assigns, ...c.words.map(wordText)].join(' ') + (c.words.length + assigns.length === 0 ? at.tail.slice(1) : at.tail)
  },
  subshell: (c, at) => `( ${listText(c.body, at.depth, at.style)} )${at.tail}`,
  group: (c, at) => groupText(c.body, at.depth, at.style) + at.tail,
  if: (c, at) => {
    let out = ''
    c.branches.forEach((b, i) => {
      if (i === 0) out += `if ${listText(b.test, at.depth, at.style)}; then${at.inner}${at.body(b.body)};${at.nl}`
      else if (at.style.oneLine) out += `else if ${listText(b.test, at.depth, at.style)}; then ${at.body(b.body)}; `
      else out += `else${at.inner}if ${listText(b.test, at.depth + 1, at.style)}; then\n${pad(at.depth + 2)}${listText(b.body, at.depth + 2, at.style)};\n${pad(at.depth + 1)}`
    })
    if (c.otherwise) out += c.branches.length > 1 ? `else\n${pad(at.depth + 2)}${listText(c.otherwise, at.depth + 2, at.style)};\n${pad(at.depth + 1)}` : `else${at.inner}${at.body(c.otherwise)};${at.nl}`
    for (let i = 1; i < c.branches.length; i++) out += `fi;${at.nl}`
    return `${out}fi${at.tail}`
  },
  while: loop,
  until: loop,
  for: each,
  select: each,
  cfor: (c, at) => `for ((${c.init}; ${c.test.trim()}; ${c.step.trim()}))${at.nl}do${at.inner}${at.body(c.body)};${at.nl}done${at.tail}`,
  case: (c, at) => {
    const clauses = c.clauses.map((k) => {
      const patterns = k.patterns.map(wordText).join(' | ')
      const commands = k.body ? (at.style.oneLine ? ` ${listText(k.body, at.depth + 2, at.style)}` : `\n${pad(at.depth + 2)}${listText(k.body, at.depth + 2, at.style)}`) : ''
      return at.style.oneLine ? `${patterns})${commands} ${k.end}` : `\n${pad(at.depth + 1)}${patterns})${commands}\n${pad(at.depth + 1)}${k.end}`
    })
    return `case ${c.subject.text} in ${at.style.oneLine ? clauses.join(' ') : clauses.join('')}${at.nl}esac${at.tail}`
  },
  function: (c, at) => at.style.oneLine ? `function ${c.name} () ${commandText(c.body, at.depth, at.style)}` : `function ${c.name} () \n${pad(at.depth)}${c.body.kind === 'group' ? groupText(c.body.body, at.depth, at.style) : groupText(single(c.body), at.depth, at.style)}`,
  coproc: (c, at) => `coproc ${c.name} ${commandText(c.body, at.depth, at.style)}`,
  arith: (c, at) => `((${c.text.replace(/^\s*|\s*$/g, ' ')}))`.replace(/\(\( (.*) \)\)/s, '(( $1 ))') + at.tail,
  cond: (c, at) => `[[ ${condText(c.test)} ]]${at.tail}`,
}

export function commandText(c: Command, depth: number, style: Style): string {
  const nl = style.oneLine ? ' ' : `\n${pad(depth)}`
  const inner = style.oneLine ? ' ' : `\n${pad(depth + 1)}`
  const place: Place = { depth, style, nl, inner, tail: redirects(c.redirects), body: (list) => listText(list, depth + 1, style) }
  return (printers[c.kind] as Printer<Command['kind']>)(c as never, place)
}

function condText(c: Cond): string {
  switch (c.kind) {
    case 'word': return c.word.text
    case 'unary': return `${c.op} ${c.word.text}`
    case 'binary': return `${c.left.text} ${c.op} ${c.right.text}`
    case 'not': return `! ${condText(c.test)}`
    case 'group': return `( ${condText(c.test)} )`
    case 'and': return `${condText(c.left)} && ${condText(c.right)}`
    case 'or': return `${condText(c.left)} || ${condText(c.right)}`
  }
}
