/** apt-cache: what the fetched indices offer. */
import { statusFile } from '#engine/kubeadm/packages.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { AptError, fail, guarded, say } from './output.ts'
import { candidate, installed, offers, present, sources, sourceText, statusText, type Offer } from './state.ts'
import { aptCacheUsage } from './usage.ts'

async function madison(process: Process, names: readonly string[]): Promise<void> {
  const all = offers(process)
  for (const name of names) {
    const own = all.filter((o) => o.name === name)
    const width = Math.max(10, ...own.map((o) => o.version.length))
    for (const o of own) await say(process, `${name.padStart(10)} | ${o.version.padStart(width)} | ${sourceText(o.source, 'Packages')}`)
  }
}

async function policy(process: Process, names: readonly string[]): Promise<void> {
  const all = offers(process)
  const have = installed(process)
  if (names.length === 0) {
    await say(process, `Package files:\n 100 ${statusFile}\n     release a=now`)
    for (const s of sources(process)) await say(process, ` 500 ${sourceText(s, 'Packages')}\n     origin ${/^\w+:\/\/([^/]+)/.exec(s.url)?.[1] ?? ''}`)
    return say(process, 'Pinned packages:')
  }
  for (const name of names) {
    const own: readonly Offer[] = all.filter((o) => o.name === name)
    const old = present(have, name)
    if (own.length === 0 && !old) continue
    await say(process, `${name}:\n  Installed: ${old?.version ?? '(none)'}\n  Candidate: ${candidate(all, old, name) ?? '(none)'}\n  Version table:`)
    const here = `        100 ${statusFile}`
    for (const o of own) {
      const mine = old?.version === o.version
      await say(process, `${mine ? ' *** ' : '     '}${o.version} 500\n        500 ${sourceText(o.source, 'Packages')}${mine ? `\n${here}` : ''}`)
    }
    if (old && !own.some((o) => o.version === old.version)) await say(process, ` *** ${old.version} 100\n${here}`)
  }
}

async function show(process: Process, names: readonly string[]): Promise<void> {
  const all = offers(process)
  let found = false
  for (const name of names) {
    const blocks = all.filter((o) => o.name === name).map((o) => o.text.trim())
    if (blocks.length === 0) blocks.push(...statusText(process).split(/\n\n+/).filter((b) => b.startsWith(`Package: ${name}\n`)).map((b) => b.trim()))
    for (const block of blocks) await process.stdout.write(`${block}\n\n`)
    found ||= blocks.length > 0
  }
  if (!found) fail('No packages found')
}

async function search(process: Process, names: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (const o of offers(process)) {
    const summary = /^Description: (.*)$/m.exec(o.text)?.[1] ?? ''
    if (seen.has(o.name) || !names.every((n) => o.name.includes(n) || summary.toLowerCase().includes(n.toLowerCase()))) continue
    seen.add(o.name)
    await say(process, `${o.name} - ${summary}`)
  }
}

async function packageNames(process: Process, prefixes: readonly string[]): Promise<void> {
  for (const name of [...new Set(offers(process).map((o) => o.name))].filter((n) => n.startsWith(prefixes[0] ?? ''))) await say(process, name)
}

export const cacheCommands: Readonly<Record<string, (process: Process, names: readonly string[]) => Promise<void>>> = { madison, policy, show, search, pkgnames: packageNames }

export const aptCache: Program = async (process) => {
  await process.sleep(30)
  return guarded(process, async () => {
    const words = process.argv.slice(1).filter((w) => !w.startsWith('-'))
    if (words.length === 0) {
      await process.stdout.write(aptCacheUsage)
      throw new AptError([], 1)
    }
    const command = cacheCommands[words[0]!]
    if (!command) fail(`Invalid operation ${words[0]}`)
    await command!(process, words.slice(1))
  })
}
