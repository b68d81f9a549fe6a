import { expect, test } from 'vitest'
import { SimNetwork } from '#engine/net/network.ts'
import { Host } from '#engine/machine/host.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { busyboxPrograms } from './table.ts'

/** A machine whose tools are all busybox's. */
function lab() {
  const sim = new Sim({ seed: 'busybox', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const network = new SimNetwork(sim)
  const net = network.createNamespace('box')
  const programs = new Map([...busyboxPrograms].map(([name, program]) => [name.replace('busybox:', ''), program]))
  const host = new Host({ sim, network, hostname: 'box', net, programs, files: (tree) => void tree.dir('/w/d').file('/w/a.txt', 'one\ntwo\n') })
  return async (command: string) => {
    let out = ''
    const write = (text: string) => void (out += text)
    const child = host.start({ argv: ['sh', '-c', command], cwd: '/w', env: { PATH: '/usr/sbin:/usr/bin', HOME: '/root' }, background: false, output: { stdin: '', stdout: write, stderr: write } })
    await runner.runWhile(() => child.status === undefined, 60_000)
    return `${out}[${child.status?.code}]`
  }
}

test.each([
  ['cat nosuch', "cat: can't open 'nosuch': No such file or directory\n[1]"],
  ['cat d', 'cat: read error: Is a directory\n[1]'],
  ['ls nosuch', 'ls: nosuch: No such file or directory\n[1]'],
  ['rm d', "rm: 'd' is a directory\n[1]"],
  ['rm nosuch', "rm: can't remove 'nosuch': No such file or directory\n[1]"],
  ['mkdir d', "mkdir: can't create directory 'd': File exists\n[1]"],
  ['cp nosuch y', "cp: can't stat 'nosuch': No such file or directory\n[1]"],
  ['touch nosuch/x', 'touch: nosuch/x: No such file or directory\n[1]'],
  ['wc a.txt; wc -l a.txt', '        2         2         8 a.txt\n2 a.txt\n[0]'],
  ['tail nosuch', "tail: can't open 'nosuch': No such file or directory\ntail: no files\n[1]"],
  ['nosuch', 'sh: nosuch: not found\n[127]'],
  ['./nosuch', 'sh: ./nosuch: not found\n[127]'],
  ['echo x > /no/y', "sh: can't create /no/y: nonexistent directory\n[1]"],
  ['cat < nosuch', "sh: can't open nosuch: no such file\n[1]"],
  ['(nosuch) | cat', 'sh: nosuch: not found\n[0]'],
  ['cd nosuch || true', "sh: cd: line 0: can't cd to nosuch: No such file or directory\n[0]"],
  ['sh nosuch.sh', "sh: can't open 'nosuch.sh': No such file or directory\n[2]"],
  ['cat a.txt > d/s; cd d; PATH=/w:$PATH sh a.txt; sh .', "sh: can't open 'a.txt': No such file or directory\n[0]"],
  ['echo )', 'sh: syntax error: unexpected ")"\n[2]'],
  ['echo -e "a\\tb" {c,d}', 'a\tb {c,d}\n[0]'],
  ['rmdir', 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.\n\nUsage: rmdir [-p] DIRECTORY...\n\nRemove DIRECTORY if it is empty\n\n\t-p\tInclude parents\n\t--ignore-fail-on-non-empty\n[1]'],
])('%s', async (command, expected) => {
  expect(await lab()(command)).toBe(expected)
})

test('options that an applet lacks are refused with its usage, in the words of the C library', async () => {
  const run = lab()
  expect((await run('cat -z a.txt')).split('\n').slice(0, 4)).toEqual(["cat: invalid option -- 'z'", 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.', '', 'Usage: cat [-nbvteA] [FILE]...'])
  expect((await run('grep -P one a.txt')).split('\n')[0]).toBe("grep: invalid option -- 'P'")
  expect((await run('mkdir -p /lib; echo > /lib/ld-musl-x86_64.so.1; cat -z')).split('\n')[0]).toBe('cat: unrecognized option: z')
})

test('ls -l has busybox columns', async () => {
  expect((await lab()('ls -l')).replace(/[A-Z][a-z]{2} +\d+ +[\d:]+ /g, 'DATE ')).toBe('total 8\n-rw-r--r--    1 root     root             8 DATE a.txt\ndrwxr-xr-x    2 root     root          4096 DATE d\n[0]')
})
