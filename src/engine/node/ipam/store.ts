/**
 * host-local's state on disk: one file per address in /var/lib/cni/networks/NAME holding `CONTAINER\r\nIFNAME`, and
 * last_reserved_ip.N per range set. The files are the only state, so a learner who deletes one frees the address, as on a real node.
 */
import type { FileSystem } from '#engine/machine/files.ts'
import { formatIp, parseIp } from './address.ts'
import type { Ip } from './address.ts'

const lineBreak = '\r\n'

export class LeaseStore {
  readonly #fs: FileSystem
  readonly folder: string

  constructor(fs: FileSystem, network: string, dataDir = '/var/lib/cni/networks') {
    this.#fs = fs
    this.folder = `${dataDir === '' ? '/var/lib/cni/networks' : dataDir}/${network}`
    fs.mkdir(this.folder, { parents: true, mode: 0o755 })
    if (!fs.exists(`${this.folder}/lock`)) fs.writeFile(`${this.folder}/lock`, '', { mode: 0o600 })
  }

  /** False when another container holds it. */
  reserve(id: string, ifname: string, ip: Ip, rangeId: number): boolean {
    const path = `${this.folder}/${formatIp(ip)}`
    if (this.#fs.exists(path)) return false
    this.#fs.writeFile(path, id.trim() + lineBreak + ifname, { mode: 0o600 })
    this.#fs.writeFile(`${this.folder}/last_reserved_ip.${rangeId}`, formatIp(ip), { mode: 0o600 })
    return true
  }

  lastReserved(rangeId: number): Ip | undefined {
    const path = `${this.folder}/last_reserved_ip.${rangeId}`
    return this.#fs.exists(path) ? parseIp(this.#fs.readFile(path)) : undefined
  }

  /** Addresses held by a container's interface; files without an interface name (an older format) count for the container. */
  heldBy(id: string, ifname: string): Ip[] {
    const exact = this.#matching(id.trim() + lineBreak + ifname)
    return (exact.length > 0 ? exact : this.#matching(id.trim())).flatMap((name) => parseIp(name) ?? [])
  }

  release(id: string, ifname: string): void {
    const exact = this.#matching(id.trim() + lineBreak + ifname)
    for (const name of exact.length > 0 ? exact : this.#matching(id.trim())) this.#fs.unlink(`${this.folder}/${name}`)
  }

  /** Removes every lease whose holder is not in `valid` (`ID\r\nIFNAME`). */
  collect(valid: ReadonlySet<string>): void {
    for (const name of this.#leases()) if (!valid.has(this.#fs.readFile(`${this.folder}/${name}`).trim())) this.#fs.unlink(`${this.folder}/${name}`)
  }

  #leases(): string[] {
    return this.#fs.readDir(this.folder).filter((name) => parseIp(name) !== undefined)
  }

  #matching(content: string): string[] {
    return this.#leases().filter((name) => this.#fs.readFile(`${this.folder}/${name}`).trim() === content)
  }
}
