/** `[kubelet-start]`: the kubelet's flags and configuration, and its start (cmd/phases/init/kubelet.go, phases/kubelet). */
import { parseYaml } from '#base/go-yaml/parse.ts'
import type { ClusterConfiguration, NodeRegistration, Taint } from '#engine/kubeadm/configuration.ts'
import { formatSorted } from '#engine/kubeadm/configuration.ts'
import { instanceConfig, kubeletConfigText, kubeletConfiguration, kubeletFlagsFile, kubeletFolder, nodeKubeletConfig } from '#engine/kubeadm/kubelet.ts'
import { writeFile } from '../files.ts'
import type { InitData } from '../init-data.ts'
import type { Run } from '../run.ts'
import { tryStartKubelet, tryStopKubelet } from '../services.ts'
import type { Phase } from '../workflow.ts'
import { patchesOf } from './control-plane.ts'

/** The kubelets' configuration of the cluster, with what the user gave. */
export const clusterKubeletText = (d: { readonly cluster: ClusterConfiguration; readonly kubelet: Readonly<Record<string, unknown>> }): string => kubeletConfigText(kubeletConfiguration(d.cluster, d.kubelet))

export interface KubeletTarget {
  readonly run: Run
  readonly patches: string
}

/** config.yaml alone. */
export async function writeKubeletConfig(d: KubeletTarget, criSocket: string, clusterText: string, folder: string): Promise<void> {
  const { run } = d
  const patched = await patchesOf(d).apply('kubeletconfiguration', parseYaml(clusterText) as object)
  await run.out('[patches] Applied patch of type "application/strategic-merge-patch+json" to target "kubeletconfiguration"')
  await run.out(`[kubelet-start] Writing kubelet configuration to file ${JSON.stringify(`${folder}/config.yaml`)}`)
  writeFile(run, `${folder}/config.yaml`, nodeKubeletConfig(formatSorted(patched), criSocket), 0o644)
}

/** The three files below /var/lib/kubelet. */
export async function writeKubeletFiles(d: KubeletTarget, node: NodeRegistration, clusterText: string, folder: string, taints?: readonly Taint[] | null): Promise<void> {
  const { run } = d
  await run.out(`[kubelet-start] Writing kubelet environment file with flags to file ${JSON.stringify(`${folder}/kubeadm-flags.env`)}`)
  writeFile(run, `${folder}/kubeadm-flags.env`, kubeletFlagsFile({ node: node.name, hostname: run.process.machine.hostname.toLowerCase(), ...(node.kubeletExtraArgs ? { extra: node.kubeletExtraArgs } : {}), taints }), 0o644)
  await run.out(`[kubelet-start] Writing kubelet configuration to file ${JSON.stringify(`${folder}/instance-config.yaml`)}`)
  writeFile(run, `${folder}/instance-config.yaml`, instanceConfig(node.criSocket), 0o644)
  await writeKubeletConfig(d, node.criSocket, clusterText, folder)
}

export const kubeletStartPhase: Phase<InitData> = {
  name: 'kubelet-start',
  run: async (d) => {
    if (!d.dryRun) await tryStopKubelet(d.run)
    await writeKubeletFiles(d, d.init.nodeRegistration, clusterKubeletText(d), d.dryRun ? d.dryRunFolder : kubeletFolder)
    if (d.dryRun) return
    await d.run.out('[kubelet-start] Starting the kubelet')
    await tryStartKubelet(d.run)
  },
}

export const kubeletFinalizePhase: Phase<InitData> = {
  name: 'kubelet-finalize',
  phases: [{
    name: 'enable-client-cert-rotation',
    run: async (d) => {
      const { run } = d
      const pem = `${d.init.nodeRegistration.kubeletExtraArgs?.find((a) => a.name === 'cert-dir')?.value ?? `${kubeletFolder}/pki`}/kubelet-client-current.pem`
      if (!run.fs.exists(pem)) return
      const path = '/etc/kubernetes/kubelet.conf'
      await run.out(`[kubelet-finalize] Updating ${JSON.stringify(path)} to point to a rotatable kubelet client certificate and key`)
      if (d.dryRun) return
      const config = parseYaml(run.fs.readFile(path)) as { users?: { user?: object }[] }
      for (const u of config.users ?? []) u.user = { 'client-certificate': pem, 'client-key': pem }
      writeFile(run, path, formatSorted(config), 0o600)
      await tryStartKubelet(run)
    },
  }],
}
