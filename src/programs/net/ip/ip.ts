/** `ip` of iproute2 6.1: options, objects and their abbreviations. Namespaces are the machine's named ones. */
import type { NetNamespace } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { ipAddress } from './address.ts'
import { IpContext, IpFailure, matches, type IpOptions } from './context.ts'
import { ipLink } from './link.ts'
import { ipNeighbour } from './neighbour.ts'
import { ipNetns } from './netns.ts'
import { ipRoute } from './route.ts'
import { ipRule } from './rule.ts'

const usage = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
       ip [ -force ] -batch filename
where  OBJECT := { address | addrlabel | amt | fou | help | ila | ioam | l2tp |
                   link | macsec | maddress | monitor | mptcp | mroute | mrule |
                   neighbor | neighbour | netconf | netns | nexthop | ntable |
                   ntbl | route | rule | sr | stats | tap | tcpmetrics |
                   token | tunnel | tuntap | vrf | xfrm }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[esolve] |
                    -h[uman-readable] | -iec | -j[son] | -p[retty] |
                    -f[amily] { inet | inet6 | mpls | bridge | link } |
                    -4 | -6 | -M | -B | -0 |
                    -l[oops] { maximum-addr-flush-attempts } | -br[ief] |
                    -o[neline] | -t[imestamp] | -ts[hort] | -b[atch] [filename] |
                    -rc[vbuf] [size] | -n[etns] name | -N[umeric] | -a[ll] |
                    -c[olor]}
`

type Handler = (c: IpContext) => void | Promise<number | void>

/** In the order in which abbreviations are tried. */
const objects: readonly (readonly [string, Handler])[] = [
  ['address', ipAddress], ['route', ipRoute], ['rule', ipRule], ['neighbor', ipNeighbour], ['neighbour', ipNeighbour], ['link', ipLink], ['netns', ipNetns],
]

function readOptions(args: readonly string[]): { options: IpOptions; rest: readonly string[]; batch: string | undefined } {
  const o: IpOptions = { family: 'any', json: false, pretty: false, oneline: false, details: false, statistics: 0, brief: false, numeric: false, all: false, netns: undefined }
  let i = 0
  let batch: string | undefined
  for (; i < args.length; i++) {
    let word = args[i]!
    if (word === '--') {
      i++
      break
    }
    if (!word.startsWith('-') || word === '-') break
    if (word.startsWith('--')) word = word.slice(1)
    if (/^-c(o(l(o(r)?)?)?)?(=.*)?$/.test(word)) continue
    if (word === '-4') o.family = 'inet'
    else if (word === '-6') o.family = 'inet6'
    else if (word === '-0') o.family = 'link'
    else if (word === '-B') o.family = 'bridge'
    else if (matches(word, '-family')) {
      const value = args[++i] ?? ''
      if (!['inet', 'inet6', 'link', 'bridge', 'mpls'].includes(value)) throw new IpFailure(value === 'help' ? usage : `Error: argument "${value}" is wrong: invalid protocol family\n`, 255)
      o.family = value as IpOptions['family']
    } else if (matches(word, '-stats') || matches(word, '-statistics')) o.statistics++
    else if (matches(word, '-details')) o.details = true
    else if (matches(word, '-oneline')) o.oneline = true
    else if (matches(word, '-json')) o.json = true
    else if (matches(word, '-pretty')) o.pretty = true
    else if (word === '-br' || matches(word, '-brief')) o.brief = true
    else if (matches(word, '-netns')) o.netns = args[++i] ?? ''
    else if (matches(word, '-Numeric')) o.numeric = true
    else if (matches(word, '-all')) o.all = true
    else if (matches(word, '-batch')) batch = args[++i] ?? '-'
    else if (matches(word, '-Version')) throw new IpFailure('\0ip utility, iproute2-6.1.0, libbpf 1.1.2\n', 0)
    else if (matches(word, '-help')) throw new IpFailure(usage, 255)
    else if (matches(word, '-resolve') || matches(word, '-human') || word === '-h' || word === '-human-readable' || word === '-iec' || matches(word, '-timestamp') || word === '-ts' || word === '-force') continue
    else throw new IpFailure(`Option "${word}" is unknown, try "ip -help".\n`, 255)
  }
  return { options: o, rest: args.slice(i), batch }
}

async function runOne(process: Process, args: readonly string[]): Promise<number> {
  let context: IpContext | undefined
  try {
    const { options, rest, batch } = readOptions(args)
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
  const text = file === '-' ? await process.stdin.readAll() : process.fs.readFile(file)
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
