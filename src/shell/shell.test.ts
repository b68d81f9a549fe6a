import { expect, test } from 'vitest'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createBash } from './bash.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace
const bash = createBash({ completers: new Map([['kubectl', async (_process, words, index) => ['get', 'describe', 'delete'].filter((w) => index === 1 && w.startsWith(words[1]!))]]) })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([
  ['bash', bash],
  ['sh', bash],
  ['cat', async (p) => {
    const inputs = p.argv.length > 1 ? p.argv.slice(1).map((f) => p.open(f, { read: true })) : [p.stdin]
    for (const input of inputs) for (let chunk = await input.read(); chunk !== undefined; chunk = await input.read()) await p.stdout.write(chunk)
    return 0
  }],
  ['sleep', async (p) => {
    await p.sleep(Number(p.argv[1]) * 1000)
    return 0
  }],
  ['kubectl', async () => 0],
])

function world() {
  const sim = new Sim({ seed: 'shell', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const host = new Host({ sim, network: {} as Network, hostname: 'node01', net: net(), programs })
  host.fs.mkdir('/root/lab', { parents: true })
  return { sim, runner, host }
}

async function run(script: string): Promise<string> {
  const { runner, host } = world()
  let out = ''
  const child = host.start({ argv: ['bash', '-c', script], cwd: '/root/lab', env: { PATH: '/usr/bin:/bin', HOME: '/root' }, output: { stdin: '', stdout: (t) => (out += t), stderr: (t) => (out += t) } })
  await runner.runWhile(() => child.status === undefined, 60_000)
  return out + (child.status?.code === 0 ? '' : `[${child.status?.code}]`)
}

const cases: readonly (readonly [title: string, script: string, output: string])[] = [
  ['parameter expansion', 'f=/a/b.tar.gz; echo ${f##*/} ${f%.*} ${f/a/x} ${f:1:3} ${#f} ${u:-d} ${f^^}', 'b.tar.gz /a/b.tar /x/b.tar.gz a/b 11 d /A/B.TAR.GZ\n'],
  ['arrays', 'a=(1 "2 3"); a+=(4); echo ${#a[@]} "${a[1]}" "${a[@]/#/x}"; declare -A m=([k]=v); echo ${m[k]} ${!m[@]}', '3 2 3 x1 x2 3 x4\nv k\n'],
  ['splitting and quoting', 'x="a  b"; set -- $x "$x"; echo $# "$3"; IFS=,; y=1,2; set -- $y; echo $#', '3 a  b\n2\n'],
  ['braces, tilde, arithmetic', 'echo {a,b}{1..2} ~/x $((2**10 % 7)) $((x=5, x++ + ++x))', 'a1 a2 b1 b2 /root/x 2 12\n'],
  ['here-documents', 'x=1\ncat <<A\n$x $((x+1)) \\$x\nA\ncat <<"A"\n$x\nA', '1 2 $x\n$x\n'],
  ['pipelines and their statuses', 'set -o pipefail; false | true; echo $? ${PIPESTATUS[@]}', '1 1 0\n'],
  ['control flow', 'for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; case ab in a*) echo A;;& *b) echo B;; esac; until ((++n > 2)); do :; done; echo $n', '1\n3\nA\nB\n3\n'],
  ['functions, local, return', 'f() { local x=2; return 3; }; x=1; f; echo $? $x', '3 1\n'],
  ['process substitution', 'cat <(echo a) <(echo b)', 'a\nb\n'],
  ['errexit looks away in conditions', 'set -e; if false; then :; fi; false || echo on; false; echo never', 'on\n[1]'],
  ['traps', "trap 'echo bye $?' EXIT; trap 'echo usr' USR1; kill -USR1 $$; exit 3", 'usr\nbye 3\n[3]'],
  ['errors carry the line', 'nosuch\n\ncd /nosuch\n./lab2', 'bash: line 1: nosuch: command not found\nbash: line 3: cd: /nosuch: No such file or directory\nbash: line 4: ./lab2: No such file or directory\n[127]'],
  ['a variable for one command, from its own value', 'x=1; f() { echo $x; }; x=$x:2 f; x+=3 f; declare -i x; x+=3 f; x=1+3 f; PATH=/nosuch:$PATH cat /dev/null; echo $? $x', '1:2\n13\n4\n1+3\n0 1\n'],
  ['a script that is not there', 'sh nosuch.sh; echo $?; sh ./d/x; bash nosuch.sh', 'sh: 0: cannot open nosuch.sh: No such file\n2\nsh: 0: cannot open ./d/x: No such file\nbash: nosuch.sh: No such file or directory\n[127]'],
  ['an expansion error gives up the line, not the script', 'echo $((1/0)); echo same line\necho next', 'bash: line 1: 1/0: division by 0 (error token is "0")\nnext\n'],
  ['${x:?} ends bash -c with 127', 'echo ${X:?no value}; echo never', 'bash: line 1: X: no value\n[127]'],
  ['syntax errors', 'echo one\nif true; then fi', "one\nbash: -c: line 2: syntax error near unexpected token `fi'\nbash: -c: line 2: `if true; then fi'\n[2]"],
  ['unterminated quotes', 'echo "a', "bash: -c: line 1: unexpected EOF while looking for matching `\"'\n[2]"],
  ['jobs without job control', 'sleep 5 & kill $!; wait $!; echo $?', '143\n'],
  ['read and IFS', 'while IFS=: read -r a b; do echo "$b-$a"; done <<< "1:2:3"', '2:3-1\n'],
  ['declare -f prints functions back', 'f() { if true; then echo x; fi; }; declare -f f', 'f () \n{ \n    if true; then\n        echo x;\n    fi\n}\n'],
  ['extended globs need their option', 'touch() { : > $1; }; touch a.txt; touch b.log\nshopt -s extglob\necho !(*.txt)', 'b.log\n'],
]

test.each(cases)('%s', async (_title, script, output) => {
  expect(await run(script)).toBe(output)
})

/** Types keys into a terminal; what the screen got, without cursor movements. */
async function type(...keys: string[]): Promise<string> {
  const { runner, host } = world()
  host.fs.writeFile('/root/lab/alpha.txt', 'x\n')
  host.fs.writeFile('/root/lab/alps', 'y\n')
  const session = host.openTerminal({ argv: ['bash', '--norc'], env: { PATH: '/usr/bin', HOME: '/root', PS1: '$ ' }, cwd: '/root/lab', columns: 40, rows: 10 })
  let out = ''
  session.onOutput((t) => (out += t))
  await runner.runFor(200)
  for (const k of keys) {
    session.write(k)
    await runner.runFor(300)
  }
  return out.replace(/\x1b\[\?2004[hl]/g, '')
}

const lines = (out: string) => out.replace(/\x1b\[[0-9]*[A-Z]/g, '').split('\r\n').map((l) => l.slice(l.lastIndexOf('\r') + 1))

test('a line is edited, run and remembered', async () => {
  expect(lines(await type('echo hello\r', '\x1b[A\x7f\x7f!\r'))).toEqual(['$ echo hello', 'hello', '$ echo hel!', 'hel!', '$ '])
})
test('^C ends a loop of builtins and a program, and clears the line', async () => {
  expect(lines(await type('while :; do :; done\r', '\x03', 'sleep 100; echo no\r', '\x03', 'half\x03', 'echo $?\r')).slice(-2)).toEqual(['130', '$ '])
})
test('^Z stops, bg and fg go on', async () => {
  const out = lines(await type('sleep 100\r', '\x1a', 'bg\r', 'jobs\r', 'kill %1\r', '\r'))
  expect(out).toContain('[1]+  Stopped                 sleep 100')
  expect(out).toContain('[1]+  Running                 sleep 100 &')
  expect(out).toContain('[1]+  Terminated              sleep 100')
})
test('tab completes files, commands and what a completer offers', async () => {
  expect(lines(await type('cat alph\t\r'))).toEqual(['$ cat alpha.txt ', 'x', '$ '])
  expect(lines(await type('cat al\t\t\t', '\r')).slice(1, 2)).toEqual(['alpha.txt  alps'])
  expect(lines(await type('alias k=kubectl\r', 'k de', '\t', 's\t\r')).at(-2)).toBe('$ k describe ')
})
test('commands over several lines use the second prompt', async () => {
  expect(lines(await type('for i in 1 2\r', 'do echo $i\r', 'done\r'))).toEqual(['$ for i in 1 2', '> do echo $i', '> done', '1', '2', '$ '])
})
test('a long line wraps and is redrawn where it begins', async () => {
  const out = await type(`echo ${'x'.repeat(50)}`, '\x01', '\x05', '\r')
  expect(out).toContain('\x1b[1A')
  expect(lines(out).slice(-2)).toEqual(['x'.repeat(50), '$ '])
})
