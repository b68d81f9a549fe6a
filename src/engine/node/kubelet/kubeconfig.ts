/** A kubeconfig as daemons read it: its current context's server, authorities and credentials; data or files. Exec plugins and proxies are left out. */
import { fromBase64 } from '#base/bytes.ts'
import { parseYaml } from '#base/yaml.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'

/** What a kubeconfig says about whom to talk to and as whom. */
export interface Credentials {
  readonly server: string
  readonly caPem: string
  readonly certificatePem: string
  readonly keyPem: string
  readonly token: string
}

function readOptional(process: Process, path: string): string {
  try {
    return process.fs.readFile(path)
  } catch (error) {
    if (error instanceof FsError) return ''
    throw error
  }
}

export function readKubeconfig(process: Process, path: string): Credentials {
  const data = parseYaml(process.fs.readFile(path)) as { clusters?: { name?: string; cluster?: Record<string, string> }[]; users?: { name?: string; user?: Record<string, string> }[]; contexts?: { name?: string; context?: Record<string, string> }[]; 'current-context'?: string } | null
  const context = data?.contexts?.find((c) => c.name === data['current-context'])?.context
  const cluster = data?.clusters?.find((c) => c.name === context?.['cluster'])?.cluster ?? {}
  const user = data?.users?.find((u) => u.name === context?.['user'])?.user ?? {}
  const pem = (inline: string | undefined, file: string | undefined) => (inline ? (fromBase64(inline) ?? '') : file ? readOptional(process, file) : '')
  return {
    server: cluster['server'] ?? '',
    caPem: pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
    certificatePem: pem(user['client-certificate-data'], user['client-certificate']),
    keyPem: pem(user['client-key-data'], user['client-key']),
    token: user['token'] ?? '',
  }
}
