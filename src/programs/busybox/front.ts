/**
 * A busybox applet made of the program that does the same on a big system: its options are those of the applet's usage text, what it
 * lacks is told by the usage, and complaints are put into busybox's words line by line on their way to standard error.
 */
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import { appletName, showUsage, usageText } from './banner.ts'
import { optionsOf, parse, type Parsed } from './options.ts'

/** A complaint of the big program and what busybox says; undefined: nothing. */
export type Rule = readonly [pattern: RegExp, text: string | ((...parts: string[]) => string | undefined) | undefined]

export interface Front {
  readonly program: Program
  /** Operands that must be there. */
  readonly least?: number | ((o: Parsed) => number)
  /** Reads its own command line: options are not looked at. */
  readonly free?: boolean
  /** The first operand ends the options. */
  readonly stop?: boolean
  readonly digits?: boolean
  /** Exit code of usage errors. */
  readonly code?: number
  readonly rules?: readonly Rule[]
  /** Exit codes of the big program and what busybox gives. */
  readonly exits?: Readonly<Record<number, number>>
  /** The command line of the big program. */
  readonly args?: (args: readonly string[], o: Parsed) => readonly string[]
}

/** Words of GNU's tools that all of them share. */
const common: readonly Rule[] = [
  [/^(?:.*: )?Try '.*' for more information\.$/, undefined],
  [/^(\w+): cannot open '(.*)' for reading: (.*)$/, (_, name, file, why) => `${name}: can't open '${file}': ${why}`],
  [/^(\w+): cannot (?:access|stat|statx|touch) '(.*)': (.*)$/, (_, name, file, why) => `${name}: ${file}: ${why}`],
  [/^(\w+): cannot (.*)$/, (_, name, rest) => `${name}: can't ${rest!.replace(/‘(.*?)’/g, "'$1'")}`],
]

/** In a rule's text: the banner and the usage. */
export const usageMark = '\0usage'

/** The process with its standard error read line by line. */
export function withRules(p: Process, rules: readonly Rule[]): { readonly process: Process; flush(): Promise<void> } {
  let held = ''
  const rephrase = (line: string): string | undefined => {
    for (const [pattern, text] of rules) {
      const m = pattern.exec(line)
      if (!m) continue
      if (text === undefined) return undefined
      return typeof text === 'string' ? line.replace(pattern, text) : text(...m)
    }
    return line.replace(/‘(.*?)’/g, "'$1'")
  }
  const write = async (text: string) => {
    held += text
    const end = held.lastIndexOf('\n') + 1
    if (end === 0) return
    const lines = held.slice(0, end - 1).split('\n').map(rephrase).filter((l) => l !== undefined)
    held = held.slice(end)
    if (lines.length > 0) await p.stderr.write(lines.join('\n').replace(usageMark, () => usageText(p)) + '\n')
  }
  const stderr = facade(() => p.stderr, { write })
  return {
    process: facade<Process>(() => p, { get stderr() {
      return stderr
    } }),
    flush: () => (held === '' ? Promise.resolve() : write('\n')),
  }
}

/** An object with some members of its own and all others of the one behind it. */
export function facade<T extends object>(behind: () => T, own: Partial<T>): T {
  return new Proxy({} as T, {
    get(_, key) {
      if (key in own) return own[key as keyof T]
      const target = behind()
      const value = Reflect.get(target, key, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (_, key, value) => Reflect.set(behind(), key, value),
    has: (_, key) => key in behind(),
  })
}

export function front(f: Front): Program {
  const rules = [...(f.rules ?? []), ...common]
  return async (p) => {
    const args = p.argv.slice(1)
    if (args.includes('--help') && !f.free) return showUsage(p, undefined, 0)
    const name = appletName(p)
    const o: Parsed = f.free ? { options: new Set(), values: new Map(), operands: args } : parse(p, optionsOf(name), args, f)
    if (o.error !== undefined) return showUsage(p, o.error, f.code)
    const least = typeof f.least === 'function' ? f.least(o) : (f.least ?? 0)
    if (o.operands.length < least) return showUsage(p, undefined, f.code)
    const { process, flush } = withRules(p, rules)
    const argv = [name, ...(f.args ? f.args(args, o) : args)]
    const code = await f.program(facade<Process>(() => process, { argv }))
    await flush()
    return f.exits?.[code] ?? code
  }
}

export type { OpenFile }
