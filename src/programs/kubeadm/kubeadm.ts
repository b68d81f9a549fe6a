/**
 * kubeadm 1.35 as a program: finds the command, reads its flags, runs it, says what failed as it does. What it writes is in engine/kubeadm, shared with the boot
 * of our clusters. Left out: --rootfs, verbose logs, `completion`, `alpha`.
 */
import type { Process, Program } from '#engine/machine/process.ts'
import { klogHead } from './klog.ts'
import { certsCommands, renewCertificates } from './certs-commands.ts'
import { configCommands } from './config-commands.ts'
import { findCommand, ParsedFlags } from './flags.ts'
import { commandTable } from './generated/commands.ts'
import { helpOf } from './help.ts'
import { runInit } from './init.ts'
import { runJoin } from './join.ts'
import { packageVersion } from './packages.ts'
import { runReset } from './reset.ts'
import { Failure, isExpected, type Run } from './run.ts'
import { tokenCommands } from './token.ts'
import { upgradeCommands } from './upgrade/commands.ts'

type Command = (run: Run) => Promise<void>

const commands: Readonly<Record<string, Command>> = { ...configCommands, ...tokenCommands, ...certsCommands, ...upgradeCommands }

/** Commands by the beginning of their path. */
const families: readonly (readonly [string, Command])[] = [['kubeadm init', runInit], ['kubeadm join', runJoin], ['kubeadm reset', runReset], ['kubeadm certs renew ', renewCertificates], ['kubeadm upgrade apply', upgradeCommands['kubeadm upgrade apply']!], ['kubeadm upgrade node', upgradeCommands['kubeadm upgrade node']!]]

function commandOf(path: string): Command | undefined {
  return commands[path] ?? families.find(([start]) => (start.endsWith(' ') ? path.startsWith(start) : path === start || path.startsWith(`${start} phase `)))?.[1]
}

/** How many arguments a command takes, in cobra's words. */
const anyArguments = new Set(['kubeadm token create', 'kubeadm token delete', 'kubeadm join', 'kubeadm upgrade apply', 'kubeadm upgrade plan', 'kubeadm upgrade diff', 'kubeadm help', 'kubeadm completion'])

async function dispatch(process: Process, words: readonly string[], version: string): Promise<void> {
  const help = words[0] === 'help'
  const { path, words: rest } = findCommand(help ? words.slice(1) : words)
  if (help) return void (await process.stdout.write(helpOf(path)))
  const flags = new ParsedFlags(path, rest)
  const entry = commandTable[path]!
  if (flags.bool('help') || (path === 'kubeadm' && flags.args.length === 0)) return void (await process.stdout.write(helpOf(path)))
  const command = commandOf(path)
  const parent = entry.subcommands !== undefined && !command
  const args = flags.args
  if (args.length > 0 && !anyArguments.has(path) && !path.startsWith('kubeadm upgrade apply phase ')) throw new Failure(`unknown command ${JSON.stringify(args[0])} for ${JSON.stringify(path)}`)
  if (path === 'kubeadm join' && args.length > 1) throw new Failure(`accepts at most 1 arg(s), received ${args.length}`)
  if (parent || (path.endsWith(' phase') && entry.subcommands)) {
    await process.stdout.write(helpOf(path))
    throw new Failure('\nerror: subcommand is required')
  }
  if (!command) throw new Failure(`${path} is not simulated here`)
  const run: Run = {
    process, fs: process.fs, path, flags, args, version, random: process.machine.sim.random.fork('kubeadm'),
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    warn: (where, message) => process.stderr.write(`${klogHead('W', process.now(), process.pid, where)}${message}\n`),
  }
  await command(run)
}

export const kubeadm: Program = async (process) => {
  await process.sleep(40)
  const version = packageVersion(process.fs, 'kubeadm') ?? 'v1.35.4'
  try {
    await dispatch(process, process.argv.slice(1), version)
    return 0
  } catch (error) {
    if (!isExpected(error)) throw error
    await process.stderr.write(`error: ${error.message}\nTo see the stack trace of this error execute with --v=5 or higher\n`)
    return error instanceof Failure ? error.code : 1
  }
}
