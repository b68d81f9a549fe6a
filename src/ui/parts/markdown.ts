/** Markdown as a tree of a few known elements. HTML in it stays text; links lead only inside the app or show where they would lead. */
import MarkdownIt from 'markdown-it'

export type MarkNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'block'; readonly text: string; readonly language: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'rule' }
  | { readonly kind: 'link'; readonly href: string; readonly inside: readonly MarkNode[] }
  | { readonly kind: 'element'; readonly tag: string; readonly start?: number; readonly inside: readonly MarkNode[] }

interface Token {
  readonly type: string
  readonly tag: string
  readonly nesting: number
  readonly content: string
  readonly info: string
  readonly hidden: boolean
  readonly children: Token[] | null
  attrGet(name: string): string | null
}

const tags = new Set(['p', 'h1', 'h2', 'h3', 'h4', 'ul', 'ol', 'li', 'blockquote', 'strong', 'em', 's', 'table', 'thead', 'tbody', 'tr', 'th', 'td'])
const parser = new MarkdownIt({ html: false, linkify: false, typographer: false })

export function parseMarkdown(text: string, inline = false): readonly MarkNode[] {
  const tokens = (inline ? parser.parseInline(text, {}) : parser.parse(text, {})) as unknown as Token[]
  return build(tokens, { at: 0 })
}

function build(tokens: readonly Token[], cursor: { at: number }): MarkNode[] {
  const out: MarkNode[] = []
  while (cursor.at < tokens.length) {
    const token = tokens[cursor.at++]!
    if (token.nesting === -1) return out
    if (token.nesting === 1) {
      const inside = build(tokens, cursor)
      if (token.hidden) out.push(...inside)
      else if (token.type === 'link_open') out.push({ kind: 'link', href: token.attrGet('href') ?? '', inside })
      else if (tags.has(token.tag)) {
        const start = Number(token.attrGet('start') ?? 1)
        out.push({ kind: 'element', tag: token.tag, ...(start === 1 ? {} : { start }), inside })
      } else out.push(...inside)
    } else if (token.type === 'inline') out.push(...build(token.children ?? [], { at: 0 }))
    else if (token.type === 'code_inline') out.push({ kind: 'code', text: token.content })
    else if (token.type === 'fence' || token.type === 'code_block') out.push({ kind: 'block', text: token.content.replace(/\n$/, ''), language: token.info.trim() })
    else if (token.type === 'softbreak') out.push({ kind: 'text', text: ' ' })
    else if (token.type === 'hardbreak') out.push({ kind: 'break' })
    else if (token.type === 'hr') out.push({ kind: 'rule' })
    else if (token.content !== '') out.push({ kind: 'text', text: token.content })
  }
  return out
}
