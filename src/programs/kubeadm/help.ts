/** Help as cobra prints it from the command table. */
import { commandTable, flagTable } from './generated/commands.ts'

function flagLines(names: string): string {
  const rows = names.split(' ').map((key) => {
    const [short, type, usage] = flagTable[key]!
    const [, kind = '', optional = ''] = /^(.*?)(\[=.*\])?$/.exec(type)!
    return { head: `  ${short ? `-${short}, ` : '    '}--${key.replace(/#.*/, '')}${optional}${kind ? ` ${kind}` : ''}`, usage }
  })
  const width = Math.max(...rows.map((r) => r.head.length)) + 3
  return rows.map((r) => (r.head.padEnd(width) + r.usage.replaceAll('\n', '\n' + ' '.repeat(width))).trimEnd()).join('\n')
}

/** What `--help` prints. */
export function helpOf(path: string): string {
  const entry = commandTable[path]!
  const parts = [entry.long === '' ? '' : `${entry.long}\n\n`, 'Usage:']
  if (entry.use) parts.push(`\n  ${entry.use}`)
  if (entry.subcommands) parts.push(`\n  ${path} [command]`)
  if (entry.aliases) parts.push(`\n\nAliases:\n  ${[path.split(' ').at(-1)!, ...entry.aliases].join(', ')}`)
  if (entry.example !== undefined) parts.push(`\n\nExamples:\n${entry.example}`)
  if (entry.subcommands) {
    const width = Math.max(11, ...Object.keys(entry.subcommands).map((n) => n.length))
    parts.push('\n\nAvailable Commands:', ...Object.entries(entry.subcommands).map(([name, short]) => `\n  ${name.padEnd(width)} ${short}`))
  }
  if (entry.flags) parts.push(`\n\nFlags:\n${flagLines(entry.flags)}`)
  if (entry.global) parts.push(`\n\nGlobal Flags:\n${flagLines(entry.global)}`)
  if (entry.topics) parts.push(`\n\nAdditional help topics:\n${entry.topics}`)
  if (entry.subcommands) parts.push(`\n\nUse "${path} [command] --help" for more information about a command.`)
  return `${parts.join('')}\n`
}
