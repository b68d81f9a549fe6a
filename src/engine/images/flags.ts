/** Command lines of Go daemons: `--name=value`, `--name value`, `--flag`. */
export interface Flags {
  get(name: string): string | undefined
  /** The first flag that is not known, as typed without its value. */
  unknown(known: ReadonlySet<string>): string | undefined
  readonly arguments: readonly string[]
}

export function goFlags(argv: readonly string[]): Flags {
  const values = new Map<string, string>()
  const rest: string[] = []
  for (let i = 1; i < argv.length; i++) {
    const match = /^--?([A-Za-z][\w.-]*)(?:=(.*))?$/s.exec(argv[i]!)
    if (!match) {
      rest.push(argv[i]!)
      continue
    }
    const [, name = '', value] = match
    const next = argv[i + 1]
    if (value !== undefined) values.set(name, value)
    else if (next !== undefined && !next.startsWith('-')) {
      values.set(name, next)
      i++
    } else values.set(name, 'true')
  }
  return {
    get: (name) => values.get(name),
    unknown: (known) => [...values.keys()].find((name) => !known.has(name)),
    arguments: rest,
  }
}
