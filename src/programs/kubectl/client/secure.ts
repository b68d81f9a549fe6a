/** TLS for kubectl's connections: the trust, name and client certificate of the kubeconfig; refusals in the words of crypto/tls and crypto/x509. */
import { decodeCertificates } from '#engine/machine/certificates.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, tlsConnect, TlsError } from '#engine/machine/tls.ts'
import { Failure } from '../cli/errors.ts'
import type { ClientConfig } from './kubeconfig.ts'

export interface Wire {
  read(): Promise<string | undefined>
  write(text: string): Promise<void>
  close(): void
}

/** The encrypted wire, or what Go would say is wrong. */
export async function secure(process: Process, connection: Connection, config: ClientConfig, host: string): Promise<Wire | string> {
  let identity
  if (config.clientCertificate !== undefined) {
    const loaded = loadIdentity(config.clientCertificate, config.clientKey ?? '')
    if (!loaded.ok) throw new Failure(loaded.error)
    identity = loaded.identity
  }
  const roots = config.caData === undefined ? [] : decodeCertificates(config.caData)
  if (config.caData !== undefined && roots.length === 0) throw new Failure('unable to load root certificates: unable to parse bytes as PEM block')
  try {
    return await tlsConnect(connection, { serverName: config.tlsServerName ?? host, roots, insecure: config.insecure, now: process.now(), ...(identity ? { identity } : {}) })
  } catch (error) {
    if (error instanceof TlsError) return error.go
    throw error
  }
}
