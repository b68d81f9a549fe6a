import { expect, test } from 'vitest'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createBash } from '#shell/bash.ts'
import type { RecordedCase } from './cases/case.ts'
import { jqCases } from './cases/jq.ts'
import { moreCases } from './cases/more.ts'
import { shellCases } from './cases/shell.ts'
import { textCases } from './cases/text.ts'
import { textPrograms } from './table.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace
const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ['bash', bash], ['sh', bash]])

/** Runs a script in an empty directory of a fresh host. */
async function run(script: string): Promise<RecordedCase> {
  const sim = new Sim({ seed: 'recorded', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const host = new Host({ sim, network: {} as Network, hostname: 'controlplane', net: net(), programs })
  host.fs.mkdir('/root/lab', { parents: true })
  host.fs.writeFile('/etc/passwd', 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n')
  host.fs.writeFile('/etc/group', 'root:x:0:\nnogroup:x:65534:\n')
  let out = ''
  let err = ''
  const env = { HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm', USER: 'root' }
  const child = host.start({ argv: ['bash', '-c', script], cwd: '/root/lab', env, output: { stdin: '', stdout: (t) => (out += t), stderr: (t) => (err += t) } })
  await runner.runWhile(() => child.status === undefined, 60_000)
  return [script, out, err, child.status?.code ?? -1]
}

async function all(cases: readonly RecordedCase[]): Promise<void> {
  const wrong: RecordedCase[] = []
  const right: RecordedCase[] = []
  for (const c of cases) {
    const got = await run(c[0])
    if (JSON.stringify(got) === JSON.stringify(c)) continue
    wrong.push(got)
    right.push(c)
  }
  expect(wrong).toEqual(right)
}

test('bash 5.2', () => all(shellCases))
test('the text tools', () => all(textCases))
test('jq 1.6', () => all(jqCases))
test('rarer tools and forms', () => all(moreCases))
