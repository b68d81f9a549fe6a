/** Checks of files and command output on hosts and in pods. */
import type { Inspect } from '../inspect.ts'
import type { CheckOf } from '../schema/lab.ts'
import { outcome, type CheckOutcome } from './outcome.ts'

export async function file(demand: CheckOf<'file'>, inspect: Inspect): Promise<CheckOutcome> {
  const wants = [
    demand.exists ? 'exists' : 'does not exist',
    ...(demand.contains === undefined ? [] : [`contains "${demand.contains}"`]),
    ...(demand.matches === undefined ? [] : [`matches /${demand.matches}/`]),
    ...(demand.equals === undefined ? [] : [`is "${demand.equals.trim()}"`]),
  ]
  const expected = `${demand.path} on ${demand.host} ${wants.length > 1 && demand.exists ? wants.slice(1).join(' and ') : wants[0]}`
  const links = [{ kind: 'command' as const, command: `cat ${demand.path}` }]
  const text = await inspect.readFile(demand.host, demand.path)
  if (text === undefined) return outcome(!demand.exists, expected, 'there is no such file', { links })
  const pass =
    demand.exists &&
    (demand.contains === undefined || text.includes(demand.contains)) &&
    (demand.matches === undefined || new RegExp(demand.matches, 'm').test(text)) &&
    (demand.equals === undefined || text.trim() === demand.equals.trim())
  return outcome(pass, expected, pass ? 'so it is' : demand.exists ? 'its content is another' : 'the file is there', { evidence: text.split('\n').slice(0, 12), links })
}

export async function command(demand: CheckOf<'command'>, inspect: Inspect): Promise<CheckOutcome> {
  const wants = [`exits with ${demand.exit}`, ...(demand.contains === undefined ? [] : [`prints "${demand.contains}"`]), ...(demand.matches === undefined ? [] : [`prints what matches /${demand.matches}/`])]
  const expected = `on ${demand.on}: ${demand.run} ${wants.join(' and ')}`
  const result = await inspect.exec(demand.on, demand.run)
  const printed = result.stdout + result.stderr
  const pass = result.exit === demand.exit && (demand.contains === undefined || printed.includes(demand.contains)) && (demand.matches === undefined || new RegExp(demand.matches, 'm').test(printed))
  return outcome(pass, expected, `exit ${result.exit}${printed.trim() === '' ? ', nothing printed' : `: ${printed.trim().split('\n').at(-1)!.slice(0, 160)}`}`, {
    evidence: printed.split('\n').slice(0, 12),
    links: [{ kind: 'command', command: demand.run }],
  })
}
