/** The `kubedrill` command. Each subcommand is a row: its usage line, what it does, and the function that runs it. */
import { lab } from './commands/lab.ts'
import { serve } from './commands/serve.ts'
import { shell } from './commands/shell.ts'
import { transcript } from './commands/transcript.ts'

interface Subcommand {
  readonly usage: string
  readonly about: string
  run(args: readonly string[]): Promise<number>
}

const subcommands: ReadonlyMap<string, Subcommand> = new Map([
  ['shell', { usage: 'shell [--cluster NAME] [SCRIPT]', about: 'a terminal on the workstation of a new cluster; with SCRIPT, runs it and exits with its code', run: shell }],
  ['lab', { usage: 'lab list | show ID | prove [ID]', about: 'the labs, one of them, or the proof that start, solution and wrong answers are judged rightly', run: lab }],
  ['serve', { usage: 'serve [--port N]', about: 'serves the app on 127.0.0.1 and prints its address', run: serve }],
  ['transcript', { usage: 'transcript [--cluster NAME]', about: 'JSON lines on standard input, {"cmd"}, {"sleep"} or {"file"}; answers each with {"stdout","stderr","exit"}', run: transcript }],
])

function usage(): string {
  return ['Usage: kubedrill COMMAND', '', ...[...subcommands.values()].map((s) => `  ${s.usage.padEnd(36)} ${s.about}`), ''].join('\n')
}

const [name, ...args] = process.argv.slice(2)
const subcommand = subcommands.get(name ?? '')
if (!subcommand) {
  const wanted = name === undefined || name === '--help' || name === '-h' || name === 'help'
  ;(wanted ? process.stdout : process.stderr).write(wanted ? usage() : `kubedrill: unknown command "${name}"\n\n${usage()}`)
  process.exit(wanted ? 0 : 2)
}
try {
  process.exitCode = await subcommand.run(args)
} catch (error) {
  process.stderr.write(`kubedrill ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
