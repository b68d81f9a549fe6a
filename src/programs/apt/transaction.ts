/** What install, upgrade and remove change: worked out, shown, asked about, done. */
import type { Installed } from '#engine/kubeadm/packages.ts'
import type { Process } from '#engine/machine/process.ts'
import { AptError, bytes, fail, nameLines, say } from './output.ts'
import { present, upgradable, writeStatus, type Offer } from './state.ts'
import { compareDebian, satisfies } from './versions.ts'

export interface Options {
  readonly yes: boolean
  readonly simulate: boolean
  readonly downloadOnly: boolean
  readonly quiet: boolean
  readonly allowHeld: boolean
  readonly allowDowngrades: boolean
  readonly reinstall: boolean
  readonly onlyUpgrade: boolean
}

export interface Plan {
  /** In the order of their names, what others need before. */
  readonly install: readonly Offer[]
  readonly remove: readonly Installed[]
  readonly purge: boolean
  /** Asked for by name. */
  readonly asked: ReadonlySet<string>
  readonly kept: readonly string[]
  readonly reinstalled: ReadonlySet<string>
}

/** What must come with it. */
export function withDependencies(all: readonly Offer[], have: readonly Installed[], chosen: ReadonlyMap<string, Offer>): Offer[] {
  const out = new Map<string, Offer>()
  const add = (offer: Offer): void => {
    if (out.has(offer.name)) return
    for (const d of offer.depends) {
      const own = chosen.get(d.name)
      const old = present(have, d.name)
      if (own) add(own)
      else if (!old || !satisfies(old.version, d.relation)) {
        const found = all.find((o) => o.name === d.name && satisfies(o.version, d.relation))
        if (!found) throw new AptError(['E: Unable to correct problems, you have held broken packages.'])
        add(found)
      }
    }
    out.set(offer.name, offer)
  }
  for (const name of [...chosen.keys()].sort()) add(chosen.get(name)!)
  return [...out.values()]
}

interface Sorted {
  readonly fresh: readonly Offer[]
  readonly up: readonly Offer[]
  readonly down: readonly Offer[]
  readonly again: readonly Offer[]
  readonly held: readonly string[]
}

function sort(plan: Plan, have: readonly Installed[]): Sorted {
  const against = (test: (c: number) => boolean) => plan.install.filter((o) => {
    const old = present(have, o.name)
    return old !== undefined && test(compareDebian(o.version, old.version))
  })
  const held = [...plan.install, ...plan.remove].map((o) => o.name).filter((name) => have.some((p) => p.name === name && p.want === 'hold'))
  return { fresh: plan.install.filter((o) => !present(have, o.name)), up: against((c) => c > 0), down: against((c) => c < 0), again: against((c) => c === 0), held }
}

async function show(process: Process, plan: Plan, have: readonly Installed[], all: readonly Offer[]): Promise<void> {
  const s = sort(plan, have)
  const names = (list: readonly { readonly name: string }[]) => list.map((o) => o.name)
  const group = async (title: string, list: readonly string[]) => (list.length > 0 ? say(process, `${title}\n${nameLines(list)}`) : undefined)
  await group('The following additional packages will be installed:', names(plan.install).filter((n) => !plan.asked.has(n)))
  await group('The following packages will be REMOVED:', plan.remove.map((p) => (plan.purge ? `${p.name}*` : p.name)))
  await group('The following held packages will be changed:', s.held)
  await group('The following NEW packages will be installed:', names(s.fresh))
  await group('The following packages have been kept back:', plan.kept)
  await group('The following packages will be upgraded:', names(s.up))
  await group('The following packages will be DOWNGRADED:', names(s.down))
  const left = upgradable(all, have).filter((p) => !plan.install.some((o) => o.name === p.name) && !plan.remove.includes(p)).length
  const extra = `${s.again.length > 0 ? `${s.again.length} reinstalled, ` : ''}${s.down.length > 0 ? `${s.down.length} downgraded, ` : ''}`
  await say(process, `${s.up.length} upgraded, ${s.fresh.length} newly installed, ${extra}${plan.remove.length} to remove and ${left} not upgraded.`)
}

const spaceOf = (have: readonly Installed[], all: readonly Offer[], plan: Plan): number =>
  plan.install.reduce((sum, o) => sum + (present(have, o.name) ? 0 : o.kilobytes), 0) - plan.remove.reduce((sum, p) => sum + (all.find((o) => o.name === p.name)?.kilobytes ?? 1000), 0)

async function ask(process: Process): Promise<void> {
  await process.stdout.write('Do you want to continue? [Y/n] ')
  const answer = (await process.stdin.readLine())?.trim()
  if (answer === undefined || !/^(y|yes)?$/i.test(answer)) {
    await say(process, 'Abort.')
    throw new AptError([], 1)
  }
}

/** What an executable of a package looks like. */
const program = (name: string) => `\x7fELF\x02\x01\x01${'\0'.repeat(9)}${name}\n`
const executables: Readonly<Record<string, string>> = { kubeadm: 'kubeadm', kubectl: 'kubectl', kubelet: 'kubelet', 'cri-tools': 'crictl' }

function place(process: Process, name: string): void {
  const file = executables[name]
  if (file !== undefined && !process.fs.exists(`/usr/bin/${file}`)) process.fs.writeFile(`/usr/bin/${file}`, program(file), { mode: 0o755 })
}

function takeAway(process: Process, name: string): void {
  const file = executables[name]
  if (file !== undefined && process.fs.exists(`/usr/bin/${file}`)) process.fs.unlink(`/usr/bin/${file}`)
}

const database = '(Reading database ... 41285 files and directories currently installed.)'

async function carryOut(process: Process, plan: Plan, have: readonly Installed[]): Promise<void> {
  let list = [...have]
  const set = (p: Installed) => {
    list = [...list.filter((x) => x.name !== p.name), p]
    writeStatus(process, list)
  }
  if (plan.remove.length > 0) await say(process, database)
  for (const p of plan.remove) {
    await process.sleep(300)
    await say(process, `Removing ${p.name} (${p.version}) ...`)
    takeAway(process, p.name)
    list = list.filter((x) => x.name !== p.name)
    writeStatus(process, list)
  }
  if (plan.install.length === 0) return
  for (const [i, o] of plan.install.entries()) {
    const old = present(have, o.name)
    if (!old) await say(process, `Selecting previously unselected package ${o.name}.`)
    else if (compareDebian(o.version, old.version) < 0) await process.stderr.write(`dpkg: warning: downgrading ${o.name} from ${old.version} to ${o.version}\n`)
    if (i === 0 && plan.remove.length === 0) await say(process, database)
    await say(process, `Preparing to unpack .../${o.name}_${o.version}_amd64.deb ...`)
    await process.sleep(800)
    await say(process, `Unpacking ${o.name} (${o.version})${old ? ` over (${old.version})` : ''} ...`)
    place(process, o.name)
    set({ name: o.name, version: o.version, want: 'install', state: 'installed' })
  }
  for (const o of plan.install) await say(process, `Setting up ${o.name} (${o.version}) ...`)
}

export async function execute(process: Process, plan: Plan, have: readonly Installed[], all: readonly Offer[], options: Options): Promise<void> {
  const s = sort(plan, have)
  const order = plan.install
  if (!options.quiet) await show(process, plan, have, all)
  if (order.length === 0 && plan.remove.length === 0) return
  if (options.simulate) {
    for (const p of plan.remove) await say(process, `Remv ${p.name} [${p.version}]`)
    for (const o of order) {
      const old = present(have, o.name)
      await say(process, `Inst ${o.name} ${old ? `[${old.version}] ` : ''}(${o.version} pkgs.k8s.io [amd64])`)
    }
    for (const o of order) await say(process, `Conf ${o.name} (${o.version} pkgs.k8s.io [amd64])`)
    return
  }
  if (s.down.length > 0 && options.yes && !options.allowDowngrades) fail('Packages were downgraded and -y was used without --allow-downgrades.')
  if (s.held.length > 0 && options.yes && !options.allowHeld) fail('Held packages were changed and -y was used without --allow-change-held-packages.')
  const size = order.reduce((sum, o) => sum + o.size, 0)
  const space = spaceOf(have, all, plan)
  if (!options.quiet) {
    if (size > 0) await say(process, `Need to get ${bytes(size)} of archives.`)
    await say(process, space < 0 ? `After this operation, ${bytes(-space * 1024)} disk space will be freed.` : `After this operation, ${bytes(space * 1024)} of additional disk space will be used.`)
  }
  const more = plan.remove.length > 0 || s.held.length > 0 || s.down.length > 0 || order.some((o) => !plan.asked.has(o.name))
  if (more && !options.yes) await ask(process)
  for (const [i, o] of order.entries()) {
    await process.sleep(500)
    if (!options.quiet) await say(process, `Get:${i + 1} ${o.source.url} ${o.source.suite} ${o.name} ${o.version} [${bytes(o.size)}]`)
  }
  if (size > 0 && !options.quiet) await say(process, `Fetched ${bytes(size)} in 1s (${bytes(size)}/s)`)
  if (options.downloadOnly) return say(process, 'Download complete and in download only mode')
  await carryOut(process, plan, have)
}
