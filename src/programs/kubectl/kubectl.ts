/**
 * kubectl 1.35 as a program: finds the command, reads its flags, runs the verb, prints failures as kubectl does. Every request goes over the process's own
 * sockets (client/network.ts). Left out: plugins other than their error texts, kuberc, shell completion scripts for shells other than bash.
 */
import type { Process, Program } from '#engine/machine/process.ts'
import { findCommand } from './find.ts'
import { commandTable } from './generated/commands.ts'
import { dialNetwork } from './client/network.ts'
import { Aggregate, ApiError, ConfigInvalid, ConnectError, describeFailure, Failure } from './cli/errors.ts'
import { FlagError, Flags, flagsOf } from './cli/flags.ts'
import { helpOf } from './cli/help.ts'
import { Invocation, type Dial } from './cli/invocation.ts'
import { suggestionsFor } from './cli/suggest.ts'
import { completeWords } from './complete.ts'
import { verbs } from './verbs/index.ts'

/** Commands that need a subcommand and complain about anything else. */
const groups = new Set(['kubectl rollout', 'kubectl config', 'kubectl set', 'kubectl certificate', 'kubectl auth', 'kubectl top', 'kubectl create secret', 'kubectl create service', 'kubectl alpha', 'kubectl plugin', 'kubectl alpha kuberc'])

const deprecations: Readonly<Record<string, string>> = {
  record: '--record will be removed in the future',
  'cpu-percent': "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU).",
}

async function fail(process: Process, text: string, code = 1): Promise<number> {
  await process.stderr.write(text.endsWith('\n') || text === '' ? text : `${text}\n`)
  return code
}

export async function runKubectl(process: Process, dial: Dial): Promise<number> {
  const words = process.argv.slice(1)
  if (words[0] === '__complete' || words[0] === '__completeNoDesc') {
    const args = words.slice(1)
    const { candidates, directive } = await completeWords(process, args, dial)
    await process.stdout.write(candidates.map((c) => `${c}\n`).join('') + `:${directive}\n`)
    return 0
  }
  const { path, rest } = findCommand(words[0] === 'help' ? [...words.slice(1), '--help'] : words)
  if (path === 'kubectl') {
    const word = rest.find((w) => !w.startsWith('-'))
    if (words[0] === 'help' && word !== undefined) return fail(process, `Unknown help topic [\`${words.slice(1).join(' ')}\`].  Usage: kubectl help [command] [flags]`, 0)
    if (word !== undefined && word !== rest[0] && rest[0]!.startsWith('-') && !rest.includes('--help') && !rest.includes('-h')) return fail(process, `Error: flags cannot be placed before plugin name: ${rest[0]}`)
    if (word !== undefined) return fail(process, `error: unknown command "${word}" for "kubectl"\n${suggestionsFor(word)}`)
  }
  const flags = new Flags(flagsOf(path))
  let parsed
  try {
    parsed = flags.parse(rest)
  } catch (error) {
    if (!(error instanceof FlagError)) throw error
    return fail(process, `error: ${error.message}\nSee '${path} --help' for usage.`)
  }
  if (flags.bool('help') || path === 'kubectl' || (commandTable[path]?.subcommands && !verbs[path] && parsed.args.length === 0)) {
    await process.stdout.write(helpOf(path))
    return 0
  }
  for (const d of flags.definitions) if (d.deprecated !== undefined && flags.changed(d.name)) await process.stderr.write(`Flag --${d.name} has been deprecated, ${deprecations[d.name] ?? d.deprecated}\n`)
  const run = new Invocation(process, path, flags, parsed, dial)
  try {
    const required = flags.definitions.filter((d) => d.required && !flags.changed(d.name)).map((d) => `"${d.name}"`)
    if (required.length > 0) throw new Failure(`required flag(s) ${required.join(', ')} not set`)
    const verb = verbs[path]
    if (!verb) {
      if (groups.has(path) || commandTable[path]?.subcommands) throw new Failure(`unknown command "${parsed.args.join(' ')}"\nSee '${path} -h' for help and examples`)
      throw new Failure(`${path} is not simulated here`)
    }
    const code = await verb(run)
    if (flags.bool('warnings-as-errors') && run.warnings > 0) throw new Failure(`${run.warnings} warning${run.warnings === 1 ? '' : 's'} received`)
    return code ?? 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.name === 'ExitSignal' || error.name === 'ProcessExit' || !isExpected(error)) throw error
    const { text, code } = describeFailure(error)
    return fail(process, text, code)
  }
}


/** Bugs and the end of the process go on to whoever runs the program. */
function isExpected(error: Error): boolean {
  return error instanceof Failure || error instanceof ApiError || error instanceof ConnectError || error instanceof ConfigInvalid || error instanceof Aggregate
}

/** What a real kubectl takes to start: controllers get this long between two commands. */
const startup = 40

export const kubectl: Program = async (process) => {
  await process.sleep(startup)
  return runKubectl(process, dialNetwork)
}
