/** OpenBSD netcat 1.219 as Debian has it. Leaves out: UNIX sockets, proxies, TLS, telnet negotiation. */
import { parseIpv4 } from '#base/ip.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Connection, Datagrams } from '#engine/machine/sockets.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, lookupErrors, portNamed, reason, serviceNames } from './support.ts'

const usage = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`

const summary = `\tCommand Summary:
\t\t-4\t\tUse IPv4
\t\t-6\t\tUse IPv6
\t\t-b\t\tAllow broadcast
\t\t-C\t\tSend CRLF as line-ending
\t\t-D\t\tEnable the debug socket option
\t\t-d\t\tDetach from stdin
\t\t-F\t\tPass socket fd
\t\t-h\t\tThis help text
\t\t-I length\tTCP receive buffer length
\t\t-i interval\tDelay interval for lines sent, ports scanned
\t\t-k\t\tKeep inbound sockets open for multiple connects
\t\t-l\t\tListen mode, for inbound connects
\t\t-M ttl\t\tOutgoing TTL / Hop Limit
\t\t-m minttl\tMinimum incoming TTL / Hop Limit
\t\t-N\t\tShutdown the network socket after EOF on stdin
\t\t-n\t\tSuppress name/port resolutions
\t\t-O length\tTCP send buffer length
\t\t-P proxyuser\tUsername for proxy authentication
\t\t-p port\t\tSpecify local port for remote connects
\t\t-q secs\t\tquit after EOF on stdin and delay of secs
\t\t-r\t\tRandomize remote ports
\t\t-S\t\tEnable the TCP MD5 signature option
\t\t-s sourceaddr\tLocal source address
\t\t-T keyword\tTOS value
\t\t-t\t\tAnswer TELNET negotiation
\t\t-U\t\tUse UNIX domain socket
\t\t-u\t\tUDP mode
\t\t-V rtable\tSpecify alternate routing table
\t\t-v\t\tVerbose
\t\t-W recvlimit\tTerminate after receiving a number of packets
\t\t-w timeout\tTimeout for connects and final net reads
\t\t-X proto\tProxy protocol: "4", "5" (SOCKS) or "connect"
\t\t-x addr[:port]\tSpecify proxy address and port
\t\t-Z\t\tDCCP mode
\t\t-z\t\tZero-I/O mode [used for scanning]
\tPort numbers can be individual or ranges: lo-hi [inclusive]
`

interface Options {
  readonly verbose: boolean
  readonly udp: boolean
  readonly scan: boolean
  readonly numeric: boolean
  readonly timeout: number | undefined
  readonly source: string | undefined
  readonly sourcePort: number | undefined
  readonly keep: boolean
  readonly shutdown: boolean
  readonly noInput: boolean
  readonly quit: number | undefined
}

export const nc: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz')
  if (o.error || o.has('h')) {
    await complain(p, o.error ? `nc: ${o.error}\n${usage}` : `OpenBSD netcat (Debian patchlevel 1.219-1)\n${usage}${summary}`)
    return o.error ? 1 : 0
  }
  const seconds = (name: string) => (o.get(name) === undefined ? undefined : Number(o.get(name)) * 1000)
  const options: Options = {
    verbose: o.has('v'), udp: o.has('u'), scan: o.has('z'), numeric: o.has('n'), timeout: seconds('w'), source: o.get('s'), sourcePort: o.get('p') === undefined ? undefined : Number(o.get('p')),
    keep: o.has('k'), shutdown: o.has('N'), noInput: o.has('d'), quit: seconds('q'),
  }
  const refuse = async (text: string) => {
    await complain(p, text)
    return 1
  }
  for (const [letter, what] of [['w', 'timeout'], ['i', 'interval'], ['q', 'quit timer']] as const) {
    const value = o.get(letter)
    if (value !== undefined && !/^-?\d+$/.test(value)) return refuse(`nc: ${what} invalid: ${value}\n`)
  }
  if (o.has('V')) return refuse('nc: no alternate routing table support available\n')
  if (o.has('k') && !o.has('l')) return refuse('nc: must use -l with -k\n')
  if (o.has('Z')) return refuse(usage)
  if (o.has('U')) return refuse(o.operands[0] === undefined ? usage : `nc: ${o.operands[0]}: No such file or directory\n`)
  if (o.has('l')) {
    if (o.has('p') && o.operands.length > 1) return refuse(usage)
    return listen(p, options, o.operands)
  }
  const [host, ports] = o.operands
  if (host === undefined) {
    await complain(p, usage)
    return 1
  }
  if (ports === undefined) {
    await complain(p, 'nc: missing port number\n')
    return 1
  }
  const list = await portList(p, ports, options.udp)
  if (!list) return 1
  const address = parseIpv4(host) !== undefined
  if (o.has('6') && address) return refuse(`nc: getaddrinfo for host "${host}" port ${list[0]}: Address family for hostname not supported\n`)
  const found = o.has('n') && !address ? ({ ok: false, error: 'EAI_NONAME' } as const) : await p.sockets.lookup(host)
  if (!found.ok) return refuse(`nc: getaddrinfo for host "${host}" port ${list[0]}: ${lookupErrors[found.error]}\n`)
  let code = 1
  for (const port of list) {
    const done = options.udp ? await udpClient(p, options, host, found.addresses[0]!, port) : await tcpClient(p, options, host, found.addresses, port)
    if (done) {
      code = 0
      if (!options.scan) break
    }
  }
  return code
}

async function portList(p: Process, text: string, udp: boolean): Promise<number[] | undefined> {
  const range = /^(\d+)-(\d+)$/.exec(text)
  const bad = async (message: string) => {
    await complain(p, `nc: ${message}\n`)
    return undefined
  }
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])].sort((a, b) => a - b) as [number, number]
    if (high > 65535) return bad(`port number too large: ${high}`)
    return Array.from({ length: high - low + 1 }, (_, i) => low + i)
  }
  const port = portNamed(p, text, udp ? 'udp' : 'tcp')
  if (port === undefined) return bad(`port number invalid: ${text}`)
  if (port > 65535) return bad(`port number too large: ${text}`)
  if (port < 1) return bad(`port number too small: ${text}`)
  return [port]
}

const serviceOf = (p: Process, port: number, protocol: string) => serviceNames(p).get(`${port}/${protocol}`) ?? '*'

async function tcpClient(p: Process, o: Options, host: string, addresses: readonly string[], port: number): Promise<boolean> {
  for (const address of addresses) {
    const shown = host === address ? '' : `(${address}) `
    try {
      const connection = await p.sockets.connect(address, port, { ...(o.timeout !== undefined && { timeout: o.timeout }), ...(o.source !== undefined && { source: o.source }), ...(o.sourcePort !== undefined && { sourcePort: o.sourcePort }) })
      if (o.verbose) await complain(p, `Connection to ${host} ${shown}${port} port [tcp/${serviceOf(p, port, 'tcp')}] succeeded!\n`)
      if (o.scan) connection.close()
      else await transfer(p, o, connection)
      return true
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (error.code === 'EADDRNOTAVAIL' && o.source !== undefined) {
        await complain(p, `nc: bind failed: ${reason(error)}\n`)
        return false
      }
      if (!o.verbose) continue
      const target = host === address ? host : `${host} (${address})`
      await complain(p, error.code === 'ETIMEDOUT' && o.timeout !== undefined ? `nc: connect to ${target} port ${port} (tcp) timed out: Operation now in progress\n` : `nc: connect to ${target} port ${port} (tcp) failed: ${reason(error)}\n`)
    }
  }
  return false
}

/** readwrite(): standard input to the net and back until the net is done (or -w of silence, -q after the input's end). */
async function transfer(p: Process, o: Options, connection: Connection): Promise<void> {
  let inputDone = o.noInput
  let quitAt: number | undefined
  let input = inputDone ? undefined : p.stdin.read()
  let net = connection.read()
  for (;;) {
    const waits: Promise<unknown>[] = [net]
    if (input) waits.push(input)
    const limit = Math.min(o.timeout ?? Infinity, quitAt === undefined ? Infinity : quitAt - p.now())
    if (limit !== Infinity) waits.push(p.sleep(Math.max(0, limit)))
    const first = await p.any(waits)
    if (first === 0) {
      let chunk: string | undefined
      try {
        chunk = await net
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        chunk = undefined
      }
      if (chunk === undefined) break
      await p.stdout.write(chunk)
      net = connection.read()
    } else if (input && first === 1) {
      const chunk = await input
      if (chunk === undefined) {
        inputDone = true
        input = undefined
        if (o.shutdown) connection.end()
        if (o.quit !== undefined) quitAt = p.now() + o.quit
      } else {
        try {
          await connection.write(chunk)
        } catch (error) {
          if (!(error instanceof FsError)) throw error
          break
        }
        input = p.stdin.read()
      }
    } else break
  }
  connection.close()
}

async function udpClient(p: Process, o: Options, host: string, address: string, port: number): Promise<boolean> {
  let socket: Datagrams
  try {
    socket = p.sockets.udp({ ...(o.source !== undefined && { host: o.source }), ...(o.sourcePort !== undefined && { port: o.sourcePort }) })
    socket.connect(address, port)
  } catch (error) {
    if (o.verbose) await complain(p, `nc: connect to ${host} port ${port} (udp) failed: ${reason(error)}\n`)
    return false
  }
  if (o.verbose) {
    // udptest(): a few probes; a refusal tells that the port is closed. Without -v nothing is sent.
    for (let i = 0; i < 3; i++) {
      try {
        await socket.send('X')
        await p.sleep(333)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        socket.close()
        return false
      }
    }
    await complain(p, `Connection to ${host} ${host === address ? '' : `(${address}) `}${port} port [udp/${serviceOf(p, port, 'udp')}] succeeded!\n`)
  }
  if (o.scan) {
    socket.close()
    return true
  }
  await exchange(p, o, socket)
  return true
}

async function exchange(p: Process, o: Options, socket: Datagrams): Promise<void> {
  let input = o.noInput ? undefined : p.stdin.read()
  let net = socket.receive()
  let quitAt: number | undefined
  for (;;) {
    const limit = Math.min(o.timeout ?? Infinity, quitAt === undefined ? Infinity : quitAt - p.now())
    const waits: Promise<unknown>[] = [net, ...(input ? [input] : []), ...(limit !== Infinity ? [p.sleep(Math.max(0, limit))] : [])]
    const first = await p.any(waits)
    try {
      if (first === 0) {
        const message = await net
        if (!message) break
        await p.stdout.write(message.data)
        net = socket.receive()
      } else if (input && first === 1) {
        const chunk = await input
        if (chunk === undefined) {
          input = undefined
          if (o.quit !== undefined) quitAt = p.now() + o.quit
        } else {
          await socket.send(chunk)
          input = p.stdin.read()
        }
      } else break
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      break
    }
  }
  socket.close()
}

async function listen(p: Process, o: Options, operands: readonly string[]): Promise<number> {
  const host = operands.length > 1 ? operands[0]! : (o.source ?? '0.0.0.0')
  const portText = operands.length > 1 ? operands[1]! : (operands[0] ?? String(o.sourcePort ?? ''))
  const port = portNamed(p, portText, o.udp ? 'udp' : 'tcp')
  if (port === undefined) {
    await complain(p, portText === '' ? 'nc: missing port number\n' : 'nc: getaddrinfo: Servname not supported for ai_socktype\n')
    return 1
  }
  const bound = host === '0.0.0.0' ? { ok: true as const, addresses: ['0.0.0.0'] } : await p.sockets.lookup(host)
  if (!bound.ok) {
    await complain(p, `nc: getaddrinfo: ${lookupErrors[bound.error]}\n`)
    return 1
  }
  try {
    if (o.udp) {
      const socket = p.sockets.udp({ host: bound.addresses[0]!, port })
      if (o.verbose) await complain(p, `Bound on ${host} ${port}\n`)
      const first = await socket.receive()
      if (first) {
        socket.connect(first.from.host, first.from.port)
        if (o.verbose) await complain(p, `Connection received on ${first.from.host} ${first.from.port}\n`)
        await p.stdout.write(first.data)
        await exchange(p, o, socket)
      }
      return 0
    }
    const listener = p.sockets.listen(bound.addresses[0]!, port)
    if (o.verbose) await complain(p, `Listening on ${host} ${port}\n`)
    do {
      const connection = await listener.accept()
      if (!o.keep) listener.close()
      if (o.verbose) await complain(p, `Connection received on ${connection.remote.host} ${connection.remote.port}\n`)
      if (o.scan) connection.close()
      else await transfer(p, o, connection)
    } while (o.keep)
    return 0
  } catch (error) {
    await complain(p, `nc: ${reason(error)}\n`)
    return 1
  }
}
