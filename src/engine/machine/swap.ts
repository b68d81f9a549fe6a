/**
 * Swap of a host: areas in use, and those that a boot takes into use (/etc/fstab and swap units, unless they are masked). Nothing is ever swapped out, and a swap file
 * holds its header alone, whatever size it says.
 */
import type { FileSystem } from './files.ts'

export interface SwapArea {
  readonly path: string
  readonly kilobytes: number
  readonly priority: number
}

export const swapHeader = (kilobytes: number): string => `SWAPSPACE2\n${kilobytes}\n`

/** Kibibytes of a file that `mkswap` has seen. */
export function swapSize(text: string): number | undefined {
  const m = /^SWAPSPACE2\n(\d+)\n/.exec(text)
  return m ? Number(m[1]) : undefined
}

/** Files that /etc/fstab gives for swap; `auto`: without those that say noauto. */
export function fstabSwaps(fs: FileSystem, auto = true): string[] {
  if (!fs.exists('/etc/fstab')) return []
  return fs.readFile('/etc/fstab').split('\n').flatMap((line) => {
    const [device = '', , type, options = ''] = line.trim().split(/\s+/)
    return device.startsWith('#') || type !== 'swap' || (auto && options.split(',').includes('noauto')) ? [] : [device]
  })
}

const units = '/etc/systemd/system'
const unitName = (path: string) => `${path.slice(1).replaceAll('-', '\\x2d').replaceAll('/', '-')}.swap`
const masked = (fs: FileSystem, name: string) => fs.exists(`${units}/${name}`) && fs.lstat(`${units}/${name}`).type === 'symlink' && fs.readlink(`${units}/${name}`) === '/dev/null'

/** `What=` of the swap units that a boot starts. */
function unitSwaps(fs: FileSystem): string[] {
  return ['swap.target.wants', 'multi-user.target.wants'].map((f) => `${units}/${f}`).filter((f) => fs.exists(f)).flatMap((folder) => fs.readDir(folder).filter((n) => n.endsWith('.swap') && !masked(fs, n) && fs.exists(`${folder}/${n}`)).flatMap((n) => {
    const what = /^\s*What\s*=\s*(\S+)/m.exec(fs.readFile(`${folder}/${n}`))?.[1]
    return what === undefined ? [] : [what]
  }))
}

export class SwapAreas {
  #areas: SwapArea[] = []

  get areas(): readonly SwapArea[] {
    return this.#areas
  }

  get kilobytes(): number {
    return this.#areas.reduce((sum, a) => sum + a.kilobytes, 0)
  }

  find(path: string): SwapArea | undefined {
    return this.#areas.find((a) => a.path === path)
  }

  add(path: string, kilobytes: number, priority = -2 - this.#areas.length): void {
    this.#areas.push({ path, kilobytes, priority })
  }

  remove(path: string): void {
    this.#areas = this.#areas.filter((a) => a.path !== path)
  }

  /** What a machine does when it comes up. */
  boot(fs: FileSystem): void {
    this.#areas = []
    if (masked(fs, 'swap.target')) return
    for (const path of new Set([...fstabSwaps(fs).filter((p) => !masked(fs, unitName(p))), ...unitSwaps(fs)])) {
      const size = fs.exists(path) ? swapSize(fs.readFile(path)) : undefined
      if (size !== undefined) this.add(path, size)
    }
  }

  /** /proc/swaps */
  get text(): string {
    const wide = (n: number) => (n < 10_000_000 ? '\t' : '')
    const line = (a: SwapArea) => `${a.path}${' '.repeat(a.path.length < 40 ? 40 - a.path.length : 1)}file\t\t${a.kilobytes}\t${wide(a.kilobytes)}0\t\t${a.priority}\n`
    return `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${this.#areas.map(line).join('')}`
  }
}
