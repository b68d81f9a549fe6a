/** `ipset` 7.17 over the namespace's sets. Leaves out: timeouts, counters, comments, swap. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { IptablesError } from '#engine/net/error.ts'
import { NetError } from '#engine/net/error.ts'
import type { IpSets } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, say } from './support.ts'

const errors: Readonly<Record<string, string>> = {
  missing: 'The set with the given name does not exist', exists: 'Set cannot be created: set with the same name already exists', busy: 'Set cannot be destroyed: it is in use by a kernel component',
  there: "Element cannot be added to the set: it's already added", gone: "Element cannot be deleted from the set: it's not added",
}

const revisions: Readonly<Record<string, number>> = { 'hash:ip': 6, 'hash:net': 8, 'hash:ip,port': 7, 'hash:ip,port,ip': 7, 'hash:ip,port,net': 9, 'bitmap:port': 3, 'list:set': 3 }

class Refused extends Error {}

function headerOf(sets: IpSets, name: string): string {
  const type = sets.type(name)
  if (type === 'bitmap:port') return 'range 0-65535'
  if (type === 'list:set') return 'size 8'
  return `family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x${seed(name)}`
}

/** The hash's start value is random in the kernel; here it follows the name. */
function seed(name: string): string {
  let h = 0x811c9dc5
  for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}

function sizeOf(sets: IpSets, name: string): number {
  const base = sets.type(name) === 'hash:ip' ? 216 : sets.type(name) === 'bitmap:port' ? 8264 : 216
  return sets.entries(name).length === 0 ? base : base + 40 + Math.max(0, sets.entries(name).length - 1) * 8 + (sets.type(name) === 'hash:ip' ? 0 : 8)
}

function need(sets: IpSets, name: string): string {
  if (!sets.names.includes(name)) throw new Refused(errors['missing'])
  return name
}

function describe(sets: IpSets, name: string): string {
  const entries = sets.entries(name)
  return `Name: ${name}\nType: ${sets.type(name)}\nRevision: ${revisions[sets.type(name) ?? ''] ?? 6}\nHeader: ${headerOf(sets, name)}\nSize in memory: ${sizeOf(sets, name)}\nReferences: ${sets.references(name)}\nNumber of entries: ${entries.length}\nMembers:\n${entries.map((e) => e + '\n').join('')}`
}

function saved(sets: IpSets, name: string): string {
  return `create ${name} ${sets.type(name)} ${headerOf(sets, name)}\n${sets.entries(name).map((e) => `add ${name} ${e}\n`).join('')}`
}

type Step = { readonly out?: string; readonly err?: string; readonly code?: number }

type Verb = (sets: IpSets, words: { readonly name: string | undefined; readonly entry: string | undefined; readonly rest: readonly string[] }, exist: boolean) => Step

/** The set that is named, or all. */
const chosen = (sets: IpSets, name: string | undefined) => (name === undefined ? sets.names : [need(sets, name)])

const verbs: NameTable<Verb> = nameTable<Verb>({
  'create n -N': (sets, { name, entry, rest }, exist) => {
    const type = entry as Parameters<IpSets['create']>[1]
    if (!Object.hasOwn(revisions, type ?? '')) throw new Refused(`Syntax error: unknown settype ${entry}`)
    if (sets.names.includes(name!)) {
      if (exist) return {}
      throw new Refused(errors['exists'])
    }
    const range = rest[rest.indexOf('range') + 1]?.split('-').map(Number)
    sets.create(name!, type, ...(rest.includes('range') ? [{ range: [range![0]!, range![1]!] as const }] : []))
    return {}
  },
  'add -A': (sets, { name, entry }, exist) => {
    need(sets, name!)
    if (sets.test(name!, entry!) && sets.entries(name!).includes(entry!)) {
      if (exist) return {}
      throw new Refused(errors['there'])
    }
    sets.add(name!, entry!)
    return {}
  },
  'del -D': (sets, { name, entry }, exist) => {
    need(sets, name!)
    if (!sets.test(name!, entry!)) {
      if (exist) return {}
      throw new Refused(errors['gone'])
    }
    sets.delete(name!, entry!)
    return {}
  },
  'test -T': (sets, { name, entry }) => {
    const inside = sets.test(need(sets, name!), entry!)
    return { err: inside ? `${entry} is in set ${name}.\n` : `${entry} is NOT in set ${name}.\n`, code: inside ? 0 : 1 }
  },
  'destroy x -X': (sets, { name }) => {
    for (const n of chosen(sets, name)) {
      if (sets.references(n) > 0) throw new Refused(errors['busy'])
      sets.destroy(n)
    }
    return {}
  },
  'flush -F': (sets, { name }) => {
    for (const n of chosen(sets, name)) sets.setEntries(n, [])
    return {}
  },
  'save -S': (sets, { name }) => ({ out: chosen(sets, name).map((n) => saved(sets, n)).join('') }),
  version: () => ({ out: 'ipset v7.17, protocol version: 7\n' }),
})

function run(sets: IpSets, args: readonly string[], exist: boolean): Step {
  const [verb, name, entry, ...rest] = args
  const known = verbs.get(verb ?? '')
  if (!known) throw new Refused(`No command specified: unknown argument ${verb}`)
  return known(sets, { name, entry, rest }, exist)
}

export const ipset: Program = async (p: Process) => {
  const flags = ['-exist', '-!', '--exist', '-quiet', '-q', '-name', '-n', '-terse', '-t', '-sorted', '-s', '-o', '-output']
  const given = p.argv.slice(1)
  const args = given.filter((a, i) => !(flags.includes(a) && !(a === '-n' && i === 0)) && !(given[i - 1] === '-o' || given[i - 1] === '-output'))
  const exist = given.some((a) => a === '-exist' || a === '-!' || a === '--exist')
  const quiet = given.some((a) => a === '-quiet' || a === '-q')
  const sets = p.net.netfilter.ipsets
  try {
    if (!p.can('NET_ADMIN')) throw new Refused('Kernel error received: Operation not permitted')
    if (args.length === 0) throw new Refused("No command specified.\nTry `ipset help' for more information.")
    if (args[0] === 'list' || args[0] === '-L') {
      const names = args[1] === undefined ? sets.names : [need(sets, args[1])]
      if (given.includes('-n') || given.includes('-name')) await say(p, names.map((n) => n + '\n').join(''))
      else if (given.includes('-o') && given[given.indexOf('-o') + 1] === 'save') await say(p, names.map((n) => saved(sets, n)).join(''))
      else await say(p, names.map((n) => (given.includes('-t') || given.includes('-terse') ? describe(sets, n).replace(/Members:[\s\S]*/, '') : describe(sets, n))).join('\n'))
      return 0
    }
    if (args[0] === 'restore' || args[0] === '-R') {
      for (const [i, line] of (await p.stdin.readAll()).split('\n').entries()) {
        const words = line.trim().split(/\s+/)
        if (words[0] === '' || words[0]!.startsWith('#')) continue
        try {
          run(sets, words.filter((w) => w !== '-exist'), exist || words.includes('-exist'))
        } catch (error) {
          if (error instanceof Refused) throw new Refused(`Error in line ${i + 1}: ${error.message}`)
          throw error
        }
      }
      return 0
    }
    const step = run(sets, args, exist)
    if (step.out !== undefined) await say(p, step.out)
    if (step.err !== undefined && !quiet) await complain(p, step.err)
    return step.code ?? 0
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof NetError) && !(error instanceof IptablesError)) throw error
    if (!quiet) await complain(p, error instanceof IptablesError ? error.message + '\n' : `ipset v7.17: ${error.message}\n`)
    return error instanceof IptablesError ? error.exitCode : 1
  }
}
