/** How a joining machine comes to trust a cluster: by a token that signs cluster-info and a pin of the authority, or by a file (cmd/kubeadm/app/discovery). */
import { detachedSignature } from '#base/hmac.ts'
import { parseGoDuration } from '#base/duration.ts'
import { fromBase64 } from '#base/bytes.ts'
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { publicKeyPin } from '#engine/kubeadm/cluster-objects.ts'
import type { JoinConfiguration } from '#engine/kubeadm/configuration.ts'
import { pathOf } from './api.ts'
import { clientConfig, clientOf, Failure, isExpected, type Run } from './run.ts'

/** A cluster that is trusted, and the credentials for asking for a certificate. */
export interface Bootstrap {
  readonly server: string
  readonly caPem: string
  readonly token?: string
  readonly certificate?: string
  readonly key?: string
}

const anonymous = { tlsServerName: undefined, clientCertificate: undefined, clientKey: undefined, token: undefined, username: undefined, password: undefined, namespace: 'default', impersonate: undefined, timeout: 0 }

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> }

/** Asks until the ConfigMap bears the token's signature. */
async function clusterInfo(run: Run, server: string, caPem: string | undefined, id: string, limit: number): Promise<ConfigMap> {
  const client = clientOf(run, { ...anonymous, server, caData: caPem, insecure: caPem === undefined })
  const end = run.process.now() + limit
  for (;;) {
    let last: string
    try {
      const map = await client.json<ConfigMap>('GET', pathOf('v1', 'ConfigMap', 'kube-public', 'cluster-info'))
      if (map.data?.[`jws-kubeconfig-${id}`] !== undefined) return map
      last = `could not find a JWS signature in the cluster-info ConfigMap for token ID ${JSON.stringify(id)}`
    } catch (error) {
      if (!isExpected(error)) throw error
      last = `failed to request the cluster-info ConfigMap: ${error.message}`
    }
    if (run.process.now() + 5000 > end) {
      await run.process.sleep(Math.max(0, end - run.process.now()))
      throw new Failure(last)
    }
    await run.process.sleep(5000)
  }
}

function clusterOf(text: string): { readonly server: string; readonly caPem: string } | undefined {
  const config = parseYaml(text) as { clusters?: { cluster?: Record<string, string> }[] } | null
  const cluster = config?.clusters?.[0]?.cluster
  return cluster && { server: cluster['server'] ?? '', caPem: fromBase64(cluster['certificate-authority-data'] ?? '') ?? '' }
}

async function byToken(run: Run, join: JoinConfiguration): Promise<{ readonly server: string; readonly caPem: string }> {
  const { apiServerEndpoint, token, caCertHashes = [] } = join.discovery.bootstrapToken!
  const limit = parseGoDuration(join.timeouts['discovery'] ?? '5m0s') ?? 300_000
  const [id = '', secret = ''] = token.split('.')
  const insecure = await clusterInfo(run, `https://${apiServerEndpoint}`, undefined, id, limit)
  for (const hash of caCertHashes) {
    const m = /^(.*?):(.*)$/.exec(hash)
    if (!m) throw new Failure(`invalid discovery token CA certificate hash: invalid hash ${JSON.stringify(hash)}, expected "format:hex-value". Known format(s) are: sha256`)
    if (m[1]!.toLowerCase() !== 'sha256') throw new Failure(`invalid discovery token CA certificate hash: unknown hash format ${JSON.stringify(m[1])}. Known format(s) are: sha256`)
    if (!/^[0-9a-fA-F]*$/.test(m[2]!)) throw new Failure(`invalid discovery token CA certificate hash: could not decode SHA-256 from hex: encoding/hex: invalid byte: U+${[...m[2]!].find((c) => !/[0-9a-fA-F]/.test(c))!.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${[...m[2]!].find((c) => !/[0-9a-fA-F]/.test(c))!}'`)
    if (m[2]!.length !== 64) throw new Failure(`invalid discovery token CA certificate hash: expected a 32 byte SHA-256 hash, found ${Math.floor(m[2]!.length / 2)} bytes`)
  }
  const text = insecure.data?.['kubeconfig'] ?? ''
  if (text === '') throw new Failure("there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token bootstrapping, can't connect")
  if (insecure.data![`jws-kubeconfig-${id}`] !== detachedSignature(text, id, secret)) throw new Failure("failed to verify JWS signature of received cluster info object, can't trust this API Server")
  const found = clusterOf(text)
  if (!found) throw new Failure('malformed kubeconfig in the cluster-info ConfigMap')
  if (caCertHashes.length === 0) return found
  const pins = decodeCertificates(found.caPem).map(publicKeyPin)
  if (!pins.some((p) => caCertHashes.some((h) => h.toLowerCase() === p))) throw new Failure(`cluster CA found in cluster-info ConfigMap is invalid: none of the public keys ${JSON.stringify(pins.join(':'))} are pinned`)
  // Once more, now that its certificate can be judged.
  const secure = await clusterInfo(run, `https://${apiServerEndpoint}`, found.caPem, id, limit)
  if (secure.data?.['kubeconfig'] !== text) throw new Failure('the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first')
  return found
}

export async function discover(run: Run, join: JoinConfiguration): Promise<Bootstrap> {
  const { file, tlsBootstrapToken } = join.discovery
  try {
    if (!file) return { ...(await byToken(run, join)), ...(tlsBootstrapToken !== undefined ? { token: tlsBootstrapToken } : {}) }
    if (/^https:\/\//.test(file.kubeConfigPath)) throw new Failure(`Get ${JSON.stringify(file.kubeConfigPath)}: dial tcp: lookup: no such host`)
    const config = clientConfig(run, file.kubeConfigPath)
    const own = { server: config.server, caPem: config.caData ?? '' }
    if (tlsBootstrapToken) return { ...own, token: tlsBootstrapToken }
    if (config.token !== undefined) return { ...own, token: config.token }
    if (config.clientCertificate !== undefined) return { ...own, certificate: config.clientCertificate, key: config.clientKey ?? '' }
  } catch (error) {
    if (!isExpected(error)) throw error
    throw new Failure(`couldn't validate the identity of the API Server: ${error.message}`)
  }
  throw new Failure("couldn't find authentication credentials for the TLS bootstrap process. Please use Token discovery, a discovery file with embedded authentication credentials or a discovery file without authentication credentials but with the TLSBootstrapToken flag")
}

export const bootstrapClient = (run: Run, b: Bootstrap, server = b.server) => clientOf(run, { ...anonymous, server, caData: b.caPem, insecure: false, token: b.token, clientCertificate: b.certificate, clientKey: b.key })
