/** apt-mark: packages that an upgrade leaves as they are. */
import type { Process, Program } from '#engine/machine/process.ts'
import { AptError, fail, guarded, say } from './output.ts'
import { installed, offers, present, writeStatus } from './state.ts'
import { aptMarkUsage } from './usage.ts'

async function mark(process: Process, names: readonly string[], hold: boolean): Promise<void> {
  const have = installed(process)
  const known = new Set([...have.map((p) => p.name), ...offers(process).map((o) => o.name)])
  const unknown = names.filter((n) => !known.has(n))
  let list = have
  const changed: string[] = []
  for (const name of names.filter((n) => known.has(n))) {
    const own = present(list, name)
    const held = own?.want === 'hold'
    if (held === hold || !own) {
      if (own) await say(process, hold ? `${name} was already set on hold.` : `${name} was already not on hold.`)
      else await say(process, hold ? `Can't select installed nor candidate version from package '${name}' as it has neither of them` : `${name} was already not on hold.`)
      continue
    }
    if (process.user.uid !== 0) throw new AptError(['dpkg: error: requested operation requires superuser privilege', 'E: Executing dpkg failed. Are you root?'])
    list = list.map((p) => (p === own ? { ...p, want: hold ? 'hold' : 'install' } : p))
    changed.push(name)
  }
  if (changed.length > 0) writeStatus(process, list)
  for (const name of changed) await say(process, hold ? `${name} set on hold.` : `Canceled hold on ${name}.`)
  if (unknown.length > 0) throw new AptError(unknown.map((n) => `E: Unable to locate package ${n}`))
}

async function showHold(process: Process, names: readonly string[]): Promise<void> {
  for (const p of installed(process).filter((x) => x.want === 'hold' && (names.length === 0 || names.includes(x.name))).sort((a, b) => (a.name < b.name ? -1 : 1))) await say(process, p.name)
}

async function showManual(process: Process): Promise<void> {
  for (const p of installed(process).filter((x) => x.state === 'installed')) await say(process, p.name)
}

const commands: Readonly<Record<string, (process: Process, names: readonly string[]) => Promise<void>>> = {
  hold: (process, names) => mark(process, names, true), unhold: (process, names) => mark(process, names, false), showhold: showHold, showholds: showHold, showmanual: showManual, showauto: async () => {}, auto: async () => {}, manual: async () => {},
}

export const aptMark: Program = async (process) => {
  await process.sleep(30)
  return guarded(process, async () => {
    const words = process.argv.slice(1).filter((w) => !w.startsWith('-'))
    if (words.length === 0) {
      await process.stdout.write(aptMarkUsage)
      throw new AptError([], 1)
    }
    const command = commands[words[0]!]
    if (!command) fail(`Invalid operation ${words[0]}`)
    if (/^(un)?hold$|^auto$|^manual$/.test(words[0]!) && words.length === 1) fail('No packages found')
    await command!(process, words.slice(1))
  })
}
