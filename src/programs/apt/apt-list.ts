/** `apt list`. */
import type { Process } from '#engine/machine/process.ts'
import { say } from './output.ts'
import { candidate, installed, offers, present } from './state.ts'
import { globPattern } from './versions.ts'

export async function listPackages(process: Process, patterns: readonly string[], given: ReadonlySet<string>): Promise<void> {
  const all = offers(process)
  const have = installed(process)
  await say(process, `Listing...${process.stdout.tty ? ' Done' : ''}`)
  const names = [...new Set([...have.filter((p) => p.state === 'installed').map((p) => p.name), ...all.map((o) => o.name)])].sort()
  const tests = patterns.map(globPattern)
  const every = given.has('-a') || given.has('--all-versions')
  const onlyUpgradable = given.has('--upgradable') || given.has('--upgradeable')
  for (const name of names.filter((n) => tests.length === 0 || tests.some((t) => t.test(n)))) {
    const old = present(have, name)
    const best = candidate(all, old, name)
    const offered = (version: string) => all.some((o) => o.name === name && o.version === version)
    const line = (version: string): string => {
      const own = old?.version === version
      const status = own ? (best !== version ? ` [installed,upgradable to: ${best}]` : offered(version) ? ' [installed]' : ' [installed,local]') : old && best === version ? ` [upgradable from: ${old.version}]` : ''
      return `${name}/${offered(version) ? `unknown${own ? ',now' : ''}` : 'now'} ${version} amd64${status}`
    }
    if (onlyUpgradable && (!old || best === old.version)) continue
    if (given.has('--installed') && !old) continue
    if (!every) {
      await say(process, line(given.has('--installed') ? old!.version : best!))
      continue
    }
    const versions = [...new Set([...all.filter((o) => o.name === name).map((o) => o.version), ...(old ? [old.version] : [])])]
    for (const v of versions) await say(process, line(v))
    await say(process, '')
  }
}
