/** The syntax tree of the Common Expression Language (cel-spec, cel-go's ast): macros are gone, comprehensions stand for them. */
export type Literal =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int' | 'uint'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }

/** `at`: offset in code points of what an error about this node points at: a name, an operator, an opening bracket. */
interface Node {
  readonly at: number
}

export type Expr =
  | (Node & { readonly kind: 'const'; readonly literal: Literal })
  | (Node & { readonly kind: 'ident'; readonly name: string })
  | (Node & { readonly kind: 'select'; readonly operand: Expr; readonly field: string; readonly test: boolean })
  | (Node & { readonly kind: 'call'; readonly name: string; readonly target?: Expr; readonly args: readonly Expr[] })
  | (Node & { readonly kind: 'list'; readonly elements: readonly { readonly value: Expr; readonly optional: boolean }[] })
  | (Node & { readonly kind: 'map'; readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[] })
  | (Node & { readonly kind: 'struct'; readonly name: string; readonly fields: readonly { readonly name: string; readonly value: Expr; readonly optional: boolean }[] })
  | (Node & {
      readonly kind: 'fold'
      readonly variable: string
      readonly second?: string
      readonly range: Expr
      readonly accumulator: string
      readonly init: Expr
      readonly condition: Expr
      readonly step: Expr
      readonly result: Expr
    })

export interface Issue {
  readonly at: number
  readonly message: string
}

/** Issues as the compiler prints them: place, line, and a mark under it. */
export function formatIssues(source: string, issues: readonly Issue[]): string {
  const points = [...source]
  return [...issues]
    .sort((a, b) => a.at - b.at)
    .map(({ at, message }) => {
      const before = points.slice(0, at)
      const start = before.lastIndexOf('\n') + 1
      const line = before.filter((p) => p === '\n').length + 1
      const rest = points.slice(start)
      const end = rest.indexOf('\n')
      const text = (end < 0 ? rest : rest.slice(0, end)).join('').replaceAll('\t', ' ')
      return `ERROR: <input>:${line}:${at - start + 1}: ${message}\n | ${text}\n | ${'.'.repeat(at - start)}^`
    })
    .join('\n')
}
