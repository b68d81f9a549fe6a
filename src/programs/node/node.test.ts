import { expect, test } from 'vitest'
import { SimNetwork } from '#engine/net/network.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { netPrograms } from '#programs/net/table.ts'
import { nodeCompleters } from '#programs/node/completers.ts'
import { nodePrograms } from '#programs/node/table.ts'
import { createBash } from '#shell/bash.ts'

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...netPrograms, ...nodePrograms, ['bash', bash], ['sh', bash]])

async function lab() {
  const sim = new Sim({ seed: 'lab', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const network = new SimNetwork(sim)
  const names = ['red', 'blue']
  const nets = names.map((n) => network.createNamespace(n))
  nets[0]!.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: nets[1]!, mac: '02:00:00:00:00:02' } }, { mac: '02:00:00:00:00:01' })
  nets.forEach((net, i) => {
    for (const d of ['lo', 'eth0']) net.setLink(d, { up: true })
    net.addAddress('eth0', `10.0.0.${i + 1}/24`)
  })
  const hosts = names.map((hostname, i) => new Host({
    sim, network, hostname, net: nets[i]!, programs,
    files: (tree) => {
      tree.file('/etc/hosts', '127.0.0.1 localhost\n10.0.0.1 red\n10.0.0.2 blue\n').file('/root/.ssh/id_ed25519', 'secret', { mode: 0o600 }).file('/root/.ssh/id_ed25519.pub', 'ssh-ed25519 AAAA root@red\n').file('/root/.ssh/authorized_keys', 'ssh-ed25519 AAAA root@red\n')
      tree.file('/usr/lib/systemd/system/ssh.service', '[Unit]\nDescription=OpenBSD Secure Shell server\n[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n')
    },
  }))
  hosts[1]!.units.enable('ssh')
  hosts[1]!.units.start('ssh')
  await runner.runFor(100)
  const run = async (command: string, user = 'root') => {
    let out = ''
    const who = hosts[0]!.users.get(user)!
    const write = (text: string) => {
      out += text
    }
    const child = hosts[0]!.start({ argv: ['bash', '-c', command], user: who, cwd: who.home, env: { PATH: '/usr/sbin:/usr/bin', HOME: who.home, USER: user, LANG: 'C.UTF-8' }, background: false, output: { stdin: '', stdout: write, stderr: write } })
    await runner.runWhile(() => child.status === undefined, 300_000)
    return `${out}[${child.status?.code}]`
  }
  return { sim, runner, hosts, run }
}

test('ssh runs commands and sessions on another host, and says why it cannot', async () => {
  const { run, hosts, runner } = await lab()
  expect(await run('ssh blue hostname; echo x | ssh blue "read a; echo got \\$a; exit 3"')).toBe('blue\ngot x\n[3]')
  expect(await run('ssh red true')).toBe('ssh: connect to host red port 22: Connection refused\n[255]')
  expect(await run('ssh nosuch true')).toBe('ssh: Could not resolve hostname nosuch: Temporary failure in name resolution\n[255]')
  expect(await run('ssh root@blue true', 'candidate')).toBe('root@blue: Permission denied (publickey,password).\n[255]')
  const terminal = hosts[0]!.openTerminal({ argv: ['ssh', 'blue'], env: { HOME: '/root' }, cwd: '/root' })
  let screen = ''
  terminal.onOutput((text) => (screen += text))
  for (const keys of ['', 'ping -q red\r', '\x03', 'hostname\r', 'exit\r']) {
    terminal.write(keys)
    await runner.runFor(500)
  }
  expect(screen.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/\r/g, '')).toMatch(/# ping -q red\nPING red .*\n\^C\n--- red ping statistics.*# hostname\nblue\n.*# exit\nlogout\nConnection to blue closed\.\n$/s)
  expect(terminal.child.status).toEqual({ code: 0 })
})

test('systemctl and journalctl tell of a service', async () => {
  const { hosts, runner, run } = await lab()
  expect(await run("ssh blue 'systemctl stop ssh'")).toBe('[0]')
  expect(hosts[1]!.units.get('ssh')!.active).toBe('inactive')
  hosts[1]!.units.start('ssh')
  await runner.runFor(65_000)
  const out = await run("ssh blue 'systemctl status ssh >/dev/null; systemctl is-active ssh nosuch; systemctl status nosuch; systemctl start nosuch'")
  expect(out).toContain('active\ninactive\nUnit nosuch.service could not be found.\nFailed to start nosuch.service: Unit nosuch.service not found.\n')
  expect(await run("ssh blue 'journalctl -u ssh -n 1 -o cat --no-pager'")).toMatch(/^Accepted publickey for root from 10\.0\.0\.1 port \d+ ssh2\n\[0\]$/)
})

test('sudo, su and id', async () => {
  const { run } = await lab()
  expect(await run('id; sudo id -u; sudo -u nobody id -un; su nobody -c id', 'candidate')).toBe('uid=1000(candidate) gid=1000(candidate) groups=1000(candidate),4(adm),27(sudo)\n0\nnobody\nPassword: \nsu: Authentication failure\n[1]')
  expect(await run('sudo id', 'www-data')).toBe('www-data is not in the sudoers file.\n[1]')
})

test('a certificate request is signed and verified', async () => {
  const { run } = await lab()
  const out = await run(`openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=myca -days 365 2>/dev/null
openssl genrsa -out john.key 2048 && openssl req -new -key john.key -out john.csr -subj "/CN=john/O=dev"
openssl x509 -req -in john.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out john.crt -days 10
openssl x509 -in john.crt -noout -subject -issuer -dates
openssl x509 -in ca.crt -noout -ext keyUsage,basicConstraints
openssl x509 -in ca.crt -noout -ext subjectAltName 2>&1
openssl verify -CAfile ca.crt john.crt; openssl verify john.crt`)
  expect(out).toBe(`Certificate request self-signature ok
subject=O = dev, CN = john
subject=O = dev, CN = john
issuer=CN = myca
notBefore=Jan 15 10:00:00 2026 GMT
notAfter=Jan 25 10:00:00 2026 GMT
X509v3 Key Usage: critical
    Digital Signature, Key Encipherment, Certificate Sign
X509v3 Basic Constraints: critical
    CA:TRUE
No extensions in certificate
john.crt: OK
O = dev, CN = john
error 20 at 0 depth lookup: unable to get local issuer certificate
error john.crt: verification failed
[2]`)
})

test('processes are listed and ended', async () => {
  const { run } = await lab()
  expect(await run('ping -i 10 blue >/dev/null & pgrep -a ping; pkill -x ping; wait; pgrep ping')).toMatch(/^\d+ ping -i 10 blue\n(bash: line 1: +\d+ Terminated .*\n)?\[1\]$/)
  expect(await run('ps -o pid,comm -p 1')).toBe('    PID COMMAND\n      1 init\n[0]')
})

test('ps names what it does not know', async () => {
  const { run } = await lab()
  const usage = "\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n[1]"
  for (const [words, why] of [['-z', 'unsupported SysV option'], ['z', 'unsupported option (BSD syntax)'], ['--foo', 'unknown gnu long option'], ['-p', 'list of process IDs must follow -p'], ['-p abc', 'process ID list syntax error'], ['-u nosuch', 'user name does not exist'], ['-eo', 'format specification must follow -o']]) expect(await run(`ps ${words}`)).toBe(`error: ${why}${usage}`)
  expect(await run('ps -o pid:3,ppid= -p 1')).toBe('PID\n  1       0\n[0]')
})

test('openssl names what it cannot read and options that it does not know', async () => {
  const { run } = await lab()
  expect(await run('echo junk > j; openssl verify j')).toBe('Could not read certificate file from j\nUnable to load certificate file\n[2]')
  expect(await run('openssl verify -foo')).toBe('verify: Unknown option: -foo\nverify: Use -help for summary.\n[1]')
  expect(await run('openssl x509 -in')).toBe('x509: Option -in needs a value\nx509: Use -help for summary.\n[1]')
})

test('ssh completes hosts, systemctl its verbs and units', async () => {
  const { hosts, runner } = await lab()
  const ask = async (...words: string[]) => {
    let answer: readonly string[] = []
    hosts[1]!.start({ argv: ['ask'], program: async (p) => {
      answer = await nodeCompleters.get(words[0]!)!(p, words, words.length - 1)
      return 0
    } })
    await runner.runFor(10)
    return answer
  }
  expect(await ask('ssh', 'r')).toEqual(['red'])
  expect(await ask('ssh', 'root@b')).toEqual(['root@blue'])
  expect(await ask('ssh', 'red', '')).toEqual([])
  expect(await ask('systemctl', 'sta')).toEqual(['start', 'status'])
  expect(await ask('systemctl', 'status', 'ss')).toEqual(['ssh.service'])
  expect(await ask('journalctl', '-u', 'ss')).toEqual(['ssh.service'])
})
