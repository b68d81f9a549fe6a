/** `--help`: usage, subcommands and flags from the command table; texts from recorded screens, and for other commands in our own words. */
import { commandTable } from '../generated/commands.ts'
import { flagTexts, helpScreens } from '../generated/help.ts'
import { ownHelp, summaries } from './help-own.ts'
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

/** The whole help screen of a command. */
export function helpOf(path: string): string {
  const command = commandTable[path]
  if (!command) return ''
  const screen = helpScreens[path]
  const own = ownHelp[path]
  const long = path === 'kubectl' ? 'kubectl controls the Kubernetes cluster manager.\n\n Find more information at: https://kubernetes.io/docs/reference/kubectl/' : (screen?.long ?? own?.long ?? '')
  const sections: string[] = long === '' ? [] : [long]
  if (command.aliases?.length) sections.push(`Aliases:\n${[path.split(' ').at(-1)!, ...command.aliases].join(', ')}`)
  const examples = screen?.examples ?? own?.examples?.map(([what, line]) => `  # ${what}\n  ${line}`).join('\n  \n') ?? ''
  if (examples !== '') sections.push(`Examples:\n${examples}`)
  for (const [title, names] of subcommandGroups(path)) {
    const width = Math.max(...names.map((n) => n.length))
    const lines = names.map((n) => `  ${n.padEnd(width)}   ${path === 'kubectl' ? (summaries[n] ?? '') : (ownHelp[`${path} ${n}`]?.long ?? helpScreens[`${path} ${n}`]?.long ?? '').split('\n')[0]!.replace(/\.$/, '')}`.trimEnd())
    sections.push(`${title || 'Available Commands'}:\n${lines.join('\n')}`)
  }
  const flags = flagsOf(path).filter((f) => !f.persistent && !f.hidden && f.name !== 'help' && f.deprecated === undefined)
  if (flags.length > 0) {
    const lines = [...flags].sort((a, b) => (a.name < b.name ? -1 : 1)).map((f) => `    ${f.shorthand ? `-${f.shorthand}, ` : ''}--${f.name}=${shownDefault(f.type, f.default)}:\n\t${screen?.flags?.[f.name] ?? flagTexts[f.name] ?? ''}`.replace(/\n\t$/, '\n'))
    sections.push(`Options:\n${lines.join('\n\n')}`)
  }
  const plain = path === 'kubectl' || command.use.includes('[options]') || (command.subcommands !== undefined && command.flags === 'help')
  sections.push(`Usage:\n  ${command.use}${plain ? (path === 'kubectl' ? ' [options]' : '') : ' [options]'}`)
  const hints = [...(command.subcommands ? [`Use "${path} <command> --help" for more information about a given command.`] : []), 'Use "kubectl options" for a list of global command-line options (applies to all commands).']
  return `${[...sections, hints.join('\n')].join('\n\n')}\n`
}
