/** `kubeadm upgrade`. */
import { Failure, type Run } from '../run.ts'
import { runPhases } from '../workflow.ts'
import { upgradeData } from './data.ts'
import { diff } from './diff.ts'
import { applyPhases, nodePhases } from './phases.ts'
import { plan, printConfiguration } from './plan.ts'

async function apply(run: Run): Promise<void> {
  const words = run.path.split(' ').slice(3)
  const data = await upgradeData(run, true)
  if (run.flags.has('print-config') && run.flags.bool('print-config')) await printConfiguration(run, data.cluster)
  await runPhases(applyPhases, words.slice(1), words.length > 0 ? [] : data.skipPhases, () => Promise.resolve(data))
  if (words.length > 0) return
  if (data.dryRun) return run.out('[upgrade/successful] Finished dryrunning successfully!')
  await run.out(`\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to ${JSON.stringify(data.cluster.kubernetesVersion)}.\n`)
  await run.out('[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.')
}

async function node(run: Run): Promise<void> {
  const words = run.path.split(' ').slice(3)
  if (run.args.length > 0) throw new Failure(`unknown command ${JSON.stringify(run.args[0])} for ${JSON.stringify(run.path)}`)
  const data = await upgradeData(run, false)
  await runPhases(nodePhases, words.slice(1), words.length > 0 ? [] : data.skipPhases, () => Promise.resolve(data))
}

export const upgradeCommands: Readonly<Record<string, (run: Run) => Promise<void>>> = { 'kubeadm upgrade plan': plan, 'kubeadm upgrade diff': diff, 'kubeadm upgrade apply': apply, 'kubeadm upgrade node': node }
