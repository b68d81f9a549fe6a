/** `kubeadm init` and its phases. */
import { joinCommand } from './join-command.ts'
import { initData, type InitData } from './init-data.ts'
import { addonPhase, bootstrapTokenPhase, markPhase, uploadCertsPhase, uploadConfigPhase } from './phases/cluster.ts'
import { certsPhase } from './phases/certs.ts'
import { controlPlanePhase, etcdPhase } from './phases/control-plane.ts'
import { kubeconfigPhase } from './phases/kubeconfig.ts'
import { kubeletFinalizePhase, kubeletStartPhase } from './phases/kubelet.ts'
import { waitPhase } from './phases/wait.ts'
import { initChecks, pullImages, rootCheck, runChecks } from './preflight.ts'
import { Failure, type Run } from './run.ts'
import { runPhases, type Phase } from './workflow.ts'

const preflightPhase: Phase<InitData> = {
  name: 'preflight',
  run: async (d) => {
    await d.run.out('[preflight] Running pre-flight checks')
    await runChecks(d.run, [rootCheck], d.ignore)
    await runChecks(d.run, initChecks(d.init, d.cluster), d.ignore)
    await pullImages(d.run, d.cluster, d.init.nodeRegistration, d.ignore, d.dryRun)
  },
}

function doneText(d: InitData, path: string, controlPlaneCommand: string, workerCommand: string): string {
  const others = d.cluster.controlPlaneEndpoint
    ? d.uploadCerts
      ? `You can now join any number of control-plane nodes running the following command on each as root:

  ${controlPlaneCommand}

Please note that the certificate-key gives access to cluster sensitive data, keep it secret!
As a safeguard, uploaded-certs will be deleted in two hours; If necessary, you can use
"kubeadm init phase upload-certs --upload-certs" to reload certs afterward.

`
      : `You can now join any number of control-plane nodes by copying certificate authorities
and service account keys on each node and then running the following as root:

  ${controlPlaneCommand}

`
    : ''
  return `
Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i ${path} $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf

You should now deploy a pod network to the cluster.
Run "kubectl apply -f [podnetwork].yaml" with one of the options listed at:
  https://kubernetes.io/docs/concepts/cluster-administration/addons/

${others}Then you can join any number of worker nodes by running the following on each as root:

${workerCommand}
`
}

const showJoinPhase: Phase<InitData> = {
  name: 'show-join-command',
  dependencies: ['bootstrap-token', 'upload-certs'],
  run: async (d) => {
    const path = d.dryRun ? `${d.dryRunFolder}/admin.conf` : '/etc/kubernetes/admin.conf'
    const withheld = '<value withheld>'
    for (const t of d.init.bootstrapTokens) {
      const token = d.run.flags.bool('skip-token-print') ? withheld : t.token
      const key = d.certificateKey !== '' && d.run.flags.bool('skip-certificate-key-print') ? withheld : d.certificateKey
      await d.run.process.stdout.write(doneText(d, path, joinCommand(d.run, path, { token, controlPlane: true, certificateKey: key }), joinCommand(d.run, path, { token })))
    }
  },
}

const phases: readonly Phase<InitData>[] = [
  preflightPhase, certsPhase, kubeconfigPhase, etcdPhase, controlPlanePhase, kubeletStartPhase, waitPhase, uploadConfigPhase, uploadCertsPhase, markPhase, bootstrapTokenPhase, kubeletFinalizePhase, addonPhase, showJoinPhase,
]

export async function runInit(run: Run): Promise<void> {
  const words = run.path.split(' ').slice(2)
  if (words[0] === 'phase') {
    await runPhases(phases, words.slice(1), [], () => initData(run))
    return
  }
  const data = await initData(run)
  if (data.init.skipPhases && run.flags.strings('skip-phases').length > 0 && data.init.skipPhases.length > 0 && run.flags.changed('config')) throw new Failure("can't use both --skip-phases flag and skipPhases in configuration file")
  const skip = run.flags.changed('skip-phases') ? run.flags.strings('skip-phases') : (data.init.skipPhases ?? [])
  if (skip.includes('addon') || skip.includes('addon/coredns')) data.cluster.dns.disabled = true
  if (skip.includes('addon') || skip.includes('addon/kube-proxy')) data.cluster.proxy.disabled = true
  const off = [...skip, ...(data.cluster.dns.disabled && !skip.includes('addon/coredns') && !skip.includes('addon') ? ['addon/coredns'] : []), ...(data.cluster.proxy.disabled && !skip.includes('addon/kube-proxy') && !skip.includes('addon') ? ['addon/kube-proxy'] : [])]
  await run.out(`[init] Using Kubernetes version: ${data.cluster.kubernetesVersion}`)
  await runPhases(phases, [], off, () => Promise.resolve(data))
}
