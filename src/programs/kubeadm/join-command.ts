/** The `kubeadm join` line for others, from a kubeconfig (cmd/util/join.go). */
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { publicKeyPin } from '#engine/kubeadm/cluster-objects.ts'
import { clientConfig, Failure, type Run } from './run.ts'

export interface JoinLine {
  readonly token: string
  readonly controlPlane?: boolean
  readonly certificateKey?: string
}

export function joinCommand(run: Run, path: string, line: JoinLine): string {
  if (!run.fs.exists(path)) throw new Failure(`failed to load kubeconfig: open ${path}: no such file or directory`)
  const config = clientConfig(run, path)
  const pins = decodeCertificates(config.caData ?? '').map(publicKeyPin)
  if (pins.length === 0) throw new Failure('no CA certificates found in kubeconfig')
  const more = line.controlPlane ? `\\\n\t--control-plane ${line.certificateKey ? `--certificate-key ${line.certificateKey}` : ''}` : ''
  return `kubeadm join ${config.server.replace('https://', '')} --token ${line.token} \\\n\t${pins.map((p) => `--discovery-token-ca-cert-hash ${p} `).join('')}${more}`
}

/** In one line, as --print-join-command gives it. */
export const oneLine = (command: string): string => command.replaceAll('\\\n', '').replaceAll('\t', '')
