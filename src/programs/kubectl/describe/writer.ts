/** The two-level writer of describe: lines with tabs at an indentation, aligned at the end (padding two), as describe's PrefixWriter over a tabwriter. */
import { alignTabs } from '#base/text-table.ts'

/** Describe texts are built as lines whose cells end in tabs; `level` indents by two blanks each. */
export class DescribeWriter {
  #text = ''

  line(level: number, text: string): this {
    this.#text += `${'  '.repeat(level)}${text}\n`
    return this
  }

  /** Text as it is. */
  raw(text: string): this {
    this.#text += text
    return this
  }

  toString(): string {
    return alignTabs(this.#text, { padding: 2 })
  }
}

export function labelLines(out: DescribeWriter, level: number, title: string, map: Readonly<Record<string, string>> | undefined, skip: readonly string[] = []): void {
  const keys = Object.keys(map ?? {}).filter((k) => !skip.includes(k)).sort()
  if (keys.length === 0) {
    out.line(level, `${title}:\t<none>`)
    return
  }
  keys.forEach((key, i) => out.line(level, `${i === 0 ? `${title}:` : ''}\t${key}=${map![key]}`))
}
