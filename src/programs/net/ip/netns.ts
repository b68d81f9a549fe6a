/** `ip netns`: list, add, delete, exec, identify, pids, set-less. */
import { FsError, strerror } from '#engine/machine/files.ts'
import { IpFailure, matches, type IpContext } from './context.ts'
import { namespaceId } from './link-format.ts'
import { netnsUsage } from './usage.ts'

export async function ipNetns(c: IpContext): Promise<number | void> {
  const { machine } = c.process
  const spaces = machine.namedNamespaces
  const verb = c.more ? c.take() : 'list'
  const named = () => {
    if (!c.more) throw new IpFailure('No netns name specified\n', 1)
    return c.take()
  }
  if (matches(verb, 'list') || matches(verb, 'show') || matches(verb, 'lst')) {
    for (const [name, ns] of [...spaces].reverse()) {
      const id = namespaceId(c.net, ns)
      c.print(id === undefined ? `${name}\n` : `${name} (id: ${id})\n`)
    }
    return
  }
  if (matches(verb, 'add')) {
    const name = named()
    if (name === '.' || name === '..' || name.includes('/')) throw new IpFailure(`Invalid netns name "${name}"\n`, 255)
    if (!c.process.can('SYS_ADMIN')) throw new IpFailure('mkdir /run/netns failed: Permission denied\n', 1)
    if (spaces.has(name)) throw new IpFailure(`Cannot create namespace file "/run/netns/${name}": File exists\n`, 1)
    let unique = `${machine.hostname}/${name}`
    for (let n = 2; machine.network.namespaces.has(unique); n++) unique = `${machine.hostname}/${name}#${n}`
    spaces.set(name, machine.network.createNamespace(unique, { node: machine.hostname }))
    return
  }
  if (matches(verb, 'delete')) {
    const names = c.options.all ? [...spaces.keys()] : [named()]
    for (const name of names) {
      const ns = spaces.get(name)
      if (!ns) throw new IpFailure(`Cannot remove namespace file "/run/netns/${name}": No such file or directory\n`, 1)
      spaces.delete(name)
      // It lives on while processes are in it.
      if (![...machine.processes.values()].some((p) => p.net === ns)) machine.network.deleteNamespace(ns.name)
    }
    return
  }
  if (verb === 'exec' || (verb.length > 1 && matches(verb, 'exec'))) return execute(c, c.options.all ? [...spaces.keys()].reverse() : [named()])
  if (matches(verb, 'pids')) {
    const name = named()
    const ns = spaces.get(name)
    if (!ns) throw new IpFailure(`Cannot open network namespace: No such file or directory\n`, 1)
    for (const [pid, p] of machine.processes) if (p.net === ns) c.print(`${pid}\n`)
    return
  }
  if (matches(verb, 'identify')) {
    const word = c.more ? c.take() : String(c.process.pid)
    const pid = Number(word)
    if (!/^\d+$/.test(word)) throw new IpFailure(`Specified string '${word}' is not a pid\n`, 1)
    if (!machine.processes.has(pid)) throw new IpFailure('Cannot open network namespace: No such file or directory\n', 1)
    const ns = machine.processes.get(pid)?.net
    for (const [name, other] of spaces) if (other === ns) c.print(`${name}\n`)
    return
  }
  if (matches(verb, 'help')) throw new IpFailure(netnsUsage, 255)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip netns help".\n`, 255)
}

async function execute(c: IpContext, names: readonly string[]): Promise<number> {
  const argv = c.args.slice(c.at)
  if (argv.length === 0) throw new IpFailure('No command specified\n', 1)
  let code = 0
  for (const name of names) {
    const net = c.process.machine.namedNamespaces.get(name)
    if (!net) throw new IpFailure(`Cannot open network namespace "${name}": No such file or directory\n`, 255)
    if (c.options.all) await c.process.stdout.write(`\nnetns: ${name}\n`)
    try {
      const status = await c.process.spawn({ argv, net }).wait()
      code = status.code
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new IpFailure(`exec of "${argv[0]}" failed: ${strerror(error.code)}\n`, 1)
    }
  }
  return code
}
