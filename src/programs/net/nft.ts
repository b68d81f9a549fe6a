/**
 * `nft` 1.0.6: options, where the commands come from, and its messages. The language and the tables are the engine's (net/nft); what iptables has
 * made is shown by nft-foreign.ts. Leaves out: the interactive mode, monitor, optimizing.
 */
import { NftError } from '#engine/net/nft/lexer.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import { foreignCommand, foreignTables } from './nft-foreign.ts'
import { problemText } from './nft-errors.ts'
import { complain, say } from './support.ts'

const version = 'nftables v1.0.6 (Lester Gooch #5)\n'

const usage = `Usage: nft [ options ] [ cmds... ]

Options (general):
  -h, --help                      Show this help
  -v, --version                   Show version information
  -V                              Show extended version information

Options (ruleset input handling):
  -f, --file <filename>           Read input from <filename>
  -D, --define <name=value>       Define variable, e.g. --define foo=1.2.3.4
  -i, --interactive               Read input from interactive CLI
  -I, --includepath <directory>   Add <directory> to the paths searched for include files. Default is: /etc
  -c, --check                     Check commands validity without actually applying the changes.
  -o, --optimize                  Optimize ruleset

Options (ruleset list formatting):
  -a, --handle                    Output rule handle.
  -s, --stateless                 Omit stateful information of ruleset.
  -t, --terse                     Omit contents of sets.
  -S, --service                   Translate ports to service names as described in /etc/services.
  -N, --reversedns                Translate IP addresses to names.
  -u, --guid                      Print UID/GID as defined in /etc/passwd and /etc/group.
  -n, --numeric                   Print fully numerical output.
  -y, --numeric-priority          Print chain priority numerically.
  -p, --numeric-protocol          Print layer 4 protocols numerically.
  -T, --numeric-time              Print time values numerically.

Options (command output formatting):
  -e, --echo                      Echo what has been added, inserted or replaced.
  -j, --json                      Format output in JSON
  -d, --debug <level [,level...]> Specify debugging level (scanner, parser, eval, netlink, mnl, proto-ctx, segtree, all)

`

const long: Readonly<Record<string, string>> = {
  help: 'h', version: 'v', file: 'f', define: 'D', interactive: 'i', includepath: 'I', check: 'c', optimize: 'o', handle: 'a', stateless: 's', terse: 't', service: 'S', reversedns: 'N', guid: 'u', numeric: 'n',
  'numeric-priority': 'y', 'numeric-protocol': 'p', 'numeric-time': 'T', echo: 'e', json: 'j', debug: 'd',
}
const withValue = new Set(['f', 'D', 'I', 'd'])

interface Options {
  readonly letters: ReadonlySet<string>
  readonly file: string | undefined
  readonly defines: readonly string[]
  readonly words: readonly string[]
}

function readOptions(argv: readonly string[]): Options | string {
  const letters = new Set<string>()
  let file: string | undefined
  const defines: string[] = []
  let i = 0
  for (; i < argv.length; i++) {
    const arg = argv[i]!
    if (!arg.startsWith('-') || arg === '-') break
    const [name, given] = arg.startsWith('--') ? arg.slice(2).split(/=(.*)/s) : [undefined, undefined]
    if (name !== undefined && long[name] === undefined) return `nft: unrecognized option '${arg}'\n`
    const cluster = name === undefined ? arg.slice(1) : long[name]!
    for (let k = 0; k < cluster.length; k++) {
      const letter = cluster[k]!
      if (!'hvVfDiIcoastSNunypTejd'.includes(letter)) return `nft: invalid option -- '${letter}'\n`
      letters.add(letter)
      if (!withValue.has(letter)) continue
      const value = given ?? (k + 1 < cluster.length ? cluster.slice(k + 1) : argv[++i])
      if (value === undefined) return name === undefined ? `nft: option requires an argument -- '${letter}'\n` : `nft: option '--${name}' requires an argument\n`
      if (letter === 'f') file = value
      if (letter === 'D') defines.push(value)
      break
    }
  }
  const words = argv.slice(i)
  const late = words.findIndex((w) => /^-[A-Za-z-]/.test(w))
  if (late >= 0) {
    const head = `nft ${[...argv.slice(0, i), ...words.slice(0, late)].join(' ')} `
    return `Error: syntax error, options must be specified before commands\n${['nft', ...argv].join(' ')} \n   ^${' '.repeat(Math.max(0, head.length - 4))}${'~'.repeat(words[late]!.length)}\n`
  }
  return { letters, file, defines, words }
}

interface Input {
  readonly text: string
  /** Named in messages; undefined for the command line. */
  readonly file: string | undefined
}

async function readInput(p: Process, o: Options): Promise<Input | string> {
  const defines = o.defines.map((d) => `define ${d.replace('=', ' = ')}\n`).join('')
  if (o.file === undefined) return { text: `${defines}${o.words.join(' ')}\n`, file: undefined }
  if (o.file === '-' || o.file === '/dev/stdin') return { text: defines + (await p.stdin.readAll()), file: '/dev/stdin' }
  try {
    return { text: defines + p.fs.readFile(o.file), file: o.file }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return `internal:0:0-0: Error: Could not open file "${o.file}": ${strerror(error.code)}\n\n\n`
  }
}

export const nft: Program = async (p) => {
  const o = readOptions(p.argv.slice(1))
  if (typeof o === 'string') {
    await complain(p, o)
    return 1
  }
  if (o.letters.has('h')) {
    await say(p, usage)
    return 0
  }
  if (o.letters.has('v') || o.letters.has('V')) {
    await say(p, o.letters.has('V') ? `${version}  cli:\t\teditline\n  json:\t\tyes\n  minigmp:\tno\n  libxtables:\tyes\n` : version)
    return 0
  }
  if (o.words.length === 0 && o.file === undefined) {
    await complain(p, 'nft: no command specified\n')
    return 1
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, o.words[0] === 'list' ? 'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n' : 'Operation not permitted (you must be root)\n')
    return 1
  }
  const input = await readInput(p, o)
  if (typeof input === 'string') {
    await complain(p, input)
    return 1
  }
  const has = (letter: string) => o.letters.has(letter)
  const foreign = foreignTables(p, { handles: has('a') })
  try {
    const about = has('j') ? undefined : foreignCommand(p, o.words, { handles: has('a') })
    if (about) {
      await complain(p, about.warnings)
      await say(p, about.text)
      return 0
    }
    const output = p.net.nftables.run(input.text, {
      handles: has('a'), stateless: has('s'), terse: has('t'), numericPriority: has('y') || has('n'), check: has('c'), json: has('j'), echo: has('e'), foreign,
    })
    if (!has('j') && /^\s*list\s+ruleset/.test(input.text)) await complain(p, foreign.map((t) => t.warning).join(''))
    await say(p, has('e') && output !== '' ? `${output}# new generation ${p.net.nftables.generation} by process ${p.pid} (nft)\n` : output)
    return 0
  } catch (error) {
    if (!(error instanceof NftError)) throw error
    await complain(p, error.problems.map((problem) => problemText(problem, input.text, input.file)).join(''))
    return 1
  }
}
