/** Loaded kernel modules: what a boot loads, what `modprobe` and /etc/modules-load.d add. Left out: what loads by itself when it is needed (it counts as loaded). */
import type { FileSystem } from './files.ts'

const sizes: Readonly<Record<string, number>> = { br_netfilter: 36_864, bridge: 311_296, vxlan: 155_648, overlay: 163_840, ip_tables: 36_864, nf_conntrack: 188_416, xt_conntrack: 16_384, ip_vs: 200_704 }
const usual = Object.keys(sizes)
/** Loaded only where somebody says so. */
const onRequest = new Set(['br_netfilter'])
const users: Readonly<Record<string, string>> = { bridge: 'br_netfilter' }

export const knownModules: ReadonlySet<string> = new Set([...usual, ...'ip_vs_rr ip_vs_wrr ip_vs_sh iptable_nat iptable_filter ip_set xt_set dummy veth ipip nf_tables wireguard'.split(' ')])

export const moduleName = (name: string): string => name.replaceAll('-', '_')

export class LoadedModules {
  readonly #loaded = new Set(usual)
  /** Told after a change. */
  onChange: () => void = () => {}

  has(name: string): boolean {
    return this.#loaded.has(moduleName(name))
  }

  load(name: string): void {
    this.#loaded.add(moduleName(name))
    this.onChange()
  }

  /** False: it is in use, or not loaded. */
  unload(name: string): boolean {
    const user = users[moduleName(name)]
    if (user !== undefined && this.#loaded.has(user)) return false
    const was = this.#loaded.delete(moduleName(name))
    if (was) this.onChange()
    return was
  }

  /** What a machine loads when it comes up. */
  boot(fs: FileSystem): void {
    this.#loaded.clear()
    for (const name of usual) if (!onRequest.has(name)) this.#loaded.add(name)
    for (const folder of ['/usr/lib/modules-load.d', '/etc/modules-load.d']) {
      if (!fs.exists(folder)) continue
      for (const file of fs.readDir(folder).filter((f) => f.endsWith('.conf'))) for (const line of fs.readFile(`${folder}/${file}`).split('\n')) if (knownModules.has(moduleName(line.trim()))) this.#loaded.add(moduleName(line.trim()))
    }
    if (fs.exists('/etc/modules')) for (const line of fs.readFile('/etc/modules').split('\n')) if (knownModules.has(moduleName(line.trim()))) this.#loaded.add(moduleName(line.trim()))
    this.onChange()
  }

  /** /proc/modules */
  get text(): string {
    return [...this.#loaded].map((name) => {
      const user = users[name] !== undefined && this.#loaded.has(users[name]) ? users[name] : undefined
      return `${name} ${sizes[name] ?? 20_480} ${user ? `1 ${user}` : '0'}`
    }).map((m) => `${m}${m.split(' ').length > 3 ? ',' : ' -'} Live 0x0000000000000000\n`).join('')
  }
}
