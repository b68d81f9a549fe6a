/** What runs behind the names of busybox's applets, by `busybox:NAME`. */
import type { Program } from '#engine/machine/process.ts'
import { netPrograms } from '../net/table.ts'
import { nodePrograms } from '../node/table.ts'
import { textPrograms } from '../text/table.ts'
import { createBash } from '#shell/bash.ts'
import { applets, tarOpen } from './applets.ts'
import { ash } from './ash.ts'
import { front, type Front } from './front.ts'
import { busyboxIp } from './ip.ts'
import { ls } from './ls.ts'
import { busyboxArp, busyboxArping, busyboxIfconfig, busyboxIpcalc, busyboxNetstat, busyboxRoute } from './net-config.ts'
import { wc } from './wc.ts'

const big = (name: string): Program | undefined => textPrograms.get(name) ?? nodePrograms.get(name) ?? netPrograms.get(name)

/** tar's complaint about an opening depends on its own command line. */
const tar = (words: Omit<Front, 'program'>, program: Program): Program => (p) => front({ ...words, program, rules: [tarOpen(p.argv), ...(words.rules ?? [])] })(p)

function* made(): Generator<readonly [string, Program]> {
  for (const [name, words] of Object.entries(applets)) {
    const program = big(name)
    if (program) yield [`busybox:${name}`, name === 'tar' ? tar(words, program) : front({ ...words, program })]
  }
  const sh = createBash({ completers: new Map(), voice: ash })
  yield ['busybox:sh', sh]
  yield ['busybox:ash', sh]
  for (const [name, program] of [['ip', busyboxIp], ['ifconfig', busyboxIfconfig], ['route', busyboxRoute], ['arp', busyboxArp], ['netstat', busyboxNetstat], ['arping', busyboxArping], ['ipcalc', busyboxIpcalc]] as const) yield [`busybox:${name}`, program]
  yield ['busybox:ls', ls]
  yield ['busybox:wc', wc]
}

export const busyboxPrograms: ReadonlyMap<string, Program> = new Map(made())
