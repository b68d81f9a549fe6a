/** Snippets of nginx configuration: the directives about headers and `return`. Others are named, so that the controller can say that it leaves them out. */

export interface Snippet {
  /** Headers of the answer; '' takes one away. */
  readonly answer: readonly (readonly [string, string])[]
  /** Headers of the request to the backend. */
  readonly request: readonly (readonly [string, string])[]
  readonly returns: { readonly status: number; readonly text: string } | undefined
  readonly unknown: readonly string[]
}

/** Words of a statement, quotes taken off. */
function words(text: string): string[] {
  return [...text.matchAll(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]!)
}

export function parseSnippet(text: string): Snippet {
  const answer: [string, string][] = []
  const request: [string, string][] = []
  const unknown: string[] = []
  let returns: Snippet['returns']
  for (const statement of text.replace(/#[^\n]*/g, '').match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^;"'])+/g) ?? []) {
    const [name, ...args] = words(statement.trim())
    if (name === undefined) continue
    const pairs = () => args.filter((a) => !a.startsWith('-')).map((a): [string, string] => [a.slice(0, (a + ':').indexOf(':')).trim(), a.slice((a + ':').indexOf(':') + 1).trim()])
    if (name === 'more_set_headers') answer.push(...pairs())
    else if (name === 'more_clear_headers') answer.push(...args.map((a): [string, string] => [a, '']))
    else if (name === 'add_header') answer.push([args[0] ?? '', args[1] ?? ''])
    else if (name === 'more_set_input_headers') request.push(...pairs())
    else if (name === 'proxy_set_header') request.push([args[0] ?? '', args[1] ?? ''])
    else if (name === 'return' && /^\d{3}$/.test(args[0] ?? '')) returns = { status: Number(args[0]), text: args.slice(1).join(' ') }
    else unknown.push(name)
  }
  return { answer, request, returns, unknown }
}
