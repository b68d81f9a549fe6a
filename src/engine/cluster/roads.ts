/**
 * The roads by which components reach the API server. Their clients work in process, but only while a look along the simulated network, from the
 * namespace that they run in to the address that their configuration names, finds the server there and its certificate good. A look is taken again
 * only after something changed in a namespace that the last one passed. SIMPLIFICATION: an open connection is cut as a new one would be.
 */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { Gate } from '#engine/api/gate.ts'
import { verifyChain, type Certificate } from '#engine/machine/certificates.ts'
import type { TlsIdentity } from '#engine/machine/tls.ts'
import { lookAt, type Look } from '#engine/net/look.ts'
import type { Namespace } from '#engine/net/namespace.ts'
import type { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { dialText } from '#engine/node/kubelet/dial.ts'

/** What listens at the end: the API server's certificate, and whose client certificates it takes. */
export interface Serving {
  readonly identity: TlsIdentity
  readonly clientRoots: readonly Certificate[]
}

export interface RoadEnd {
  /** `https://172.30.1.2:6443` */
  readonly server: string
  /** Authorities that the client trusts; undefined: not verified. */
  readonly roots?: readonly Certificate[]
  /** The client's certificate, when it shows one. */
  readonly leaf?: Certificate | undefined
  /** An address for a name that is not one. */
  resolve?(name: string): string | undefined
}

/** Looks of one namespace at one address and port, shared by all who use that road. */
interface Sight {
  readonly ns: Namespace
  readonly to: Ipv4
  readonly port: number
  readonly roads: Set<Road>
  look: Look | undefined
  revision: number
  at: number
}

export interface Road {
  readonly gate: Gate
  close(): void
}

/** While a road was open a moment ago nobody looks again; one that is cut is looked at sooner. */
const glance = 3000
const hope = 1000

const revisionOf = (look: Look) => {
  let sum = look.passed.size
  for (const ns of look.passed) sum += ns.revision
  return sum
}

export class Roads {
  readonly #network: SimNetwork
  readonly #serving: (ns: Namespace, port: number) => Serving | undefined
  readonly #sights = new Map<string, Sight>()
  #pending = false

  constructor(network: SimNetwork, serving: (ns: Namespace, port: number) => Serving | undefined) {
    this.#network = network
    this.#serving = serving
    network.onTouched = () => this.#touched()
  }

  /** How a dial from `ns` would fail; undefined when it would not. */
  dialProblem(ns: NetNamespace, address: string, port: number): string | undefined {
    const to = parseIpv4(address)
    return to === undefined ? `dial tcp ${address}:${port}: connect: invalid argument` : problemOf(lookAt(this.#network.own(ns), to, port), to, port)
  }

  /** A road that is looked along until it is closed. */
  open(from: NetNamespace, end: RoadEnd): Road {
    const gate = new Gate()
    const url = /^(https?):\/\/(\[[^\]]*\]|[^:/]+)(?::(\d+))?/.exec(end.server)
    const host = url?.[2] ?? ''
    const port = Number(url?.[3] ?? (url?.[1] === 'http' ? 80 : 443))
    const address = parseIpv4(host) === undefined ? end.resolve?.(host) : host
    const to = address === undefined ? undefined : parseIpv4(address)
    if (to === undefined) {
      gate.set(false, host === '' ? 'http: no Host in request URL' : `dial tcp: lookup ${host}: no such host`)
      return { gate, close: () => undefined }
    }
    const ns = this.#network.own(from)
    const key = `${ns.name} ${to} ${port}`
    let sight = this.#sights.get(key)
    if (!sight) this.#sights.set(key, (sight = { ns, to, port, roads: new Set(), look: undefined, revision: -1, at: -Infinity }))
    const shared = sight
    const road: Road = {
      gate,
      close: () => {
        shared.roads.delete(road)
        gate.refresh = undefined
        if (shared.roads.size === 0) this.#sights.delete(key)
      },
    }
    shared.roads.add(road)
    let seen: Look | undefined
    gate.refresh = () => {
      const look = this.#lookAlong(shared)
      if (look === seen) return
      seen = look
      const problem = problemOf(look, to, port) ?? this.#tlsProblem(look, host, end)
      gate.set(problem === undefined, problem)
    }
    gate.refresh()
    return road
  }

  #lookAlong(sight: Sight): Look {
    const { look } = sight
    const { now } = this.#network.sim
    if (look) {
      const open = look.result?.kind === 'open'
      if (open && now < sight.at + glance) return look
      if (revisionOf(look) === sight.revision) return look
    }
    const fresh = lookAt(sight.ns, sight.to, sight.port)
    sight.look = fresh
    sight.revision = revisionOf(fresh)
    sight.at = now
    return fresh
  }

  #tlsProblem(look: Look, host: string, end: RoadEnd): string | undefined {
    const { sim } = this.#network
    const serving = look.reached && this.#serving(look.reached.namespace, look.reached.port)
    if (!serving) return 'EOF'
    const problem = end.roots && verifyChain(serving.identity.chain, { roots: end.roots, now: sim.now, name: host })
    if (problem) return `tls: failed to verify certificate: ${problem.go}`
    if (end.leaf && verifyChain([end.leaf], { roots: serving.clientRoots, now: sim.now })) return 'Unauthorized'
    return undefined
  }

  #someCut(): boolean {
    for (const sight of this.#sights.values()) for (const road of sight.roads) if (!road.gate.wasOpen) return true
    return false
  }

  /** Something has changed somewhere: within seconds everybody looks again. A cut road is worth waiting for. */
  #touched(): void {
    if (this.#pending || this.#sights.size === 0 || this.#network.looking) return
    this.#pending = true
    const { sim } = this.#network
    const cut = this.#someCut()
    sim.after(cut ? hope : glance, () => {
      this.#pending = false
      let news = false
      for (const sight of [...this.#sights.values()]) {
        for (const road of [...sight.roads]) {
          const before = road.gate.wasOpen
          if (road.gate.open !== before) news = true
        }
      }
      if (news) sim.stir()
    }, cut ? { background: false } : { quiet: true })
  }
}

function problemOf(look: Look, to: Ipv4, port: number): string | undefined {
  const { result } = look
  if (result?.kind === 'open') return undefined
  return `dial tcp ${formatIpv4(to)}:${port}: ${result?.kind === 'error' ? dialText(result.errno) : 'i/o timeout'}`
}
