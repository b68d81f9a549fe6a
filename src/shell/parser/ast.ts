/**
 * The syntax tree of the shell language. Words keep their raw text (jobs, `declare -f` and xtrace print it back); their
 * parts are worked out on first expansion and kept on the word.
 */
export interface Word {
  readonly text: string
  readonly line: number
  /** `name=(…)`: the elements, where the grammar allows a compound assignment. */
  readonly elements?: readonly Word[]
  parts?: readonly Part[]
}

export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'quotes'; readonly parts: readonly Part[] }
  | { readonly kind: 'param'; readonly param: Param }
  | { readonly kind: 'command'; readonly source: string; readonly line: number; readonly backquoted: boolean; program?: List }
  | { readonly kind: 'arith'; readonly text: string; readonly line: number }
  | { readonly kind: 'process'; readonly direction: '<' | '>'; readonly source: string; readonly line: number }

/** `${name[subscript]op arg}`; `op` is '' for a plain value, 'length' for `${#x}`, 'bad' for what is not a parameter expansion. */
export interface Param {
  readonly raw: string
  readonly name: string
  readonly subscript?: string
  readonly indirect: boolean
  readonly op: string
  readonly arg: string
  readonly line: number
}

export interface Redirect {
  readonly fd: number | undefined
  /** `{name}>file` */
  readonly variable?: string
  readonly op: '<' | '>' | '>>' | '>|' | '<>' | '<&' | '>&' | '&>' | '&>>' | '<<' | '<<-' | '<<<'
  readonly target: Word
  heredoc?: { body: string; quoted: boolean; delimiter: string; line: number }
}

export interface Assignment {
  readonly name: string
  readonly subscript?: string
  readonly append: boolean
  readonly value: Word
}

interface Compound {
  readonly line: number
  readonly redirects: readonly Redirect[]
}

export interface Simple extends Compound {
  readonly kind: 'simple'
  readonly assignments: readonly Assignment[]
  readonly words: readonly Word[]
}

export type Command =
  | Simple
  | (Compound & { readonly kind: 'subshell' | 'group'; readonly body: List })
  | (Compound & { readonly kind: 'if'; readonly branches: readonly { readonly test: List; readonly body: List }[]; readonly otherwise: List | undefined })
  | (Compound & { readonly kind: 'while' | 'until'; readonly test: List; readonly body: List })
  | (Compound & { readonly kind: 'for' | 'select'; readonly name: string; readonly words: readonly Word[] | undefined; readonly body: List })
  | (Compound & { readonly kind: 'cfor'; readonly init: string; readonly test: string; readonly step: string; readonly body: List })
  | (Compound & { readonly kind: 'case'; readonly subject: Word; readonly clauses: readonly CaseClause[] })
  | (Compound & { readonly kind: 'function'; readonly name: string; readonly body: Command; readonly keyword: boolean })
  | (Compound & { readonly kind: 'coproc'; readonly name: string; readonly body: Command })
  | (Compound & { readonly kind: 'arith'; readonly text: string })
  | (Compound & { readonly kind: 'cond'; readonly test: Cond })

export interface CaseClause {
  readonly patterns: readonly Word[]
  readonly body: List | undefined
  readonly end: ';;' | ';&' | ';;&'
}

export type Cond =
  | { readonly kind: 'word'; readonly word: Word }
  | { readonly kind: 'unary'; readonly op: string; readonly word: Word }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Word; readonly right: Word }
  | { readonly kind: 'not' | 'group'; readonly test: Cond }
  | { readonly kind: 'and' | 'or'; readonly left: Cond; readonly right: Cond }

export interface Pipeline {
  readonly kind: 'pipeline'
  readonly commands: readonly Command[]
  readonly negated: boolean
  readonly timed: '' | 'time' | 'time -p'
  /** `|&` after command i. */
  readonly errToo: readonly boolean[]
}

export interface AndOr {
  readonly kind: 'andor'
  readonly first: Pipeline
  readonly rest: readonly { readonly op: '&&' | '||'; readonly pipeline: Pipeline }[]
}

export interface List {
  readonly items: readonly { readonly command: AndOr; readonly background: boolean }[]
}

/** A syntax error. `text`: without prefix; `echo`: bash repeats the input line after it. */
export class ShellSyntaxError extends Error {
  readonly line: number
  readonly echo: string | undefined
  readonly kind: 'syntax' | 'cond' | 'substitution' | 'compound'
  /** A second message without the input line. */
  readonly detail: string | undefined
  /** Where that message is not about the same line. */
  detailLine: number | undefined

  constructor(text: string, line: number, echo?: string, kind: 'syntax' | 'cond' | 'substitution' | 'compound' = 'syntax', detail?: string) {
    super(text)
    this.line = line
    this.echo = echo
    this.kind = kind
    this.detail = detail
  }
}

/** The text ended inside a construct; an interactive shell asks for another line, others report `text`. */
export class Incomplete extends ShellSyntaxError {}
