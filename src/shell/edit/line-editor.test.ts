import { expect, test } from 'vitest'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createBash } from '../bash.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([['bash', createBash({ completers: new Map() })]])

/** Types keys into an interactive shell; gives what its commands printed, without prompts, echo and escape sequences. */
async function typed(...keys: string[]): Promise<string[]> {
  const sim = new Sim({ seed: 'editor', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const host = new Host({ sim, network: {} as Network, hostname: 'node01', net: net(), programs })
  host.fs.mkdir('/root/lab', { parents: true })
  let out = ''
  const session = host.openTerminal({ argv: ['bash', '--norc', '--noprofile'], env: { PATH: '/usr/bin:/bin', HOME: '/root', PS1: '\x02$ ' }, cwd: '/root/lab', columns: 80, rows: 24 })
  session.onOutput((text) => (out += text))
  await runner.runFor(50)
  const seen: string[] = []
  for (const k of keys) {
    out = ''
    session.write(k)
    await runner.runFor(50)
    // What stands between the end of editing and the next prompt.
    if (k.endsWith('\r')) seen.push(/\x1b\[\?2004l\r?\n([\s\S]*?)(?:\x1b\[\?2004h|$)/.exec(out)?.[1]?.replace(/\r\n/g, '\n') ?? out)
  }
  return seen
}

const esc = '\x1b'

test('a repeat count, words that change places, blanks around the cursor', async () => {
  expect(await typed(`echo x${esc}3y\r`, `echo abc def${esc}t\r`, `echo a  b${esc}b${esc}\\\x05 c\r`)).toEqual(['xyyy\n', 'def abc\n', 'ab c\n'])
})

test('the search goes on within a line before it goes to an older one', async () => {
  expect(await typed('echo apple\r', 'echo after\r', '\x12e\x12\x12\r')).toEqual(['apple\n', 'after\n', 'apple\n'])
})

test('!: with a word, ^old^new, and what the history keeps of them', async () => {
  expect(await typed('echo a b c\r', 'echo !:2\r', '^b^x\r', 'history\r')).toEqual(['a b c\n', 'echo b\nb\n', 'echo x\nx\n', '    1  echo a b c\n    2  echo b\n    3  echo x\n    4  history\n'])
})

test('history lines that were changed and left stay changed, the one that is run does not', async () => {
  expect(await typed('echo one\r', 'echo two\r', '\x10\x10 edited\x0e\x0e\x15echo three\r', '\x10\x10\x10\r', 'echo four\r', '\x10\x10\x10\x10\x10\r')).toEqual(['one\n', 'two\n', 'three\n', 'one edited\n', 'four\n', 'one edited\n'])
})

test('^O runs a line of the history and shows the next', async () => {
  expect(await typed('echo 1\r', 'echo 2\r', '\x10\x10\x0f', '\r')).toEqual(['1\n', '2\n', '2\n'])
})

test('read -t that gave up leaves what is typed afterwards alone', async () => {
  expect((await typed('read -t 0.01 x; echo $?\r', 'echo later\r')).at(-1)).toBe('later\n')
})

test('the prompt begins behind an unfinished line of output', async () => {
  expect((await typed('printf unfinished\r'))[0]).toBe('unfinished')
})
