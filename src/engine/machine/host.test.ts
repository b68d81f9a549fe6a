import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { Runner } from '#engine/sim/runner.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import { FileTree } from '#engine/machine/tree.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, setBridgeFilter() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace

const programs = new Map<string, Program>([
  ['echo', async (p) => {
    await p.stdout.write(p.argv.slice(1).join(' ') + '\n')
    return 0
  }],
  ['cat', async (p) => {
    const files = p.argv.slice(1)
    const inputs = files.length === 0 ? [p.stdin] : files.map((f) => p.open(f, { read: true }))
    for (const input of inputs) {
      for (let chunk = await input.read(); chunk !== undefined; chunk = await input.read()) await p.stdout.write(chunk)
    }
    return 0
  }],
  ['yes', async (p) => {
    for (;;) await p.stdout.write('y\n')
  }],
  ['sleep', async (p) => {
    await p.sleep(Number(p.argv[1]) * 1000)
    return 0
  }],
  ['sh', async (p) => {
    await p.stdout.write(`sh runs ${p.argv.slice(1).join(' ')}\n`)
    return 7
  }],
])

function world(extra: ReadonlyMap<string, Program> = new Map(), files?: (tree: FileTree) => void) {
  const sim = new Sim({ seed: 'machine', start: Date.UTC(2026, 0, 1) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const host = new Host({ sim, network: {} as Network, hostname: 'node01', net: net(), programs: new Map([...programs, ...extra]), ...(files && { files }) })
  const run = async (program: Program, ms = 10_000) => {
    let out = ''
    const child = host.start({ argv: ['test'], program, output: { stdout: (t) => (out += t), stderr: (t) => (out += t) } })
    await runner.runFor(ms)
    return { out, status: child.status }
  }
  return { sim, runner, host, run }
}

async function capture(p: Process, argv: readonly string[]): Promise<string> {
  const { read, write } = p.pipe()
  const child = p.spawn({ argv, fds: { 1: write } })
  write.release()
  const text = await read.readAll()
  await child.wait()
  return text
}

test('programs are found in PATH, through links, and scripts through their first line', async () => {
  const { run } = world()
  const { out, status } = await run(async (p) => {
    p.fs.writeFile('/tmp/script', '#!/bin/sh -e\nhello\n', { mode: 0o755 })
    await p.stdout.write(await capture(p, ['echo', 'a', 'b']))
    await p.stdout.write(await capture(p, ['/bin/echo', 'c']))
    p.fs.chmod('/tmp/script', 0o755)
    await p.stdout.write(await capture(p, ['/tmp/script', 'x']))
    for (const argv of [['nonesuch'], ['/etc/passwd'], ['/tmp']]) {
      try {
        p.spawn({ argv })
      } catch (error) {
        await p.stdout.write((error as FsError).code + '\n')
      }
    }
    return 3
  })
  expect(out).toBe('a b\nc\nsh runs -e /tmp/script x\nENOENT\nEACCES\nEACCES\n')
  expect(status).toEqual({ code: 3 })
})

test('a writer into a pipe that nobody reads dies of SIGPIPE, and a full pipe makes it wait', async () => {
  const { run } = world()
  const { out } = await run(async (p) => {
    const { read, write } = p.pipe()
    const child = p.spawn({ argv: ['yes'], fds: { 1: write } })
    write.release()
    await p.sleep(100)
    const first = await read.readLine()
    read.release()
    const status = await child.wait()
    await p.stdout.write(JSON.stringify([first, status]))
    return 0
  })
  expect(out).toBe('["y\\n",{"code":141,"signal":"SIGPIPE"}]')
})

test('signals: default, handled, ignored; a killed process never goes on', async () => {
  const { run } = world()
  const heard: string[] = []
  const { out } = await run(async (p) => {
    const child = p.spawn({ argv: ['loop'], program: async (c) => {
      c.onSignal('SIGTERM', () => heard.push('TERM'))
      c.onSignal('SIGINT', 'ignore')
      const woken = await c.interruptible(c.sleep(5000))
      heard.push(String(woken))
      try {
        await c.sleep(5000)
      } finally {
        heard.push('not reached')
      }
      return 0
    } })
    await p.sleep(10)
    p.kill(child.pid, 'SIGINT')
    p.kill(child.pid, 'SIGTERM')
    await p.sleep(10)
    p.kill(child.pid, 'SIGKILL')
    await p.stdout.write(JSON.stringify(await child.wait()))
    return 0
  })
  expect(out).toBe('{"code":137,"signal":"SIGKILL"}')
  expect(heard).toEqual(['TERM', 'interrupted'])
})

test('a stopped process is reported and goes on when continued', async () => {
  const { run } = world()
  const { out } = await run(async (p) => {
    const child = p.spawn({ argv: ['sleep', '1'], newGroup: true })
    await p.sleep(100)
    p.kill(-child.group, 'SIGTSTP')
    const stopped = await child.wait()
    await p.sleep(3000)
    p.kill(-child.group, 'SIGCONT')
    await p.stdout.write(JSON.stringify([stopped, await child.wait()]))
    return 0
  })
  expect(out).toBe('[{"code":148,"signal":"SIGTSTP","stopped":true},{"code":0}]')
})

test('a terminal edits lines, echoes, ends input on ^D and interrupts on ^C', async () => {
  const { host, runner } = world()
  const session = host.openTerminal({ argv: ['cat'] })
  let shown = ''
  session.onOutput((text) => (shown += text))
  await runner.runFor(10)
  session.write('helo\x7flo\r')
  await runner.runFor(10)
  expect(shown).toBe('helo\b \blo\r\nhello\r\n')
  session.write('\x04')
  await runner.runFor(10)
  expect(session.child.status).toEqual({ code: 0 })
  const other = host.openTerminal({ argv: ['sleep', '100'] })
  await runner.runFor(10)
  other.write('\x03')
  await runner.runFor(10)
  expect(other.child.status).toEqual({ code: 130, signal: 'SIGINT' })
})

test('permissions, links and mounts', async () => {
  const { run, host } = world()
  const candidate = host.users.get('candidate')!
  const { out } = await run(async (p) => {
    p.fs.mkdir('/tmp/d', { mode: 0o700 })
    p.fs.writeFile('/tmp/d/f', 'x')
    p.fs.symlink('/tmp/d/f', '/tmp/l')
    p.fs.symlink('/tmp/loop', '/tmp/loop')
    const codes: string[] = []
    const child = p.spawn({ argv: ['user'], user: candidate, program: async (c) => {
      for (const act of [() => c.fs.readFile('/tmp/l'), () => c.fs.writeFile('/etc/x', ''), () => c.fs.unlink('/tmp/l'), () => c.fs.readFile('/tmp/loop'), () => c.fs.mkdir('/proc/x')]) {
        try {
          act()
          codes.push('ok')
        } catch (error) {
          codes.push((error as FsError).code)
        }
      }
      return 0
    } })
    await child.wait()
    await p.stdout.write(codes.join(' ') + ' ' + p.fs.readFile('/tmp/l') + ' ' + p.fs.realpath('/etc/../tmp/l'))
    return 0
  })
  expect(out).toBe('EACCES EACCES EPERM ELOOP ENOENT x /tmp/d/f')
})

test('a container has files, pids and a hostname of its own, and shares image files until it writes', async () => {
  const { host, runner } = world()
  const image = new FileTree().program('/bin/echo', 'echo').program('/bin/sleep', 'sleep').program('/bin/cat', 'cat').file('/etc/motd', 'image\n').dir('/data')
  host.fs.mkdir('/var/lib/vol', { parents: true })
  host.fs.writeFile('/var/lib/vol/a', 'from the host')
  const two = ['a', 'b'].map((id) => host.createContainer({ id, hostname: 'pod-' + id, net: net(), image, mounts: [{ path: '/data', source: '/var/lib/vol' }] }))
  const [a, b] = two as [typeof two[0], typeof two[0]]
  a!.fs.writeFile('/etc/motd', 'changed\n')
  let out = ''
  const main = a!.start({ argv: ['main'], program: async (p) => {
    await p.stdout.write(`${p.pid} ${p.machine.hostname} ${p.fs.readFile('/data/a')} ${p.fs.readDir('/proc').filter((n) => /^\d+$/.test(n)).join(',')} `)
    const child = p.spawn({ argv: ['cat', '/proc/self/comm'] })
    await child.wait()
    p.fs.writeFile('/data/b', 'from the container')
    await p.sleep(1e9)
    return 0
  }, output: { stdout: (t) => (out += t), stderr: (t) => (out += t) } })
  await runner.runFor(100)
  expect(out).toBe('1 pod-a from the host 1 cat\n')
  expect(b!.fs.readFile('/etc/motd')).toBe('image\n')
  expect(host.fs.readFile('/var/lib/vol/b')).toBe('from the container')
  main.signal('SIGTERM')
  expect(main.status).toBeUndefined()
  main.signal('SIGKILL')
  expect(main.status).toEqual({ code: 137, signal: 'SIGKILL' })
})

test('units start, restart when they fail, and reboots start what is enabled', async () => {
  let runs = 0
  const daemon: Program = async (p) => {
    runs++
    await p.stdout.write('serving\n')
    await p.sleep(1000)
    return runs < 3 ? 1 : p.forever()
  }
  const { host, runner } = world(new Map([['mydaemon', daemon]]), (tree) => {
    tree.file('/usr/lib/systemd/system/my.service', '[Unit]\nDescription=My Daemon\n[Service]\nExecStart=/usr/bin/mydaemon --flag $EXTRA\nEnvironment="EXTRA=a b"\nRestart=always\nRestartSec=2\n[Install]\nWantedBy=multi-user.target\n')
  })
  host.units.enable('my')
  host.units.start('my')
  await runner.runFor(20_000)
  const unit = host.units.get('my')!
  expect([unit.active, unit.sub, unit.enabled, unit.restarts, runs]).toEqual(['active', 'running', true, 2, 3])
  expect(host.processes.get(unit.mainPid!)!.argv).toEqual(['/usr/bin/mydaemon', '--flag', 'a', 'b'])
  expect(host.journal.read({ unit: 'my.service' }).map((e) => e.message).slice(0, 5)).toEqual([
    'Started my.service - My Daemon.', 'serving', 'my.service: Main process exited, code=exited, status=1/FAILURE', "my.service: Failed with result 'exit-code'.",
    'my.service: Scheduled restart job, restart counter is at 1.',
  ])
  host.boot()
  expect(host.up).toBe(false)
  await runner.runFor(30_000)
  expect([host.up, host.units.get('my')!.active]).toEqual([true, 'active'])
})

test('root in a container may do what its capabilities say', async () => {
  const { host, runner } = world()
  const image = new FileTree().program('/bin/echo', 'echo')
  const asked: Record<string, boolean[]> = {}
  for (const [id, options] of Object.entries({ plain: {}, added: { capabilities: { add: ['NET_ADMIN'] } }, dropped: { capabilities: { drop: ['ALL'] } }, privileged: { privileged: true } })) {
    const container = host.createContainer({ id, hostname: id, net: net(), image, ...options })
    container.start({ argv: ['ask'], program: async (p) => {
      asked[id] = ['NET_ADMIN', 'NET_RAW'].map((c) => p.can(c))
      return 0
    } })
  }
  await runner.runFor(10)
  expect(asked).toEqual({ plain: [false, true], added: [true, true], dropped: [false, false], privileged: [true, true] })
})

test('a daemon as first process ends when asked to, a program without handlers does not hear of it', async () => {
  const { host, runner } = world()
  const image = new FileTree().program('/bin/sleep', 'sleep')
  const start = (id: string, program?: Program) => host.createContainer({ id, hostname: id, net: net(), image }).start({ argv: ['sleep', '100'], ...(program && { program }) })
  const [daemon, plain] = [start('a', (p) => p.forever()), start('b')]
  await runner.runFor(10)
  daemon.signal('SIGTERM')
  plain.signal('SIGTERM')
  await runner.runFor(10)
  expect([daemon.status, plain.status]).toEqual([{ code: 0 }, undefined])
})
