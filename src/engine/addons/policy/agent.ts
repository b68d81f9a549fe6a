/**
 * The policy agent of a node (felix's iptables data plane): keeps chains and sets in step with pods, namespaces and NetworkPolicies.
 *
 *   pod, namespace, policy ─► dirty pods of this node, dirty policies, set members ─► one restore text ─► netfilter
 *
 * Left out: host endpoints, Calico's own policies, IPv6, raw and mangle tables.
 */
import type { ApiClient, Informer, KubeObject } from '#engine/api/types.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { calicoInterface } from '#engine/node/cni/calico.ts'
import { Iptables } from '#engine/node/iptables.ts'
import { watchRules } from '#engine/node/rule-watch.ts'
import { selectorMatches } from '#engine/kinds/selectors.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'
import { compilePolicy } from './compile.ts'
import type { CompiledPolicy, PodPeer } from './compile.ts'
import { policyChain, profileChain, setName, workloadChain } from './names.ts'
import { dispatchLines, hooks, policyLines, profileLines, staticChains, withHashes, workloadLines } from './rules.ts'
import type { SetBook } from './rules.ts'
import { networkPolicies, policyNamespace, policyPod } from './types.ts'
import type { Direction, NetworkPolicy, PolicyPod } from './types.ts'

const podsGvr = { group: '', version: 'v1', resource: 'pods' }
const namespacesGvr = { group: '', version: 'v1', resource: 'namespaces' }
const directions: readonly Direction[] = ['ingress', 'egress']

interface PodSet {
  readonly name: string
  /** Entries that this pod gives to the set. */
  entries(pod: PolicyPod): readonly string[]
  /** entry → pods that give it. */
  readonly holders: Map<string, Set<string>>
  readonly users: Set<string>
}

export interface AgentOptions {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly api: ApiClient
  readonly nodeName: string
  /** ms between two looks whether somebody has removed the hooks. */
  readonly refresh?: number
}

const keyOf = (p: { readonly namespace: string; readonly name: string }) => `${p.namespace}/${p.name}`

export class PolicyAgent {
  readonly #o: AgentOptions
  readonly #tables: Iptables
  readonly #pods: Informer<KubeObject>
  readonly #namespaces: Informer<KubeObject>
  readonly #policies: Informer<NetworkPolicy>
  /** Pods with an address, of the whole cluster. */
  readonly #known = new Map<string, PolicyPod>()
  /** Pods of this node → interface. */
  readonly #local = new Map<string, string>()
  readonly #compiled = new Map<string, CompiledPolicy>()
  readonly #sets = new Map<string, PodSet>()
  readonly #dirtyPods = new Set<string>()
  readonly #dirtyPolicies = new Set<string>()
  readonly #chains = new Set<string>()
  #dispatchDirty = true
  #timer: Timer | undefined
  #ready = false
  #stopped = false
  #unwatch = (): void => {}
  /** Pod chains written: a measure of work for benchmarks. */
  chainsWritten = 0

  constructor(options: AgentOptions) {
    this.#o = options
    this.#tables = new Iptables(options.net.netfilter)
    const { api } = options
    this.#pods = api.informer(podsGvr)
    this.#namespaces = api.informer(namespacesGvr)
    this.#policies = api.informer<NetworkPolicy>(networkPolicies)
  }

  get inSync(): boolean {
    return this.#ready
  }

  start(): void {
    this.#hook()
    for (const informer of [this.#pods]) {
      informer.onAdd((p) => this.#podChanged(p))
      informer.onUpdate((p) => this.#podChanged(p))
      informer.onDelete((p) => this.#podGone(`${p.metadata.namespace}/${p.metadata.name}`))
    }
    const namespaceChanged = (n: KubeObject) => {
      for (const pod of this.#known.values()) if (pod.namespace === n.metadata.name) this.#updateMembership(keyOf(pod), pod)
      this.#wake()
    }
    this.#namespaces.onAdd(namespaceChanged)
    this.#namespaces.onUpdate((n, old) => {
      if (JSON.stringify(n.metadata.labels) !== JSON.stringify(old.metadata.labels)) namespaceChanged(n)
    })
    this.#policies.onAdd((p) => this.#policyChanged(p))
    this.#policies.onUpdate((p) => this.#policyChanged(p))
    this.#policies.onDelete((p) => this.#policyGone(p))
    this.#wake()
    this.#watchHooks()
  }

  stop(): void {
    this.#stopped = true
    this.#unwatch()
    this.#o.sim.cancel(this.#timer)
  }

  #wake(): void {
    if (this.#timer && !this.#timer.cancelled) return
    this.#timer = this.#o.sim.after(20, () => this.#apply())
  }

  #podChanged(object: KubeObject): void {
    const pod = policyPod(object)
    const key = keyOf(pod)
    if (pod.hostNetwork || pod.ip === undefined) return this.#podGone(key)
    const old = this.#known.get(key)
    if (old && old.ip === pod.ip && old.node === pod.node && JSON.stringify(old.labels) === JSON.stringify(pod.labels) && JSON.stringify(old.namedPorts) === JSON.stringify(pod.namedPorts)) return
    this.#known.set(key, pod)
    this.#updateMembership(key, pod)
    if (pod.node === this.#o.nodeName) {
      if (!this.#local.has(key)) {
        this.#local.set(key, calicoInterface(pod.namespace, pod.name))
        this.#dispatchDirty = true
      }
      this.#dirtyPods.add(key)
    }
    this.#wake()
  }

  #podGone(key: string): void {
    if (!this.#known.delete(key)) return
    for (const set of this.#sets.values()) this.#removeHolder(set, key)
    if (this.#local.has(key)) {
      this.#dispatchDirty = true
      this.#dirtyPods.add(key)
    }
    this.#wake()
  }

  #policyChanged(policy: NetworkPolicy): void {
    const compiled = compilePolicy(policy)
    const old = this.#compiled.get(keyOf(compiled))
    this.#compiled.set(keyOf(compiled), compiled)
    this.#dirtyPolicies.add(keyOf(compiled))
    this.#touchPods(compiled.namespace, [old, compiled])
    this.#wake()
  }

  #policyGone(policy: NetworkPolicy): void {
    const key = `${policy.metadata.namespace}/${policy.metadata.name}`
    const old = this.#compiled.get(key)
    this.#compiled.delete(key)
    this.#dirtyPolicies.add(key)
    this.#touchPods(policy.metadata.namespace ?? '', [old])
    this.#wake()
  }

  /** Pods of this node whose chains name one of the policies. */
  #touchPods(namespace: string, policies: readonly (CompiledPolicy | undefined)[]): void {
    for (const key of this.#local.keys()) {
      const pod = this.#known.get(key)
      if (pod?.namespace === namespace && policies.some((p) => p && selectorMatches(p.selector, pod.labels))) this.#dirtyPods.add(key)
    }
  }

  #updateMembership(key: string, pod: PolicyPod): void {
    for (const set of this.#sets.values()) this.#updateSet(set, key, pod)
  }

  #updateSet(set: PodSet, key: string, pod: PolicyPod): void {
    const entries = set.entries(pod)
    for (const [entry, holders] of [...set.holders]) if (holders.has(key) && !entries.includes(entry)) this.#dropEntry(set, entry, key)
    for (const entry of entries) {
      const holders = set.holders.get(entry)
      if (holders) holders.add(key)
      else {
        set.holders.set(entry, new Set([key]))
        this.#o.net.netfilter.ipsets.add(set.name, entry)
      }
    }
  }

  #removeHolder(set: PodSet, key: string): void {
    for (const [entry, holders] of [...set.holders]) if (holders.has(key)) this.#dropEntry(set, entry, key)
  }

  #dropEntry(set: PodSet, entry: string, key: string): void {
    const holders = set.holders.get(entry)!
    holders.delete(key)
    if (holders.size > 0) return
    set.holders.delete(entry)
    this.#o.net.netfilter.ipsets.delete(set.name, entry)
  }

  #ensureSet(name: string, type: 'hash:net' | 'hash:ip,port', user: string, entries: (pod: PolicyPod) => readonly string[]): string {
    let set = this.#sets.get(name)
    if (!set) {
      set = { name, entries, holders: new Map(), users: new Set() }
      this.#sets.set(name, set)
      const { ipsets } = this.#o.net.netfilter
      if (ipsets.names.includes(name)) ipsets.setEntries(name, [])
      else ipsets.create(name, type)
      for (const [key, pod] of this.#known) this.#updateSet(set, key, pod)
    }
    set.users.add(user)
    return name
  }

  #book(user: string): SetBook {
    return {
      pods: (peer) => this.#ensureSet(setName('s', JSON.stringify([peer.pods, peer.namespaces ?? peer.own])), 'hash:net', user, (pod) => (pod.ip !== undefined && this.#selects(peer, pod) ? [pod.ip] : [])),
      namedPort: (name, protocol) =>
        this.#ensureSet(setName('n', `${name} ${protocol}`), 'hash:ip,port', user, (pod) => (pod.ip === undefined ? [] : pod.namedPorts.filter((p) => p.name === name && p.protocol === protocol).map((p) => `${pod.ip},${protocol.toLowerCase()}:${p.port}`))),
    }
  }

  #selects(peer: PodPeer, pod: PolicyPod): boolean {
    if (peer.namespaces === undefined) return pod.namespace === peer.own && selectorMatches(peer.pods ?? {}, pod.labels)
    const namespace = this.#namespaces.get(undefined, pod.namespace)
    const labels = namespace ? policyNamespace(namespace).labels : { 'kubernetes.io/metadata.name': pod.namespace }
    return selectorMatches(peer.namespaces, labels) && selectorMatches(peer.pods ?? {}, pod.labels)
  }

  #apply(): void {
    this.#timer = undefined
    if (this.#stopped) return
    if (!this.#pods.synced || !this.#namespaces.synced || !this.#policies.synced) {
      this.#timer = this.#o.sim.after(500, () => this.#apply())
      return
    }
    const write = new Map<string, readonly string[]>()
    const remove: string[] = []
    if (!this.#ready) for (const [chain, lines] of staticChains()) write.set(chain, lines)
    for (const key of this.#dirtyPolicies) this.#preparePolicy(key, write, remove)
    for (const key of this.#dirtyPods) this.#preparePod(key, write, remove)
    if (this.#dispatchDirty) {
      write.set('cali-to-wl-dispatch', dispatchLines([...this.#local.values()], 'ingress'))
      write.set('cali-from-wl-dispatch', dispatchLines([...this.#local.values()], 'egress'))
    }
    if (!this.#ready) for (const chain of this.#tables.chains('filter')) if (/^cali-(?:pi|po|pri|pro|tw|fw)-/.test(chain) && !write.has(chain) && !remove.includes(chain)) remove.push(chain)
    this.#dirtyPolicies.clear()
    this.#dirtyPods.clear()
    this.#dispatchDirty = false
    this.#restore(write, remove)
    this.#dropUnusedSets()
    this.#ready = true
  }

  #preparePolicy(key: string, write: Map<string, readonly string[]>, remove: string[]): void {
    for (const set of this.#sets.values()) set.users.delete(key)
    const [namespace, name] = key.split('/') as [string, string]
    const compiled = this.#compiled.get(key)
    for (const direction of directions) {
      const chain = policyChain(namespace, name, direction)
      if (compiled && (compiled[direction] ?? []).length > 0) write.set(chain, policyLines(compiled, direction, this.#book(key)))
      else if (this.#chains.has(chain)) remove.push(chain)
    }
  }

  #preparePod(key: string, write: Map<string, readonly string[]>, remove: string[]): void {
    const iface = this.#local.get(key)
    if (iface === undefined) return
    const pod = this.#known.get(key)
    for (const direction of directions) {
      const chain = workloadChain(iface, direction)
      if (!pod) {
        if (this.#chains.has(chain)) remove.push(chain)
        continue
      }
      const policies = [...this.#compiled.values()].filter((p) => p.namespace === pod.namespace && p[direction] !== undefined && selectorMatches(p.selector, pod.labels)).sort((a, b) => (a.name < b.name ? -1 : 1))
      write.set(chain, workloadLines(pod, direction, policies))
      const profile = profileChain(`kns.${pod.namespace}`, direction)
      if (!this.#chains.has(profile)) write.set(profile, profileLines(pod.namespace, direction))
      this.chainsWritten++
    }
    if (!pod) this.#local.delete(key)
  }

  #restore(write: ReadonlyMap<string, readonly string[]>, remove: readonly string[]): void {
    if (write.size === 0 && remove.length === 0) return
    const text = ['*filter']
    for (const chain of [...write.keys(), ...remove]) text.push(`:${chain} - [0:0]`)
    for (const [chain, lines] of write) for (const line of withHashes(chain, lines)) text.push(`-A ${chain} ${line}`)
    // A chain goes after what referred to it has been written anew.
    for (const chain of remove) text.push(`-X ${chain}`)
    text.push('COMMIT', '')
    this.#o.net.netfilter.restore(text.join('\n'), { noflush: true })
    for (const chain of write.keys()) this.#chains.add(chain)
    for (const chain of remove) this.#chains.delete(chain)
  }

  #dropUnusedSets(): void {
    for (const [name, set] of [...this.#sets]) {
      if (set.users.size > 0) continue
      this.#sets.delete(name)
      this.#o.net.netfilter.ipsets.destroy(name)
    }
    // What an agent before this one has left.
    if (!this.#ready) for (const name of [...this.#o.net.netfilter.ipsets.names]) if (name.startsWith('cali40') && !this.#sets.has(name)) this.#o.net.netfilter.ipsets.destroy(name)
  }

  #hook(): void {
    for (const chain of ['cali-INPUT', 'cali-FORWARD', 'cali-OUTPUT', 'cali-from-wl-dispatch', 'cali-to-wl-dispatch', 'cali-wl-to-host']) this.#tables.ensureChain('filter', chain)
    for (const { chain, rule, at } of [...hooks].reverse()) {
      if (at === 'first') this.#tables.ensureInserted('filter', chain, rule)
    }
    for (const { chain, rule, at } of hooks) if (at === 'last') this.#tables.ensureAppended('filter', chain, rule)
  }

  /** Somebody may have flushed the tables: then everything is written anew. */
  #watchHooks(): void {
    this.#unwatch = watchRules({
      sim: this.#o.sim, netfilter: this.#o.net.netfilter, period: this.#o.refresh ?? 60_000,
      look: () => {
        const there = this.#tables.has('filter', 'FORWARD', hooks[1]!.rule) && this.#tables.rules('filter', 'cali-FORWARD').length > 0
        if (this.#stopped || there) return
        this.#hook()
        this.#ready = false
        this.#dispatchDirty = true
        for (const key of this.#compiled.keys()) this.#dirtyPolicies.add(key)
        for (const key of this.#local.keys()) this.#dirtyPods.add(key)
        this.#chains.clear()
        this.#wake()
      },
    })
  }
}
