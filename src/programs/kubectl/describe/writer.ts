/**
 * The two-level writer of describe: lines whose cells end in tabs at an indentation of two blanks a level, aligned with a padding of two. Models
 * describe's PrefixWriter over a tabwriter, labels and annotations over several lines included.
 */
import { alignTabs } from '#base/text-table.ts'

export class DescribeWriter {
  #done = ''
  #text = ''

  line(level: number, text: string): this {
    this.#text += `${'  '.repeat(level)}${text}\n`
    return this
  }

  /** Ends the columns so far (tabwriter's Flush). */
  cut(): this {
    this.#done += alignTabs(this.#text, { padding: 2 })
    this.#text = ''
    return this
  }

  /** The lines as they were written, tabs and all (rollout history). */
  get raw(): string {
    return this.#text
  }

  toString(): string {
    return this.#done + alignTabs(this.#text, { padding: 2 })
  }
}

type StringMap = Readonly<Record<string, string>> | undefined

/** `key=value`, one a line under the title. */
export function labelLines(out: DescribeWriter, title: string, map: StringMap, skip: readonly string[] = [], indent = '\t'): void {
  const keys = Object.keys(map ?? {}).filter((k) => !skip.includes(k)).sort()
  if (keys.length === 0) {
    out.line(0, `${title}:${indent}<none>`)
    return
  }
  keys.forEach((key, i) => out.line(0, `${i === 0 ? `${title}:` : ''}${indent}${key}=${map![key]!}`))
}

const longest = 140
const shorten = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}...` : text)

/** `key: value`; long or many-lined values start on a line of their own. The last applied configuration is left out. */
export function annotationLines(out: DescribeWriter, title: string, map: StringMap): void {
  const keys = Object.keys(map ?? {}).filter((k) => k !== 'kubectl.kubernetes.io/last-applied-configuration').sort()
  if (keys.length === 0) {
    out.line(0, `${title}:\t<none>`)
    return
  }
  keys.forEach((key, i) => {
    const head = i === 0 ? `${title}:\t` : '\t'
    const value = map![key]!.replace(/\n$/, '')
    if (value.length + key.length + 2 > longest || value.includes('\n')) {
      out.line(0, `${head}${key}:`)
      for (const line of value.split('\n')) out.line(0, `\t  ${shorten(line, longest - 2)}`)
    } else out.line(0, `${head}${key}: ${value}`)
  })
}
