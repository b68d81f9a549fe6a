/** swapon, swapoff, mkswap (util-linux 2.38). */
import { fstabSwaps, swapHeader, swapSize, type SwapAreas } from '#engine/machine/swap.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'

const complain = (p: Process, text: string) => p.stderr.write(`${text}\n`)
const areasOf = (p: Process): SwapAreas => p.machine.host.swaps!
const absolute = (p: Process, path: string) => (path.startsWith('/') ? path : `${p.cwd === '/' ? '' : p.cwd}/${path}`)

function human(kilobytes: number): string {
  const units = ['K', 'M', 'G', 'T']
  let [n, i] = [kilobytes, 0]
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024
    i++
  }
  return `${n >= 10 || Math.abs(n - Math.round(n)) < 0.05 ? Math.round(n) : n.toFixed(1)}${units[i]}`
}

async function show(p: Process): Promise<void> {
  const rows = areasOf(p).areas.map((a) => [a.path, 'file', human(a.kilobytes), '0B', String(a.priority)])
  if (rows.length === 0) return
  const all = [['NAME', 'TYPE', 'SIZE', 'USED', 'PRIO'], ...rows]
  const widths = all[0]!.map((_, i) => Math.max(...all.map((r) => r[i]!.length)))
  for (const r of all) await p.stdout.write(`${r.map((c, i) => (i < 2 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join(' ')}\n`)
}

async function switchOn(p: Process, path: string): Promise<number> {
  let text: string
  try {
    text = p.fs.readFile(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `swapon: cannot open ${path}: ${error.message}`)
    return 255
  }
  const mode = p.fs.stat(path).mode & 0o777
  if (mode & 0o066) await complain(p, `swapon: ${path}: insecure permissions ${mode.toString(8).padStart(4, '0')}, 0600 suggested.`)
  const size = swapSize(text)
  if (size === undefined) {
    await complain(p, `swapon: ${path}: read swap header failed`)
    return 255
  }
  if (p.user.uid !== 0 || areasOf(p).find(path)) {
    await complain(p, `swapon: ${path}: swapon failed: ${p.user.uid !== 0 ? 'Operation not permitted' : 'Device or resource busy'}`)
    return 255
  }
  areasOf(p).add(path, size)
  return 0
}

export const swapon: Program = async (p) => {
  const words = p.argv.slice(1)
  const paths = words.filter((w) => !w.startsWith('-'))
  if (words.includes('-s') || words.includes('--summary')) {
    if (areasOf(p).areas.length > 0) await p.stdout.write(areasOf(p).text)
    return 0
  }
  if (words.some((w) => w.startsWith('--show')) || words.length === 0) {
    await show(p)
    return 0
  }
  let code = 0
  if (words.includes('-a') || words.includes('--all')) for (const path of fstabSwaps(p.fs)) if (!areasOf(p).find(path)) code = Math.max(code, await switchOn(p, path))
  for (const path of paths) code = Math.max(code, await switchOn(p, absolute(p, path)))
  return code
}

export const swapoff: Program = async (p) => {
  const words = p.argv.slice(1)
  const all = words.includes('-a') || words.includes('--all')
  const paths = [...(all ? areasOf(p).areas.map((a) => a.path) : []), ...words.filter((w) => !w.startsWith('-')).map((w) => absolute(p, w))]
  if (!all && paths.length === 0) {
    await complain(p, 'swapoff: bad usage\nTry \'swapoff --help\' for more information.')
    return 16
  }
  for (const path of paths) {
    if (p.user.uid !== 0) {
      await complain(p, 'swapoff: Not superuser.')
      return 1
    }
    if (!areasOf(p).find(path)) {
      await complain(p, `swapoff: ${path}: swapoff failed: ${p.fs.exists(path) ? 'Invalid argument' : 'No such file or directory'}`)
      return 4
    }
    areasOf(p).remove(path)
  }
  return 0
}

export const mkswap: Program = async (p) => {
  const path = p.argv.slice(1).find((w) => !w.startsWith('-'))
  if (path === undefined) {
    await complain(p, 'mkswap: error: Nowhere to set up swap on?')
    return 1
  }
  try {
    const stat = p.fs.stat(absolute(p, path))
    const kilobytes = Math.floor(stat.size / 4096) * 4 - 4
    if (kilobytes < 36) {
      await complain(p, 'mkswap: error: swap area needs to be at least 40 KiB')
      return 1
    }
    if (stat.mode & 0o066) await complain(p, `mkswap: ${path}: insecure permissions ${(stat.mode & 0o777).toString(8).padStart(4, '0')}, fix with: chmod 0600 ${path}`)
    p.fs.writeFile(absolute(p, path), swapHeader(kilobytes))
    const hexes = '0123456789abcdef'
    const uuid = [8, 4, 4, 4, 12].map((n) => p.machine.sim.random.letters(n, hexes)).join('-')
    await p.stdout.write(`Setting up swapspace version 1, size = ${human(kilobytes).replace(/([KMG])$/, ' $1iB')} (${kilobytes * 1024} bytes)\nno label, UUID=${uuid}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(p, `mkswap: cannot open ${path}: ${error.message}`)
    return 1
  }
}
