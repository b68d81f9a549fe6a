/** top of procps: once in batch mode, on a terminal a screen that stays until q. */
import { memory, commandName } from '#engine/machine/proc.ts'
import type { Program } from '#engine/machine/process.ts'
import { clock, say } from '../net/support.ts'
import { cpuTime, rows, rss, two } from './processes.ts'

export const top: Program = async (p) => {
  const list = rows(p)
  const up = Math.floor((p.now() - p.machine.host.bootTime) / 60_000)
  const mib = (kb: number) => (kb / 1024).toFixed(1).padStart(8)
  const head = `top - ${clock(p.now())} up ${up < 60 ? `${up} min` : `${Math.floor(up / 60)}:${two(up % 60)}`},  1 user,  load average: 0.08, 0.03, 0.01\nTasks: ${String(list.length).padStart(3)} total,   1 running, ${String(list.length - 1).padStart(3)} sleeping,   0 stopped,   0 zombie\n%Cpu(s):  1.2 us,  0.8 sy,  0.0 ni, 97.9 id,  0.0 wa,  0.0 hi,  0.1 si,  0.0 st \nMiB Mem : ${mib(memory.total)} total, ${mib(memory.free)} free, ${mib(memory.total - memory.free - memory.buffers - memory.cached)} used, ${mib(memory.buffers + memory.cached)} buff/cache     \nMiB Swap:      0.0 total,      0.0 free,      0.0 used. ${mib(memory.available)} avail Mem \n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n`
  const body = list.map((r) => `${String(r.pid).padStart(7)} ${r.task.user.name.slice(0, 8).padEnd(8)}  20   0 ${String(rss(r.task) * 3).padStart(7)} ${String(rss(r.task)).padStart(6)} ${String(Math.floor(rss(r.task) / 2)).padStart(6)} S   0.0 ${((rss(r.task) / memory.total) * 100).toFixed(1).padStart(5)}   0:0${cpuTime(p, r.task) % 10}.00 ${commandName(r.task)}\n`).join('')
  await say(p, head + body)
  if (p.argv.includes('-n') || p.argv.some((a) => a.startsWith('-b')) || !p.tty) return 0
  const restore = p.tty.setRaw(true)
  p.onEnd(restore)
  for (;;) {
    const keys = await p.stdin.read()
    if (keys === undefined || /[q\x03]/.test(keys)) break
  }
  restore()
  await say(p, '\n')
  return 0
}
