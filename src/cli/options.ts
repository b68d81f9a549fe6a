/** Options of subcommands: `--name value` pairs taken out of the arguments; what is unknown is refused. */
export function takeOptions(args: readonly string[], known: readonly string[]): { readonly options: Readonly<Record<string, string>>; readonly rest: readonly string[] } {
  const options: Record<string, string> = {}
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!arg.startsWith('--') || arg === '--') {
      rest.push(arg)
      continue
    }
    const [name, inline] = arg.slice(2).split('=', 2) as [string, string | undefined]
    if (!known.includes(name)) throw new Error(`unknown option --${name}; known: ${known.map((k) => `--${k}`).join(', ')}`)
    const value = inline ?? args[++i]
    if (value === undefined) throw new Error(`--${name} needs a value`)
    options[name] = value
  }
  return { options, rest }
}
