/** `ip` of iproute2 6.1: options, objects and their abbreviations. Namespaces are the machine's named ones. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { ipAddress } from './address.ts'
import { IpContext, IpFailure, matches, type IpOptions } from './context.ts'
import { ipLink } from './link.ts'
import { ipNeighbour } from './neighbour.ts'
import { ipNetns } from './netns.ts'
import { ipRoute } from './route.ts'
import { ipRule } from './rule.ts'
import { generalUsage } from './usage.ts'

const usage = generalUsage

type Handler = (c: IpContext) => void | Promise<number | void>

const nowhere: Handler = () => {}

/** In the order in which abbreviations are tried. Of the objects after `netns` the simulated hosts have none, so their lists are empty. */
const objects: readonly (readonly [string, Handler])[] = [
  ['address', ipAddress], ['route', ipRoute], ['rule', ipRule], ['neighbor', ipNeighbour], ['neighbour', ipNeighbour], ['link', ipLink], ['tunnel', nowhere], ['tunl', nowhere], ['tuntap', nowhere], ['tap', nowhere], ['tcpmetrics', nowhere], ['tcp_metrics', nowhere],
  ['xfrm', nowhere], ['mroute', nowhere], ['netns', ipNetns], ['vrf', (c) => c.print('Name              Table\n-----------------------\nNo VRF has been configured\n')], ['nexthop', nowhere],
]

type Option = (o: IpOptions, next: () => string) => void

/** Options that any beginning stands for, in the order of ip's comparisons; `whole` ones come first. */
const wholeOptions: Readonly<Record<string, Option>> = {
  '-4': (o) => void (o.family = 'inet'), '-6': (o) => void (o.family = 'inet6'), '-0': (o) => void (o.family = 'link'), '-B': (o) => void (o.family = 'bridge'), '-M': () => {}, '-iec': () => {}, '-human-readable': () => {}, '-force': () => {}, '-ts': () => {}, '-br': (o) => void (o.brief = true),
}
const shortOptions: readonly (readonly [string, Option])[] = [
  ['-loops', (_, next) => void next()],
  ['-family', (o, next) => {
    const value = next()
    if (!['inet', 'inet6', 'link', 'bridge', 'mpls'].includes(value)) throw new IpFailure(value === 'help' ? usage : `Error: argument "${value}" is wrong: invalid protocol family\n`, 255)
    o.family = value as IpOptions['family']
  }],
  ['-human', () => {}], ['-stats', (o) => void o.statistics++], ['-statistics', (o) => void o.statistics++], ['-details', (o) => void (o.details = true)], ['-resolve', () => {}], ['-oneline', (o) => void (o.oneline = true)], ['-timestamp', () => {}], ['-tshort', () => {}],
  ['-Version', () => {
    throw new IpFailure('\0ip utility, iproute2-6.1.0, libbpf 1.1.2\n', 0)
  }],
  ['-force', () => {}], ['-batch', (o, next) => void (o.batch = next())], ['-brief', (o) => void (o.brief = true)], ['-json', (o) => void (o.json = true)], ['-pretty', (o) => void (o.pretty = true)], ['-rcvbuf', (_, next) => void next()],
  ['-help', () => {
    throw new IpFailure(usage, 255)
  }],
  ['-netns', (o, next) => void (o.netns = next())], ['-Numeric', (o) => void (o.numeric = true)], ['-all', (o) => void (o.all = true)],
]

function readOptions(args: readonly string[]): { options: IpOptions; rest: readonly string[] } {
  const o: IpOptions = { family: 'any', json: false, pretty: false, oneline: false, details: false, statistics: 0, brief: false, numeric: false, all: false, netns: undefined, batch: undefined, color: false }
  let i = 0
  const next = () => {
    if (++i >= args.length) throw new IpFailure(usage, 255)
    return args[i]!
  }
  for (; i < args.length; i++) {
    let word = args[i]!
    if (word === '--') {
      i++
      break
    }
    if (!word.startsWith('-') || word === '-') break
    if (word.startsWith('--')) word = word.slice(1)
    const color = /^-c(?:o(?:l(?:o(?:r)?)?)?)?(?:=(.*))?$/.exec(word)
    if (color) {
      if (color[1] !== undefined && !['always', 'auto', 'never'].includes(color[1])) throw new IpFailure(`Option "${word}" is unknown, try "ip -help".\n`, 255)
      o.color = color[1] === undefined ? 'always' : color[1] !== 'never' && (color[1] as 'always' | 'auto')
      continue
    }
    const act = wholeOptions[word] ?? shortOptions.find(([whole]) => matches(word, whole))?.[1]
    if (!act) throw new IpFailure(`Option "${word}" is unknown, try "ip -help".\n`, 255)
    act(o, next)
  }
  return { options: o, rest: args.slice(i) }
}

async function runOne(process: Process, args: readonly string[]): Promise<number> {
  let context: IpContext | undefined
  try {
    const { options, rest } = readOptions(args)
    const { batch } = options
    if (options.color === 'auto' && process.stdout.tty === undefined) options.color = false
    let net: NetNamespace = process.net
    if (options.netns !== undefined) {
      const named = process.machine.namedNamespaces.get(options.netns)
      if (!named) throw new IpFailure(`Cannot open network namespace "${options.netns}": No such file or directory\n`, 255)
      net = named
    }
    if (batch !== undefined) return await runBatch(process, args.slice(0, args.length - rest.length).filter((a) => !matches(a, '-batch') && a !== batch), batch)
    const [object, ...words] = rest
    if (object === undefined || matches(object, 'help')) throw new IpFailure(usage, 255)
    const handler = objects.find(([name]) => matches(object, name))?.[1]
    if (!handler) throw new IpFailure(`Object "${object}" is unknown, try "ip help".\n`, 1)
    context = new IpContext(process, net, options, words)
    const code = await handler(context)
    if (context.err !== '') await process.stderr.write(context.err)
    if (context.out !== '') await process.stdout.write(context.out)
    return code ?? 0
  } catch (error) {
    if (!(error instanceof IpFailure)) throw error
    if (context?.err) await process.stderr.write(context.err)
    if (context?.out) await process.stdout.write(context.out)
    if (error.text.startsWith('\0')) await process.stdout.write(error.text.slice(1))
    else await process.stderr.write(error.text)
    return error.code
  }
}

async function runBatch(process: Process, options: readonly string[], file: string): Promise<number> {
  let text: string
  try {
    text = file === '-' ? await process.stdin.readAll() : process.fs.readFile(file)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`Cannot open file "${file}" for reading: ${strerror(error.code)}\n`)
    return 1
  }
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/).filter((w) => w !== '')
    if (words.length === 0) continue
    const code = await runOne(process, [...options, ...words])
    if (code !== 0) {
      await process.stderr.write(`Command failed ${file}:${i + 1}\n`)
      return 1
    }
  }
  return 0
}

export const ip: Program = (process) => runOne(process, process.argv.slice(1))
