/** apt-get and apt: update, install, upgrade, remove and what belongs to them. Texts are those of apt 2.6.1. */
import type { Process, Program } from '#engine/machine/process.ts'
import { cacheCommands } from './apt-cache.ts'
import { listPackages } from './apt-list.ts'
import { aptGetUsage, aptUsage } from './usage.ts'
import { AptError, fail, guarded, say, step } from './output.ts'
import { candidate, installed, offers, present, upgradable, type Offer } from './state.ts'
import { execute, withDependencies, type Options, type Plan } from './transaction.ts'
import { update } from './update.ts'
import { globPattern } from './versions.ts'

interface Flag {
  readonly set?: Partial<Options>
  /** It takes a word. */
  readonly takes?: boolean
}

const nothing: Flag = {}
const flags: Readonly<Record<string, Flag>> = {
  '-y': { set: { yes: true } }, '--yes': { set: { yes: true } }, '--assume-yes': { set: { yes: true } }, '-s': { set: { simulate: true } }, '--simulate': { set: { simulate: true } }, '--dry-run': { set: { simulate: true } }, '-d': { set: { downloadOnly: true } },
  '--download-only': { set: { downloadOnly: true } }, '-q': nothing, '--quiet': nothing, '-qq': { set: { quiet: true, yes: true } }, '--allow-change-held-packages': { set: { allowHeld: true } }, '--allow-downgrades': { set: { allowDowngrades: true } },
  '--force-yes': { set: { allowHeld: true, allowDowngrades: true, yes: true } }, '--reinstall': { set: { reinstall: true } }, '--only-upgrade': { set: { onlyUpgrade: true } }, '--no-install-recommends': nothing, '--install-recommends': nothing, '-f': nothing,
  '--fix-broken': nothing, '--fix-missing': nothing, '-m': nothing, '-V': nothing, '--purge': nothing, '--no-upgrade': nothing, '--allow-unauthenticated': nothing, '-o': { takes: true }, '--option': { takes: true }, '-t': { takes: true }, '--target-release': { takes: true },
  '-a': nothing, '--all-versions': nothing, '--installed': nothing, '--upgradable': nothing, '--upgradeable': nothing, '--auto-remove': nothing, '--autoremove': nothing,
}

interface Line {
  readonly command: string | undefined
  readonly words: readonly string[]
  readonly given: ReadonlySet<string>
  readonly options: Options
}

function parse(argv: readonly string[]): Line {
  const words: string[] = []
  const given = new Set<string>()
  let options: Options = { yes: false, simulate: false, downloadOnly: false, quiet: false, allowHeld: false, allowDowngrades: false, reinstall: false, onlyUpgrade: false }
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }
    const [name = ''] = word.split('=')
    const names = flags[name] || word.startsWith('--') ? [name] : [...word.slice(1)].map((c) => `-${c}`)
    for (const n of names) {
      const flag = flags[n]
      if (!flag) fail(word.startsWith('--') ? `Command line option ${word} is not understood in combination with the other options` : `Command line option '${n.slice(1)}' [from ${word}] is not understood in combination with the other options.`)
      given.add(n)
      options = { ...options, ...flag!.set }
      if (flag!.takes && !word.includes('=')) i++
    }
  }
  return { command: words[0], words: words.slice(1), given, options }
}

const emptyPlan: Plan = { install: [], remove: [], purge: false, asked: new Set(), kept: [], reinstalled: new Set() }

function lock(process: Process): void {
  if (process.user.uid !== 0) fail('Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)', 'Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?')
}

async function readLists(process: Process, options: Options): Promise<void> {
  if (options.quiet) return
  for (const what of ['Reading package lists', 'Building dependency tree', 'Reading state information']) await step(process, what)
}

async function notAvailable(process: Process, name: string): Promise<void> {
  await say(process, `Package ${name} is not available, but is referred to by another package.\nThis may mean that the package is missing, has been obsoleted, or\nis only available from another source\n`)
}

/** The offer that `name`, `name=version` or `name=1.35.*` stands for; undefined: what is there will do. */
async function choose(process: Process, all: readonly Offer[], word: string, options: Options): Promise<Offer | undefined> {
  const [name = '', version] = word.split('=')
  const own = all.filter((o) => o.name === name)
  const old = present(installed(process), name)
  if (own.length === 0 && !old) {
    const referred = all.some((o) => o.depends.some((d) => d.name === name))
    if (!referred) fail(`Unable to locate package ${name}`)
    await notAvailable(process, name)
    fail(`Package '${name}' has no installation candidate`)
  }
  if (version !== undefined) {
    const pattern = globPattern(version)
    const found = own.find((o) => pattern.test(o.version))
    if (!found && old && pattern.test(old.version)) {
      await say(process, `${name} is already the newest version (${old.version}).`)
      return undefined
    }
    if (!found) {
      await notAvailable(process, name)
      fail(`Version '${version}' for '${name}' was not found`)
    }
    if (old?.version === found!.version && !options.reinstall) {
      await say(process, `${name} is already the newest version (${old.version}).`)
      return undefined
    }
    // Only people are told.
    if (version !== found!.version && process.stdout.tty) await say(process, `Selected version '${found!.version}' (isv:kubernetes:core:stable:${/v\d+\.\d+/.exec(found!.source.url)?.[0] ?? ''}:pkgs.k8s.io [amd64]) for '${name}'`)
    return found
  }
  const target = candidate(all, old, name)
  if (old && target === old.version && !options.reinstall) {
    await say(process, `${name} is already the newest version (${old.version}).`)
    return undefined
  }
  if (!old && options.onlyUpgrade) {
    await say(process, `Skipping ${name}, it is not installed and only upgrades are requested.`)
    return undefined
  }
  return own.find((o) => o.version === target)
}

async function install(process: Process, line: Line): Promise<void> {
  const { options } = line
  if (!options.simulate) lock(process)
  await readLists(process, options)
  const all = offers(process)
  const have = installed(process)
  const chosen = new Map<string, Offer>()
  for (const word of line.words) {
    const offer = await choose(process, all, word, options)
    if (offer) chosen.set(offer.name, offer)
  }
  await execute(process, { ...emptyPlan, install: withDependencies(all, have, chosen), asked: new Set(line.words.map((w) => w.split('=')[0]!)) }, have, all, options)
}

async function upgrade(process: Process, line: Line): Promise<void> {
  if (!line.options.simulate) lock(process)
  await readLists(process, line.options)
  if (!line.options.quiet) await step(process, 'Calculating upgrade')
  const all = offers(process)
  const have = installed(process)
  const can = upgradable(all, have)
  const chosen = new Map(can.filter((p) => p.want !== 'hold').map((p) => [p.name, all.find((o) => o.name === p.name)!]))
  await execute(process, { ...emptyPlan, install: withDependencies(all, have, chosen), asked: new Set(chosen.keys()), kept: can.filter((p) => p.want === 'hold').map((p) => p.name) }, have, all, line.options)
}

async function remove(process: Process, line: Line): Promise<void> {
  const { options } = line
  if (!options.simulate) lock(process)
  await readLists(process, options)
  const all = offers(process)
  const have = installed(process)
  const names = new Set<string>()
  for (const name of line.words) {
    if (present(have, name)) names.add(name)
    else if (all.some((o) => o.name === name)) await say(process, `Package '${name}' is not installed, so not removed`)
    else fail(`Unable to locate package ${name}`)
  }
  const needs = (p: { readonly name: string }) => all.find((o) => o.name === p.name)?.depends.some((d) => names.has(d.name)) ?? false
  for (const p of have) if (p.state === 'installed' && needs(p)) names.add(p.name)
  const purge = line.command === 'purge' || line.given.has('--purge')
  // What needs the others goes before them.
  const going = have.filter((p) => p.state === 'installed' && names.has(p.name)).sort((a, b) => Number(needs(b)) - Number(needs(a)))
  await execute(process, { ...emptyPlan, remove: going, purge, asked: new Set(line.words) }, have, all, options)
}

async function nothingToDo(process: Process, line: Line): Promise<void> {
  await readLists(process, line.options)
  await execute(process, emptyPlan, installed(process), offers(process), line.options)
}

const quiet = async (): Promise<void> => {}

type Command = (process: Process, line: Line) => Promise<void>

const commands: Readonly<Record<string, Command>> = {
  update, install, reinstall: (process, line) => install(process, { ...line, options: { ...line.options, reinstall: true } }), upgrade, 'dist-upgrade': upgrade, remove, purge: remove, autoremove: nothingToDo, autopurge: nothingToDo, check: quiet, clean: quiet, autoclean: quiet,
}

export const aptGet: Program = async (process) => {
  await process.sleep(60)
  return guarded(process, async () => {
    const line = parse(process.argv.slice(1))
    if (line.command === undefined || line.command === 'help') {
      await process.stdout.write(aptGetUsage)
      if (line.command === undefined) throw new AptError([], 1)
      return
    }
    const command = commands[line.command]
    if (!command) fail(`Invalid operation ${line.command}`)
    await command!(process, line)
  })
}

async function updateAndCount(process: Process): Promise<void> {
  await update(process)
  await step(process, 'Building dependency tree')
  await step(process, 'Reading state information')
  const n = upgradable(offers(process), installed(process)).length
  await say(process, n === 0 ? 'All packages are up to date.' : n === 1 ? "1 package can be upgraded. Run 'apt list --upgradable' to see it." : `${n} packages can be upgraded. Run 'apt list --upgradable' to see them.`)
}

const aptOnly: Readonly<Record<string, Command>> = { ...commands, update: updateAndCount, 'full-upgrade': upgrade, list: (process, line) => listPackages(process, line.words, line.given) }

/** The program for people: apt-get and apt-cache in one. */
export const apt: Program = async (process) => {
  await process.sleep(60)
  return guarded(process, async () => {
    const line = parse(process.argv.slice(1))
    if (!process.stdout.tty) await process.stderr.write('\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n')
    if (line.command === undefined || line.command === 'help') {
      await process.stdout.write(aptUsage)
      if (line.command === undefined) throw new AptError([], 1)
      return
    }
    const command = aptOnly[line.command]
    if (command) return command(process, line)
    const look = ['show', 'policy', 'madison', 'showpkg'].includes(line.command) ? cacheCommands[line.command] : undefined
    if (!look) fail(`Invalid operation ${line.command}`)
    await look!(process, line.words)
  })
}
