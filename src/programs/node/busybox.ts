/** busybox's df and free. */
import { memory } from '#engine/machine/proc.ts'
import type { Program } from '#engine/machine/process.ts'
import type { View } from '#engine/machine/vfs.ts'
import { say } from '../net/support.ts'

const human = (kb: number) => (kb >= 1048576 ? `${(kb / 1048576).toFixed(1)}G` : kb >= 1024 ? `${(kb / 1024).toFixed(1)}M` : `${kb.toFixed(1)}K`)

/** The multi-call binary: `busybox APPLET …`; its own name lists nothing here. */
export const busybox: Program = async (p) => {
  const [name, ...args] = p.argv.slice(1)
  const applet = name === undefined ? undefined : (p.machine.programs.get(`busybox:${name}`) ?? p.machine.programs.get(name))
  if (name === undefined || name === '--help') {
    await say(p, 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n')
    return 0
  }
  if (!applet) {
    await p.stderr.write(`${name}: applet not found\n`)
    return 127
  }
  ;(p as unknown as { argv: readonly string[] }).argv = [name, ...args]
  return applet(p)
}

export const busyboxDf: Program = async (p) => {
  const h = p.argv.slice(1).some((a) => /^-\w*h/.test(a))
  const rows = (p.fs as View).namespace.mounts.filter((m) => ['ext4', 'tmpfs', 'overlay'].includes(m.type)).map((m) => {
    const [total, used] = m.type === 'tmpfs' ? [Number(/\bsize=(\d+)k/.exec(m.options)?.[1] ?? 65_536), 0] : [30_832_548, 6_214_880]
    const cell = (kb: number) => (kb === 0 ? '0' : h ? human(kb) : String(kb)).padStart(9)
    const row = `${cell(total)} ${cell(used)} ${cell(total - used)} ${String(Math.round((used / total) * 100)).padStart(3)}% ${m.path}`
    return m.source.length > 20 ? `${m.source}\n${' '.repeat(20)} ${row}` : `${m.source.padEnd(20)} ${row}`
  })
  await say(p, `Filesystem           ${h ? '     Size' : '1K-blocks'}      Used Available Use% Mounted on\n${rows.map((r) => r + '\n').join('')}`)
  return 0
}

export const busyboxFree: Program = async (p) => {
  const divide = p.argv.includes('-m') ? 1024 : p.argv.includes('-g') ? 1048576 : 1
  const h = p.argv.includes('-h')
  const cell = (kb: number) => (h ? human(kb) : String(Math.floor(kb / divide))).padStart(12)
  const used = memory.total - memory.free - memory.buffers - memory.cached
  await say(p, `              total        used        free      shared  buff/cache   available\nMem:   ${[memory.total, used, memory.free, 1180, memory.buffers + memory.cached, memory.available].map(cell).join('')}\nSwap:  ${[0, 0, 0].map(cell).join('')}\n`)
  return 0
}
