/** `[control-plane]` and `[etcd]`: the manifests of the static pods (phases/controlplane, phases/etcd). */
import { parseGoDuration } from '#base/duration.ts'
import { authorityFolders, componentNames, formatStaticPod, manifestFolder, staticPod, type ComponentName, type StaticPodOptions } from '#engine/kubeadm/static-pods.ts'
import { writeFile } from '../files.ts'
import type { InitData } from '../init-data.ts'
import { Patches } from '../patches.ts'
import type { Run } from '../run.ts'
import type { Phase } from '../workflow.ts'

const known = new WeakMap<object, Patches>()

/** The patches of a run, read once. */
export function patchesOf(d: { readonly run: Run; readonly patches: string }): Patches {
  let patches = known.get(d)
  if (!patches) known.set(d, (patches = new Patches(d.run, d.patches)))
  return patches
}

export function podOptions(d: Pick<InitData, 'run' | 'cluster' | 'init' | 'externalCa'>): StaticPodOptions {
  return {
    cluster: d.cluster, endpoint: d.init.localAPIEndpoint, node: d.init.nodeRegistration.name, folders: authorityFolders.filter((f) => d.run.fs.exists(f)), tool: d.run.version,
    startup: parseGoDuration(d.init.timeouts['controlPlaneComponentHealthCheck'] ?? '4m0s') ?? 240_000, externalCa: d.externalCa,
  }
}

export interface ManifestTarget {
  readonly run: Run
  readonly patches: string
}

export async function writeManifest(d: ManifestTarget, name: ComponentName, options: StaticPodOptions, folder: string): Promise<void> {
  const pod = await patchesOf(d).apply(name, staticPod(name, options))
  writeFile(d.run, `${folder}/${name}.yaml`, formatStaticPod(pod), 0o600)
}

const folderOf = (d: InitData) => (d.dryRun ? d.dryRunFolder : manifestFolder)

export const controlPlanePhase: Phase<InitData> = {
  name: 'control-plane',
  run: (d) => d.run.out(`[control-plane] Using manifest folder ${JSON.stringify(folderOf(d))}`),
  phases: componentNames.map((name) => ({
    name: name.slice('kube-'.length),
    run: async (d: InitData) => {
      await d.run.out(`[control-plane] Creating static Pod manifest for ${JSON.stringify(name)}`)
      await writeManifest(d, name, podOptions(d), folderOf(d))
    },
  })),
}

export const etcdPhase: Phase<InitData> = {
  name: 'etcd',
  phases: [{
    name: 'local',
    run: async (d) => {
      const { run, cluster } = d
      if (cluster.etcd.external) return
      const folder = cluster.etcd.local!.dataDir
      if (d.dryRun) await run.out(`[etcd] Would ensure that ${JSON.stringify(folder)} directory is present`)
      else run.fs.mkdir(folder, { parents: true, mode: 0o700 })
      await run.out(`[etcd] Creating static Pod manifest for local etcd in ${JSON.stringify(folderOf(d))}`)
      await writeManifest(d, 'etcd', podOptions(d), folderOf(d))
      if (d.dryRun) await run.out(`[dryrun] Would write file ${JSON.stringify(`${manifestFolder}/etcd.yaml`)} with content:\n${run.fs.readFile(`${folderOf(d)}/etcd.yaml`).replace(/^(?=.)/gm, '\t')}`)
    },
  }],
}
