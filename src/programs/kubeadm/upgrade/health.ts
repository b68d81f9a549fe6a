/** Is the cluster fit for an upgrade: does it run a Job, are its control planes ready, are their manifests there (phases/upgrade/health.go). */
import type { KubeObject } from '#engine/api/types.ts'
import type { ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { pauseImage } from '#engine/kubeadm/images.ts'
import { componentNames, manifestFolder } from '#engine/kubeadm/static-pods.ts'
import type { RestClient } from '#programs/kubectl/client/rest.ts'
import { pathOf } from '../api.ts'
import { runChecks, type Check } from '../preflight.ts'
import { isExpected, type Run } from '../run.ts'

const limit = 15_000
const controlPlaneLabel = 'node-role.kubernetes.io/control-plane'
const prefix = 'upgrade-health-check'

/** Once a second until it gives nothing; what it gave last when time is up. */
async function poll(run: Run, attempt: () => Promise<string | undefined>): Promise<string | undefined> {
  const end = run.process.now() + limit
  for (;;) {
    let wrong: string | undefined
    try {
      wrong = await attempt()
    } catch (error) {
      if (!isExpected(error)) throw error
      wrong = error.message
    }
    if (wrong === undefined || run.process.now() + 1000 > end) return wrong
    await run.process.sleep(1000)
  }
}

const job = (name: string, image: string) => ({
  apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'kube-system' },
  spec: {
    backoffLimit: 0, ttlSecondsAfterFinished: 20, activeDeadlineSeconds: 20,
    template: { spec: { restartPolicy: 'Never', securityContext: { runAsUser: 999, runAsGroup: 999, runAsNonRoot: true }, tolerations: [{ key: controlPlaneLabel, effect: 'NoSchedule' }], containers: [{ name: prefix, image, args: ['-v'] }] } },
  },
})

async function createJob(run: Run, client: RestClient, cluster: ClusterConfiguration): Promise<string | undefined> {
  let schedulable = 0
  const unknown = await poll(run, async () => {
    schedulable = (await client.json<{ items: KubeObject[] }>('GET', pathOf('v1', 'Node'), { query: { fieldSelector: 'spec.unschedulable=false', limit: '1' } })).items.length
    return undefined
  })
  if (unknown !== undefined) return `could not check if there is at least one Node that can schedule a test Pod: ${unknown}`
  if (schedulable === 0) {
    await run.warn('health.go:126', 'The preflight check "CreateJob" was skipped because there are no schedulable Nodes in the cluster.')
    return undefined
  }
  const name = `${prefix}-${Math.floor(run.process.now())}`
  const notMade = await poll(run, async () => {
    await client.call('POST', pathOf('batch/v1', 'Job', 'kube-system'), { body: job(name, pauseImage(cluster, run.version)) })
    return undefined
  })
  if (notMade !== undefined) return `could not create Job ${JSON.stringify(name)} in the namespace "kube-system": ${notMade}`
  const undone = await poll(run, async () => {
    const made = await client.json<{ status?: { conditions?: { type: string }[] } }>('GET', pathOf('batch/v1', 'Job', 'kube-system', name))
    return made.status?.conditions?.some((c) => c.type === 'Complete') ? undefined : 'no condition of type Complete'
  })
  return undone === undefined ? undefined : `Job ${JSON.stringify(name)} in the namespace "kube-system" did not complete in 15s: ${undone}`
}

async function controlPlanesReady(client: RestClient): Promise<string | undefined> {
  type Node = KubeObject & { status?: { conditions?: { type: string; status: string }[] } }
  const nodes = await client.json<{ items: Node[] }>('GET', pathOf('v1', 'Node'), { query: { labelSelector: `${controlPlaneLabel}=` } })
  const bad = nodes.items.filter((n) => n.status?.conditions?.some((c) => c.type === 'Ready' && c.status !== 'True')).map((n) => n.metadata.name)
  return bad.length === 0 ? undefined : `there are NotReady control-planes in the cluster: [${bad.join(' ')}]`
}

function manifestsThere(run: Run): string | undefined {
  const lacking = componentNames.map((name) => `${manifestFolder}/${name}.yaml`).filter((path) => !run.fs.exists(path))
  return lacking.length === 0 ? undefined : `manifest files not found: [${lacking.join(' ')}]`
}

const check = (name: string, find: (run: Run) => Promise<string | undefined> | string | undefined): Check => ({
  name,
  check: async (run) => {
    const wrong = await find(run)
    return wrong === undefined ? {} : { errors: [wrong] }
  },
})

export async function checkClusterHealth(run: Run, client: RestClient, cluster: ClusterConfiguration, ignore: readonly string[], options: { readonly dryRun?: boolean; readonly quiet?: boolean } = {}): Promise<void> {
  if (!options.quiet) await run.out('[upgrade] Running cluster health checks')
  if (options.dryRun) {
    for (const name of componentNames) await run.out(`[dryrun] would check if ${manifestFolder}/${name}.yaml exists`)
    return
  }
  await runChecks(run, [check('CreateJob', (r) => createJob(r, client, cluster)), check('ControlPlaneNodesReady', () => controlPlanesReady(client)), check('StaticPodManifest', manifestsThere)], ignore)
}
