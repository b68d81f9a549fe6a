/** `ipset` 7.17 over the namespace's sets. Leaves out: timeouts, counters, comments. */
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

class Refused extends Error {
  /** 2 for mistakes in the command line, which are followed by a hint. */
  readonly code: number
  constructor(message?: string, code = 1) {
    super(code === 2 ? `${message}\nTry \`ipset help' for more information.` : message)
    this.code = code
  }
}

/** Options of `create` that are read and forgotten, with a value and without. */
const createValues = new Set(['family', 'hashsize', 'maxelem', 'netmask', 'timeout', 'range', 'size', 'bucketsize', 'initval', 'markmask', 'bitmask', 'probes', 'resize', 'from', 'to', 'network', 'gc'])
const createWords = new Set(['counters', 'comment', 'skbinfo', 'forceadd', 'nomatch', 'inet', 'inet6', '-4', '-6', 'wildcard'])

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
    if (!Object.hasOwn(revisions, type ?? '')) throw new Refused(`Syntax error: typename '${entry}' is unknown`)
    if (name!.length > 31) throw new Refused(`Syntax error: setname '${name}' is longer than 31 characters`)
    for (let i = 0; i < rest.length; i++) {
      if (createValues.has(rest[i]!)) i++
      else if (!createWords.has(rest[i]!)) throw new Refused(`Unknown argument: \`${rest[i]}'`, 2)
    }
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
  'rename e -E': (sets, { name, entry }) => {
    need(sets, name!)
    if (sets.names.includes(entry!)) throw new Refused('Set cannot be renamed: a set with the new name already exists')
    if (sets.references(name!) > 0) throw new Refused('Set cannot be renamed: it is in use by another system')
    const [type, entries] = [sets.type(name!) as Parameters<IpSets['create']>[1], [...sets.entries(name!)]]
    sets.destroy(name!)
    sets.create(entry!, type)
    sets.setEntries(entry!, entries)
    return {}
  },
  'swap w -W': (sets, { name, entry }) => {
    need(sets, name!)
    if (!sets.names.includes(entry!)) throw new Refused('Sets cannot be swapped: the second set does not exist')
    if (sets.type(name!) !== sets.type(entry!)) throw new Refused('The sets cannot be swapped: their type does not match')
    const [first, second] = [[...sets.entries(name!)], [...sets.entries(entry!)]]
    sets.setEntries(name!, second)
    sets.setEntries(entry!, first)
    return {}
  },
  'save -S': (sets, { name }) => ({ out: chosen(sets, name).map((n) => saved(sets, n)).join('') }),
  'version v -v --version': () => ({ out: 'ipset v7.17, protocol version: 7\n' }),
})

/** Words that a command cannot do without. */
const arity: Readonly<Record<string, number>> = { create: 2, n: 2, add: 2, del: 2, test: 2, rename: 2, swap: 2, e: 2, w: 2 }
const letters: Readonly<Record<string, string>> = { N: 'create', A: 'add', D: 'del', T: 'test', X: 'destroy', F: 'flush', S: 'save', E: 'rename', W: 'swap' }

function run(sets: IpSets, args: readonly string[], exist: boolean): Step {
  const [verb, name, entry, ...rest] = args
  const known = verbs.get(verb ?? '')
  if (!known) throw new Refused(`No command specified: unknown argument ${verb}`, 2)
  const wanted = arity[verb!.replace(/^-(\w)$/, (_, c: string) => letters[c] ?? c)] ?? 0
  const command = verb!.replace(/^-(\w)$/, (_, c: string) => letters[c] ?? c)
  if (wanted > 0 && name === undefined) throw new Refused(`Missing mandatory argument to command ${command}`, 2)
  if (wanted > 1 && entry === undefined) throw new Refused(`Missing second mandatory argument to command ${command}`, 2)
  return known(sets, { name, entry, rest }, exist)
}

const usage = `ipset v7.17

Usage: ipset [options] COMMAND

Commands:
create SETNAME TYPENAME [type-specific-options]
        Create a new set
add SETNAME ENTRY
        Add entry to the named set
del SETNAME ENTRY
        Delete entry from the named set
test SETNAME ENTRY
        Test entry in the named set
destroy [SETNAME]
        Destroy a named set or all sets
list [SETNAME]
        List the entries of a named set or all sets
save [SETNAME]
        Save the named set or all sets to stdout
restore 
        Restore a saved state
flush [SETNAME]
        Flush a named set or all sets
rename FROM-SETNAME TO-SETNAME
        Rename two sets
swap FROM-SETNAME TO-SETNAME
        Swap the contect of two existing sets
help [TYPENAME]
        Print help, and settype specific help
version 
        Print version information
quit 
        Quit interactive mode

Options:
-o plain|save|xml
       Specify output mode for listing sets.
       Default value for "list" command is mode "plain"
       and for "save" command is mode "save".
-s 
        Print elements sorted (if supported by the set type).
-q 
        Suppress any notice or warning message.
-r 
        Try to resolve IP addresses in the output (slow!)
-! 
        Ignore errors when creating or adding sets or
        elements that do exist or when deleting elements
        that don't exist.
-n 
        When listing, just list setnames from the kernel.

-t 
        When listing, list setnames and set headers
        from kernel only.
-f 
        Read from the given file instead of standard
        input (restore) or write to given file instead
        of standard output (list/save).

Supported set types:
    list:set		3	skbinfo support
    list:set		2	comment support
    list:set		1	counters support
    list:set		0	Initial revision
    hash:mac		1	bucketsize, initval support
    hash:mac		0	Initial revision
    hash:ip,mac		1	bucketsize, initval support
    hash:ip,mac		0	Initial revision
    hash:net,iface	8	bucketsize, initval support
    hash:net,iface	7	skbinfo and wildcard support
    hash:net,iface	6	skbinfo support
    hash:net,iface	5	forceadd support
    hash:net,iface	4	comment support
    hash:net,iface	3	counters support
    hash:net,iface	2	/0 network support
    hash:net,iface	1	nomatch flag support
    hash:net,iface	0	Initial revision
    hash:net,port	8	bucketsize, initval support
    hash:net,port	7	skbinfo support
    hash:net,port	6	forceadd support
    hash:net,port	5	comment support
    hash:net,port	4	counters support
    hash:net,port	3	nomatch flag support
    hash:net,port	2	Add/del range support
    hash:net,port	1	SCTP and UDPLITE support
    hash:net,port,net	3	bucketsize, initval support
    hash:net,port,net	2	skbinfo support
    hash:net,port,net	1	forceadd support
    hash:net,port,net	0	initial revision
    hash:net,net	4	netmask and bitmask support
    hash:net,net	3	bucketsize, initval support
    hash:net,net	2	skbinfo support
    hash:net,net	1	forceadd support
    hash:net,net	0	initial revision
    hash:net		7	bucketsize, initval support
    hash:net		6	skbinfo support
    hash:net		5	forceadd support
    hash:net		4	comment support
    hash:net		3	counters support
    hash:net		2	nomatch flag support
    hash:net		1	Add/del range support
    hash:net		0	Initial revision
    hash:ip,port,net	8	bucketsize, initval support
    hash:ip,port,net	7	skbinfo support
    hash:ip,port,net	6	forceadd support
    hash:ip,port,net	5	comment support
    hash:ip,port,net	4	counters support
    hash:ip,port,net	3	nomatch flag support
    hash:ip,port,net	2	Add/del range support
    hash:ip,port,net	1	SCTP and UDPLITE support
    hash:ip,port,ip	6	bucketsize, initval support
    hash:ip,port,ip	5	skbinfo support
    hash:ip,port,ip	4	forceadd support
    hash:ip,port,ip	3	comment support
    hash:ip,port,ip	2	counters support
    hash:ip,port,ip	1	SCTP and UDPLITE support
    hash:ip,mark	3	bucketsize, initval support
    hash:ip,mark	2	skbinfo support
    hash:ip,mark	1	forceadd support
    hash:ip,mark	0	initial revision
    hash:ip,port	7	netmask and bitmask support
    hash:ip,port	6	bucketsize, initval support
    hash:ip,port	5	skbinfo support
    hash:ip,port	4	forceadd support
    hash:ip,port	3	comment support
    hash:ip,port	2	counters support
    hash:ip,port	1	SCTP and UDPLITE support
    hash:ip		6	bitmask support
    hash:ip		5	bucketsize, initval support
    hash:ip		4	skbinfo support
    hash:ip		3	forceadd support
    hash:ip		2	comment support
    hash:ip		1	counters support
    hash:ip		0	Initial revision
    bitmap:port		3	skbinfo support
    bitmap:port		2	comment support
    bitmap:port		1	counters support
    bitmap:port		0	Initial revision
    bitmap:ip,mac	3	skbinfo support
    bitmap:ip,mac	2	comment support
    bitmap:ip,mac	1	counters support
    bitmap:ip,mac	0	Initial revision
    bitmap:ip		3	skbinfo support
    bitmap:ip		2	comment support
    bitmap:ip		1	counters support
    bitmap:ip		0	Initial revision
`

export const ipset: Program = async (p: Process) => {
  const flags = ['-exist', '-!', '--exist', '-quiet', '-q', '-name', '-n', '-terse', '-t', '-sorted', '-s', '-o', '-output']
  const given = p.argv.slice(1)
  const args = given.filter((a, i) => !(flags.includes(a) && !(a === '-n' && i === 0)) && !(given[i - 1] === '-o' || given[i - 1] === '-output'))
  const exist = given.some((a) => a === '-exist' || a === '-!' || a === '--exist')
  const quiet = given.some((a) => a === '-quiet' || a === '-q')
  const sets = p.net.netfilter.ipsets
  try {
    if (!p.can('NET_ADMIN')) throw new Refused('Kernel error received: Operation not permitted')
    if (args.length === 0) throw new Refused('No command specified.', 2)
    if (args[0] === 'help' || args[0] === '-h' || args[0] === '--help') {
      await say(p, usage)
      return 0
    }
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
          if (error instanceof Refused) throw error.code === 2 ? error : new Refused(`Error in line ${i + 1}: ${error.message}`)
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
    return error instanceof IptablesError ? error.exitCode : error instanceof Refused ? error.code : 1
  }
}
