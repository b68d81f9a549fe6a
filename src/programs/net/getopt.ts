/** getopt_long(3): short options in clusters, long ones by unambiguous prefix, operands anywhere unless told otherwise. */
export interface ParsedOptions {
  /** In the order given; long options by their whole name, short ones by their letter. */
  readonly options: readonly (readonly [name: string, value: string | undefined])[]
  readonly operands: readonly string[]
  /** glibc's complaint without the program's name. */
  readonly error?: string
  has(...names: string[]): boolean
  /** The last value given. */
  get(...names: string[]): string | undefined
  all(...names: string[]): string[]
}

/** `short` as getopt's optstring (`ab:c::`; a leading `+` stops at the first operand). `long`: name → `''`, `':'` or `'::'`. */
export function getopt(args: readonly string[], short: string, long: Readonly<Record<string, '' | ':' | '::'>> = {}): ParsedOptions {
  const options: [string, string | undefined][] = []
  const operands: string[] = []
  const stop = short.startsWith('+')
  let error: string | undefined
  let i = 0
  for (; i < args.length && error === undefined; i++) {
    const arg = args[i]!
    if (arg === '--') {
      i++
      break
    }
    if (arg.startsWith('--')) {
      const eq = arg.indexOf('=')
      const given = eq < 0 ? arg.slice(2) : arg.slice(2, eq)
      const matches = Object.hasOwn(long, given) ? [given] : Object.keys(long).filter((name) => name.startsWith(given))
      if (matches.length === 0) error = `unrecognized option '--${given}'`
      else if (matches.length > 1) error = `option '--${given}' is ambiguous; possibilities: ${matches.map((m) => `'--${m}'`).join(' ')}`
      else {
        const name = matches[0]!
        const kind = long[name]!
        if (kind === '' && eq >= 0) error = `option '--${name}' doesn't allow an argument`
        else if (kind === ':' && eq < 0 && i + 1 >= args.length) error = `option '--${name}' requires an argument`
        else options.push([name, eq >= 0 ? arg.slice(eq + 1) : kind === ':' ? args[++i] : undefined])
      }
    } else if (arg.startsWith('-') && arg.length > 1) {
      for (let k = 1; k < arg.length; k++) {
        const letter = arg[k]!
        const at = letter === ':' ? -1 : short.indexOf(letter)
        if (at < 0) {
          error = `invalid option -- '${letter}'`
          break
        }
        if (short[at + 1] !== ':') {
          options.push([letter, undefined])
          continue
        }
        const rest = arg.slice(k + 1)
        if (rest !== '' || short[at + 2] === ':') options.push([letter, rest === '' ? undefined : rest])
        else if (i + 1 < args.length) options.push([letter, args[++i]])
        else error = `option requires an argument -- '${letter}'`
        break
      }
    } else if (stop) break
    else operands.push(arg)
  }
  operands.push(...args.slice(i))
  return {
    options, operands, ...(error !== undefined && { error }),
    has: (...names) => options.some(([n]) => names.includes(n)),
    get: (...names) => options.findLast(([n]) => names.includes(n))?.[1],
    all: (...names) => options.filter(([n]) => names.includes(n)).map(([, v]) => v ?? ''),
  }
}
