/** `--help`: usage, subcommands and flags from the command table. Descriptions and examples are not part of the facts and are left out. */
import { commandTable } from '../generated/commands.ts'
import { flagsOf } from './flags.ts'

const groupOrder = ['Basic Commands (Beginner)', 'Basic Commands (Intermediate)', 'Deploy Commands', 'Cluster Management Commands', 'Troubleshooting and Debugging Commands', 'Advanced Commands', 'Settings Commands', 'Subcommands provided by plugins', 'Other Commands', 'Available Commands']

/** Names of subcommands in the order in which kubectl registers their groups. */
export function subcommandGroups(path: string): readonly (readonly [string, readonly string[]])[] {
  const groups = Object.entries(commandTable[path]?.subcommands ?? {})
  return groups.sort(([a], [b]) => groupOrder.indexOf(a) - groupOrder.indexOf(b))
}

function shownDefault(type: string, value: string): string {
  return type === 'string' ? `'${value}'` : value
}

export function helpOf(path: string): string {
  const command = commandTable[path]
  if (!command) return ''
  const out: string[] = []
  if (path === 'kubectl') out.push('kubectl controls the Kubernetes cluster manager.', '', ' Find more information at: https://kubernetes.io/docs/reference/kubectl/', '')
  if (command.aliases?.length) out.push('Aliases:', [path.split(' ').at(-1)!, ...command.aliases].join(', '), '')
  for (const [title, names] of subcommandGroups(path)) out.push(`${title || 'Available Commands'}:`, ...names.map((n) => `  ${n}`), '')
  const own = flagsOf(path).filter((f) => !f.persistent && !f.hidden && f.name !== 'help' && f.deprecated === undefined)
  if (own.length > 0) {
    out.push('Options:')
    for (const f of [...own].sort((a, b) => (a.name < b.name ? -1 : 1))) out.push(`    ${f.shorthand ? `-${f.shorthand}, ` : ''}--${f.name}=${shownDefault(f.type, f.default)}`)
    out.push('')
  }
  if (path === 'kubectl') out.push('Usage:', '  kubectl [flags] [options]', '')
  else out.push('Usage:', `  ${command.use}${command.subcommands || command.use.includes('[options]') ? '' : ' [options]'}`, '')
  if (command.subcommands) out.push(`Use "${path} <command> --help" for more information about a given command.`)
  out.push('Use "kubectl options" for a list of global command-line options (applies to all commands).', '')
  return out.join('\n')
}
