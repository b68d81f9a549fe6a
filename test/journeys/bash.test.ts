/** Item 6 of what a learner can do: a bash that behaves, in a terminal. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
})

const table: readonly (readonly [command: string, output: string])[] = [
  ['yes | head -2; echo ${PIPESTATUS[*]}', 'y\ny\n141 0'],
  ['echo $((1+2)) {a,b}{1,2} ~ "$HOME" \'$HOME\'', '3 a1 a2 b1 b2 /home/student /home/student $HOME'],
  ['echo a b c | xargs -n1 echo x', 'x a\nx b\nx c'],
  ['for i in 1 2 3; do echo $i; done | tail -1', '3'],
  ['i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo -n $i; done; echo', '123'],
  ['f() { echo "f $1 $#"; return 3; }; f a b || echo "rc $?"', 'f a 2\nrc 3'],
  ['true && echo yes || echo no; false && echo yes || echo no', 'yes\nno'],
  ['case abc in a*) echo yes;; *) echo no;; esac', 'yes'],
  ['if [[ abc =~ ^a(.)c$ ]]; then echo ${BASH_REMATCH[1]}; fi', 'b'],
  ['mkdir g && cd g && touch a.txt b.txt c.log; ls *.txt; echo *.nope; cd ..; rm -r g', 'a.txt  b.txt\n*.nope'],
  ['diff <(echo a) <(echo b)', '1c1\n< a\n---\n> b'],
  ['alias hi="echo hello"', ''],
  ['hi you', 'hello you'],
  // Aliases are replaced when a line is read, not when it runs.
  ['alias hi; unalias hi; hi', "alias hi='echo hello'\nhello"],
  ['hi', 'bash: hi: command not found'],
  ['echo out > o.txt; echo more >> o.txt; ls nope 2> e.txt; cat o.txt e.txt; rm o.txt e.txt', "out\nmore\nls: cannot access 'nope': No such file or directory"],
  ['echo hi | tee x.txt; wc x.txt; sort -r x.txt | uniq -c; cut -c1 x.txt; tr a-z A-Z < x.txt; rm x.txt', 'hi\n1 1 3 x.txt\n      1 hi\nh\nHI'],
  ['echo hi | base64; echo aGkK | base64 -d', 'aGkK\nhi'],
  ['mkdir -p d/e; echo t > t.txt; cp t.txt d; mv d/t.txt d/e/u.txt; find d -type f; rm -r d t.txt; ls', 'd/e/u.txt'],
  ['awk -F: \'{print $1}\' /etc/passwd | head -2; sed -n 1p /etc/passwd; grep -c root /etc/passwd', 'root\ndaemon\nroot:x:0:0:root:/root:/bin/bash\n1'],
  ["printf '%s-%03d\\n' a 7; echo '{\"a\":[1,2]}' | jq -c .a | cat", 'a-007\n[1,2]'],
  ['env | grep ^HOME; date +%Y; seq 3 | tail -1', 'HOME=/home/student\n2026\n3'],
  ['kubectl get nodes -o name | while read n; do echo "- $n"; done', '- node/controlplane\n- node/node01\n- node/node02'],
  ['nosuch; ./nosuch; cd /nope; cat nope', 'bash: nosuch: command not found\nbash: ./nosuch: No such file or directory\nbash: cd: /nope: No such file or directory\ncat: nope: No such file or directory'],
  ['if true; then echo y; fi)', "bash: syntax error near unexpected token `)'"],
  ['[ 1 = 1', "bash: [: missing `]'"],
  ['sudo whoami; whoami', 'root\nstudent'],
  ['time sleep 1', '\nreal\t0m1.000s\nuser\t0m0.000s\nsys\t0m0.000s'],
]

test('one line each', async () => {
  const seen: [string, string][] = []
  for (const [command] of table) seen.push([command, await me.run(command)])
  expect(seen).toEqual(table)
})

test('here-documents, with and without expansion', async () => {
  await me.keys('cat <<X | tr a-z A-Z\rhello $USER\r$(echo sub)\r')
  expect(await me.keys('X\r')).toBe('X\nHELLO STUDENT\nSUB\nstudent@base:~$ ')
  await me.keys("cat <<'X'\rno $USER\r")
  expect(await me.keys('X\r')).toBe('X\nno $USER\nstudent@base:~$ ')
})

test('jobs: background, foreground, Ctrl-C, Ctrl-Z', async () => {
  expect(await me.run('sleep 100 &')).toMatch(/^\[1\] \d+$/)
  expect(await me.run('jobs')).toBe('[1]+  Running                 sleep 100 &')
  await me.keys('fg\r')
  expect(await me.keys('\x03')).toBe('^C\nstudent@base:~$ ')
  expect(await me.run('echo $?')).toBe('130')
  await me.keys('sleep 50\r')
  expect(await me.keys('\x1a')).toBe('^Z\n[1]+  Stopped                 sleep 50\nstudent@base:~$ ')
  expect(await me.run('bg')).toBe('[1]+ sleep 50 &')
  expect(await me.run('kill %1')).toBe('[1]+  Terminated              sleep 50')
  await me.keys('while true; do echo x; sleep 1; done\r', 3)
  expect(await me.keys('\x03')).toBe('^C\nstudent@base:~$ ')
  await me.keys('echo "unterminated\r')
  expect(await me.keys('\x03')).toBe('^C\nstudent@base:~$ ')
})

test('history: arrows, !!, Ctrl-R', async () => {
  await me.run('echo first')
  await me.run('echo second')
  expect(await me.keys('\x1b[A\x1b[A\r')).toBe('student@base:~$ echo first\nfirst\nstudent@base:~$ ')
  expect(await me.run('!!')).toBe('echo first\nfirst')
  expect((await me.keys('\x12sec\r')).split('\n').slice(-2)).toEqual(['second', 'student@base:~$ '])
})

/** The line after Tab(s); what two Tabs list comes before it. */
const completions: readonly (readonly [typed: string, shown: string])[] = [
  ['kubec\t', 'kubectl '],
  ['kubectl des\t', 'kubectl describe '],
  ['k des\t', 'k describe '],
  ['kubectl get nod\t', 'kubectl get nodes '],
  ['kubectl get pods -n kube-s\t', 'kubectl get pods -n kube-system '],
  ['kubectl get pods --namespace=kube-s\t', 'kubectl get pods --namespace=kube-system '],
  ['kubectl get deploy -n kube-system core\t', 'kubectl get deploy -n kube-system coredns '],
  ['kubectl -n kube-system logs kube-sch\t', 'kubectl -n kube-system logs kube-scheduler-controlplane '],
  ['kubectl describe node cont\t', 'kubectl describe node controlplane '],
  ['kubectl describe node/node0\t1', 'kubectl describe node/node01'],
  ['kubectl get --all-n\t', 'kubectl get --all-namespaces '],
  ['kubectl config use-con\t', 'kubectl config use-context '],
  ['kubectl rollout st\t', 'kubectl rollout status '],
  ['kubectl create dep\t', 'kubectl create deployment '],
  ['kubectl get pods -o y\t', 'kubectl get pods -o yaml '],
  ['cat /etc/hostn\t', 'cat /etc/hostname '],
  ['echo $HOM\t', 'echo $HOME/'],
  ['kubectl get pods | gre\t', 'kubectl get pods | grep '],
]

test('Tab completes commands, verbs, resources, names, namespaces, flags, files', async () => {
  const seen: [string, string][] = []
  for (const [typed] of completions) {
    const line = (await me.keys(typed, 1)).split('\n').at(-1)!
    seen.push([typed, line.replace(/^student@base:~\$ /, '')])
    await me.keys('\x03')
  }
  expect(seen).toEqual(completions)
})

test('a second Tab lists', async () => {
  expect(await me.keys('kubectl describe node n\t\t', 1)).toBe('student@base:~$ kubectl describe node node0\nnode01  node02\nstudent@base:~$ kubectl describe node node0')
  await me.keys('\x03')
  expect((await me.keys('kubectl rollout \t\t', 1)).split('\n').slice(1, -1).join(' ').split(/ +/)).toEqual(['history', 'pause', 'restart', 'resume', 'status', 'undo'])
  await me.keys('\x03')
})

test('vi and nano open the editor and save; giving up leaves the file', async () => {
  await me.run('vi new.yaml')
  expect(me.sitting.editors.get('main')!.request).toEqual({ path: 'new.yaml', text: '', keys: 'vi', readOnly: false })
  await me.edit(() => 'kind: Pod\n')
  await me.run('nano new.yaml')
  expect(me.sitting.editors.get('main')!.request).toEqual({ path: 'new.yaml', text: 'kind: Pod\n', keys: 'nano', readOnly: false })
  await me.edit(() => undefined)
  expect(await me.run('cat new.yaml; rm new.yaml')).toBe('kind: Pod')
})

test('sudo -i and su', async () => {
  expect(await me.run('sudo -i')).toBe('')
  expect(await me.run('whoami; pwd; su student -c whoami')).toBe('root\n/root\nstudent')
  expect(await me.run('exit')).toBe('logout')
  await me.keys('su -\r')
  expect(await me.keys('guess\r', 3)).toBe('\nsu: Authentication failure\nstudent@base:~$ ')
})

test('watch redraws until Ctrl-C', async () => {
  const text = await me.keys('watch -n1 kubectl get nodes\r', 2.5)
  expect(text.match(/Every 1\.0s: kubectl get nodes/g)!.length).toBeGreaterThanOrEqual(2)
  expect(text).toContain('controlplane   Ready')
  expect((await me.keys('\x03')).endsWith('student@base:~$ ')).toBe(true)
})

test('a flood of output can be stopped', async () => {
  await me.keys('yes\r', 0.05)
  await me.keys('\x03', 1)
  expect(me.sitting.terminals.get('main')!.output.slice(-40)).toMatch(/\^C\r\n.*student@base:~\$ /s)
})
