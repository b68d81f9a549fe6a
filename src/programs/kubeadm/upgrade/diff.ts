/** `kubeadm upgrade diff`: what would change in the manifests (cmd/upgrade/diff.go). */
import { formatStaticPod, componentNames, manifestFolder, staticPod } from '#engine/kubeadm/static-pods.ts'
import { unifiedDiff } from './unified-diff.ts'
import { fetchConfiguration, isControlPlaneNode } from '../cluster-config.ts'
import { checkMixedArguments } from '../config/validate.ts'
import { readFile } from '../files.ts'
import { podOptions } from '../phases/control-plane.ts'
import { Failure, kubeconfigPath, type Run } from '../run.ts'
import { givenSection, upgradeClient } from './data.ts'

export async function diff(run: Run): Promise<void> {
  for (const name of componentNames) {
    const path = `${manifestFolder}/${name}.yaml`
    if (!run.fs.exists(path)) throw new Failure(`the manifest file ${JSON.stringify(path)} does not exist: stat ${path}: no such file or directory`)
  }
  checkMixedArguments(run.flags.changedNames)
  const given = givenSection(run, 'diff')
  const loaded = await fetchConfiguration(run, upgradeClient(run, kubeconfigPath(run)), 'upgrade/diff', { node: true, endpoint: isControlPlaneNode(run), components: false })
  const version = run.args.length === 1 ? run.args[0]! : String(given['kubernetesVersion'] ?? loaded.cluster.kubernetesVersion)
  if (!/^v?\d+\.\d+\.\d+/.test(version)) throw new Failure(`could not parse ${JSON.stringify(version)} as version`)
  loaded.cluster.kubernetesVersion = version
  const context = run.flags.changed('context-lines') ? Number(run.flags.string('context-lines')) : Number(given['contextLines'] ?? 3)
  for (const name of componentNames) {
    const path = `${manifestFolder}/${name}.yaml`
    const fresh = formatStaticPod(staticPod(name, podOptions({ ...loaded, run, externalCa: false })))
    await run.process.stdout.write(unifiedDiff(readFile(run, path) ?? '', fresh, { from: path, to: 'new manifest', context }))
  }
}
