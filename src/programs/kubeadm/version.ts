/** Kubernetes versions in arguments: `v1.35.4`, `1.35`, `stable`, `latest-1`; labels are looked up on the internet, which there is none of (cmd/kubeadm/app/util/version.go). */
import { decodeDns, dnsQuery, encodeDns, rcode } from '#base/dns.ts'
import { FsError } from '#engine/machine/files.ts'
import { readResolvConf } from '#engine/machine/resolver.ts'
import { Failure, type Run } from './run.ts'

const host = 'dl.k8s.io'

/** Why a name can not be looked up, in the words of Go's resolver. */
export async function lookupProblem(run: Run, name: string): Promise<string> {
  const server = readResolvConf(run.process).servers[0]!
  const socket = run.process.sockets.udp()
  try {
    socket.connect(server, 53)
    await socket.send(encodeDns(dnsQuery(1, name, 'A')))
    const got = await socket.receive(5000)
    const message = got && decodeDns(got.data)
    if (!message) return `lookup ${name} on ${server}:53: read udp ${socket.local.host}:${socket.local.port}->${server}:53: i/o timeout`
    return message.rcode === rcode.servFail ? `lookup ${name} on ${server}:53: server misbehaving` : `lookup ${name} on ${server}:53: no such host`
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    if (error.code === 'ECONNREFUSED') return `lookup ${name} on ${server}:53: read udp ${socket.local.host}:${socket.local.port}->${server}:53: read: connection refused`
    return `lookup ${name} on ${server}:53: dial udp ${server}:53: connect: ${error.message.toLowerCase()}`
  } finally {
    socket.close()
  }
}

/** The release that a version or label stands for. */
export async function resolveVersion(run: Run, text: string): Promise<string> {
  const exact = /^v?((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:[-+].*)?)$/.exec(text)
  if (exact) return `v${exact[1]}`
  const label = /^(?:(ci|ci-cross|release)\/)?((?:k8s-)?(?:latest|stable|latest-\d+(?:\.\d+)?|stable-\d+(?:\.\d+)?|v?\d+\.\d+(?:\.\d+)?.*))$/.exec(text)
  if (!label || /^v?\d+\.\d+/.test(label[2]!)) {
    throw new Failure(`version ${JSON.stringify(text)} doesn't match patterns for neither semantic version nor labels (stable, latest, ...)`)
  }
  const url = `https://${host}/${label[1] === undefined ? 'release' : label[1] === 'ci' ? 'ci' : label[1]}/${label[2]}.txt`
  const cause = `dial tcp: ${await lookupProblem(run, host)}`
  await run.warn('version.go:108', `could not fetch a Kubernetes version from the internet: unable to get URL ${JSON.stringify(url)}: Get ${JSON.stringify(url)}: ${cause}`)
  await run.warn('version.go:109', `falling back to the local client version: ${run.version}`)
  return run.version
}

/** Versions as numbers, for comparisons. */
export function versionParts(version: string): [number, number, number] {
  const m = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)
  return m ? [Number(m[1]), Number(m[2]), Number(m[3])] : [0, 0, 0]
}

export function compareVersions(a: string, b: string): number {
  const [x, y] = [versionParts(a), versionParts(b)]
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2]
}

/** The oldest control plane that a kubeadm deploys: one minor before its own. */
export function checkMinimumVersion(run: Run, version: string): void {
  const [major, minor] = versionParts(run.version)
  if (compareVersions(version, `v${major}.${minor - 1}.0`) < 0) throw new Failure(`this version of kubeadm only supports deploying clusters with the control plane version >= ${major}.${minor - 1}.0. Current version: ${version}`)
}
