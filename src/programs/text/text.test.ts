import { expect, test } from 'vitest'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createBash } from '#shell/bash.ts'
import { textPrograms } from './table.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace
const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ['bash', bash], ['sh', bash]])

const files: Record<string, string> = {
  fruit: 'apple\nbanana\ncherry\n',
  pods: 'NAME READY STATUS RESTARTS\nweb-1 1/1 Running 0\nweb-2 0/1 Pending 12\napi-1 2/2 Running 1\n',
  'pods.json': '{"items":[{"metadata":{"name":"web","labels":{"app":"web"}},"spec":{"n":3}},{"metadata":{"name":"api"},"spec":{"n":1}}]}\n',
}

/** Runs a script in a directory with the files above; output and errors in one. */
async function run(script: string, limit = 60_000): Promise<string> {
  const sim = new Sim({ seed: 'text', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const host = new Host({ sim, network: {} as Network, hostname: 'node01', net: net(), programs })
  host.fs.mkdir('/root/lab', { parents: true })
  for (const [name, text] of Object.entries(files)) host.fs.writeFile(`/root/lab/${name}`, text)
  let out = ''
  const child = host.start({ argv: ['bash', '-c', script], cwd: '/root/lab', env: { PATH: '/usr/bin:/bin', HOME: '/root' }, output: { stdin: '', stdout: (t) => (out += t), stderr: (t) => (out += t) } })
  await runner.runWhile(() => child.status === undefined, limit)
  return out + (child.status?.code === 0 ? '' : `[${child.status?.code ?? 'runs'}]`)
}

const cases: readonly (readonly [title: string, script: string, output: string])[] = [
  ['a closed pipe ends what writes into it', 'yes | head -2; echo ${PIPESTATUS[@]}', 'y\ny\n141 0\n'],
  ['cut, sort, uniq', "tail -n +2 pods | cut -d' ' -f3 | sort | uniq -c | sort -rn", '      2 Running\n      1 Pending\n'],
  ['sort by keys', 'sort -k4nr pods | head -2', 'web-2 0/1 Pending 12\napi-1 2/2 Running 1\n'],
  ['grep contexts and counts', 'grep -n -A1 ban fruit; grep -c an fruit; grep -o an fruit; grep -v an fruit', '2:banana\n3-cherry\n1\nan\nan\napple\ncherry\n'],
  ['grep -m shows the context of its last line', "printf '1\\n2\\n3\\n' | grep -A1 -m1 '[1-9]'", '1\n2\n'],
  ['grep -L succeeds when a line was selected somewhere', 'grep -L an fruit; echo $?', '0\n'],
  ['sed', "sed -n '/b/,$p' fruit | sed -E 's/(.)(.)/\\2\\1/;$!d'; sed '1!G;h;$!d' fruit", 'hcerry\ncherry\nbanana\napple\n'],
  ['sed complains with positions', "sed 's/a/b' fruit; sed k fruit", "sed: -e expression #1, char 5: unterminated `s' command\nsed: -e expression #1, char 1: unknown command: `k'\n[1]"],
  ['sed -i keeps a copy', "sed -i.bak 's/apple/pear/' fruit; head -1 fruit fruit.bak", '==> fruit <==\npear\n\n==> fruit.bak <==\napple\n'],
  ['awk counts', "awk 'NR>1{n[$3]++} END{for (s in n) print s, n[s]}' pods | sort", 'Pending 1\nRunning 2\n'],
  ['awk rebuilds a record whose field was set', "awk -F: '{$2=\"X\"}1' <<< a:b:c; awk '{NF=2; print}' OFS=- <<< '1 2 3'", 'a X c\n1-2\n'],
  ['awk numbers and formats', "awk 'BEGIN{print 0.1+0.2, 2^31, 1/3; printf \"%5.1f|%-4s|%c\\n\", 2.25, \"ab\", 65}'", '0.3 2.14748e+09 0.333333\n  2.2|ab  |A\n'],
  ['jq paths, filters, construction', "jq -c '.items|map({(.metadata.name): .spec.n})|add' pods.json; jq -r '.items[]|select(.metadata.labels.app==\"web\").metadata.name' pods.json", '{"web":3,"api":1}\nweb\n'],
  ['jq errors', "jq '.items.x' pods.json; echo $?; jq '.[' pods.json; echo $?", "jq: error (at pods.json:1): Cannot index array with string \"x\"\n5\njq: error: syntax error, unexpected $end (Unix shell quoting issues?) at <top-level>, line 1:\n.[ \njq: 1 compile error\n3\n"],
  ['jq prints 17 digits and short exponents', "jq -nc '[1.1+2.2, 1e17, 1e-5, 3.0]'", '[3.3000000000000003,1e+17,1e-05,3]\n'],
  ['find with actions', "mkdir -p d/e; touch d/a.log d/e/b.log; find d -name '*.log' -exec echo {} \\; ; find d -type f -delete; find d", 'd/a.log\nd/e/b.log\nd\nd/e\n'],
  ['xargs', "printf 'a b\\nc\\n' | xargs -n1; seq 4 | xargs -n2 echo; echo x | xargs -I{} echo {}-{}", 'a\nb\nc\n1 2\n3 4\nx-x\n'],
  ['diff -u', "diff -u --label a --label b fruit <(sed 's/banana/kiwi/' fruit)", '--- a\n+++ b\n@@ -1,3 +1,3 @@\n apple\n-banana\n+kiwi\n cherry\n[1]'],
  ['digests and base64', 'printf abc | sha256sum; printf abc | md5sum; printf hello | base64; echo aGVsbG8= | base64 -d', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n900150983cd24fb0d6963f7d28e17f72  -\naGVsbG8=\nhello'],
  ['dates', "date -d '2025-01-31 +1 month' +%F; date -u -d @0 +%FT%TZ; date -d '1 Jan 2025' '+%a %j %V'", '2025-03-03\n1970-01-01T00:00:00Z\nWed 001 01\n'],
  ['timeout', 'timeout 1 sleep 5; echo $?; timeout 5 true; echo $?', '124\n0\n'],
  ['tar', 'mkdir -p d; echo x > d/f; tar cf a.tar d; mkdir o; tar xf a.tar -C o; tar tf a.tar; cat o/d/f', 'd/\nd/f\nx\n'],
  ['coreutils say what they cannot do', 'cat nosuch; rm d2; mkdir fruit; cp fruit; ls --nosuch', "cat: nosuch: No such file or directory\nrm: cannot remove 'd2': No such file or directory\nmkdir: cannot create directory ‘fruit’: File exists\ncp: missing destination file operand after 'fruit'\nTry 'cp --help' for more information.\nls: unrecognized option '--nosuch'\nTry 'ls --help' for more information.\n[2]"],
  ['column and paste', "column -t pods | head -2; seq 4 | paste -d, - -", 'NAME   READY  STATUS   RESTARTS\nweb-1  1/1    Running  0\n1,2\n3,4\n'],
  ['bc', "echo 'scale=3; 10/3; 2^10; sqrt(2)' | bc", '3.333\n1024\n1.414\n'],
]

test.each(cases)('%s', async (_title, script, output) => {
  expect(await run(script)).toBe(output)
})

test('tail -f follows and grep --line-buffered passes on', async () => {
  expect(await run('(sleep 2; echo new >> fruit; sleep 2) & tail -n1 -f fruit | grep --line-buffered -m2 . ', 10_000)).toContain('cherry\nnew\n')
})
