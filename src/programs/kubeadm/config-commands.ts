/** `kubeadm config …`, `kubeadm version`, `kubeadm kubeconfig user`: what needs no cluster (cmd/config.go, cmd/version.go, cmd/kubeconfig.go). */
import { formatGoDuration } from '#base/duration.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { issueCertificate, encodeCertificate } from '#engine/machine/certificates.ts'
import { proxyConfiguration } from '#engine/kubeadm/addons.ts'
import { certificateCredentials, formatKubeconfig } from '#engine/kubeadm/certificates.ts'
import { controlPlaneHost, defaultClusterConfiguration, defaultCriSocket, defaultNodeRegistration, defaultTimeouts, defaultToken, formatConfiguration, type JoinConfiguration } from '#engine/kubeadm/configuration.ts'
import { controlPlaneImages } from '#engine/kubeadm/images.ts'
import { kubeletConfigText, kubeletConfiguration } from '#engine/kubeadm/kubelet.ts'
import { checkKnown, hasKind, initFromDocuments, joinFromDocuments, loadInit, readConfigFile, splitDocuments } from './config/load.ts'
import { loadPair } from './files.ts'
import { flagDocuments } from './init-data.ts'
import { runtimeProblem } from './preflight.ts'
import { Failure, type Run } from './run.ts'
import { versionParts } from './version.ts'

/** Facts of the builds that the packages carry. */
export function versionInfo(version: string) {
  const [major, minor] = versionParts(version)
  return { major: String(major), minor: String(minor), gitVersion: version, gitCommit: '3b2b2ae5b1a9a8d6a0f9a4b7c6d5e4f3a2b1c0d9', gitTreeState: 'clean', buildDate: '2026-03-18T12:00:00Z', goVersion: 'go1.25.5', compiler: 'gc', platform: 'linux/amd64' }
}

async function version(run: Run): Promise<void> {
  const info = versionInfo(run.version)
  const format = run.flags.string('output')
  if (format === 'short') return run.out(info.gitVersion)
  if (format === 'json') return run.out(JSON.stringify({ clientVersion: info }, null, 2))
  if (format === 'yaml') return run.out(emitYaml({ clientVersion: info }))
  if (format !== '') throw new Failure(`invalid output format: ${format}`)
  const fields: [string, string][] = [
    ['Major', info.major], ['Minor', info.minor], ['EmulationMajor', ''], ['EmulationMinor', ''], ['MinCompatibilityMajor', ''], ['MinCompatibilityMinor', ''], ['GitVersion', info.gitVersion], ['GitCommit', info.gitCommit],
    ['GitTreeState', info.gitTreeState], ['BuildDate', info.buildDate], ['GoVersion', info.goVersion], ['Compiler', info.compiler], ['Platform', info.platform],
  ]
  await run.out(`kubeadm version: &version.Info{${fields.map(([n, v]) => `${n}:${JSON.stringify(v)}`).join(', ')}}`)
}

const currentMinor = (run: Run) => versionParts(run.version).slice(0, 2).join('.')

function componentTexts(run: Run): string[] {
  const known = ['KubeProxyConfiguration', 'KubeletConfiguration']
  const asked = run.flags.strings('component-configs')
  if (asked.some((a) => !known.includes(a))) throw new Failure('--component-configs needs to contain some of [KubeProxyConfiguration KubeletConfiguration]')
  const cluster = defaultClusterConfiguration(`${currentMinor(run)}.0`)
  return asked.map((a) => (a === 'KubeletConfiguration' ? kubeletConfigText(kubeletConfiguration(cluster)) : proxyConfiguration(cluster)))
}

async function printInit(run: Run): Promise<void> {
  const init = { bootstrapTokens: [defaultToken('abcdef.0123456789abcdef')], localAPIEndpoint: { advertiseAddress: '1.2.3.4', bindPort: 6443 }, nodeRegistration: defaultNodeRegistration('node'), timeouts: defaultTimeouts }
  const texts = [formatConfiguration('InitConfiguration', init), formatConfiguration('ClusterConfiguration', defaultClusterConfiguration(`${currentMinor(run)}.0`)), ...componentTexts(run)]
  await run.process.stdout.write(texts.join('---\n'))
}

async function printJoin(run: Run): Promise<void> {
  const join: JoinConfiguration = {
    caCertPath: '/etc/kubernetes/pki/ca.crt',
    discovery: { bootstrapToken: { apiServerEndpoint: 'kube-apiserver:6443', token: 'abcdef.0123456789abcdef', unsafeSkipCAVerification: true }, tlsBootstrapToken: 'abcdef.0123456789abcdef' },
    nodeRegistration: defaultNodeRegistration(run.process.machine.hostname.toLowerCase()), timeouts: defaultTimeouts,
  }
  await run.process.stdout.write([formatConfiguration('JoinConfiguration', join), ...componentTexts(run)].join('---\n'))
}

const printReset = async (run: Run) => void (await run.process.stdout.write(formatConfiguration('ResetConfiguration', { certificatesDir: '/etc/kubernetes/pki', criSocket: defaultCriSocket, timeouts: defaultTimeouts })))

async function printUpgrade(run: Run): Promise<void> {
  const common = { certificateRenewal: true, etcdUpgrade: true, imagePullPolicy: 'IfNotPresent', imagePullSerial: true }
  await run.process.stdout.write(formatConfiguration('UpgradeConfiguration', { apply: common, diff: {}, node: common, plan: { etcdUpgrade: true }, timeouts: defaultTimeouts }))
}

async function imagesList(run: Run): Promise<void> {
  const { flags } = run
  const given = flagDocuments(run)
  let cluster
  try {
    cluster = (await loadInit(run, flags.string('config'), given)).cluster
  } catch (error) {
    if (error instanceof Failure) throw new Failure(`could not convert cfg to an internal cfg: ${error.message}`)
    throw error
  }
  const images = controlPlaneImages(cluster, run.version)
  const format = flags.string('output')
  const object = { kind: 'Images', apiVersion: 'output.kubeadm.k8s.io/v1alpha3', images }
  if (format === 'json') return run.out(JSON.stringify(object, null, 4))
  if (format === 'yaml') return void (await run.process.stdout.write(emitYaml(object)))
  for (const image of images) await run.out(image)
}

async function imagesPull(run: Run): Promise<void> {
  const { init, cluster } = await loadInit(run, run.flags.string('config'), flagDocuments(run))
  const problem = runtimeProblem(run, init.nodeRegistration.criSocket)
  if (problem !== undefined) throw new Failure(problem.replace('could not connect to the container runtime: ', ''))
  for (const image of controlPlaneImages(cluster, run.version)) {
    const why = run.process.machine.host.containers!.pull(image).error
    if (why !== undefined) throw new Failure(`failed to pull image ${JSON.stringify(image)}: failed to pull image ${image}: ${why}`)
    await run.out(`[config/images] Pulled ${image}`)
  }
}

async function validate(run: Run): Promise<void> {
  const path = run.flags.string('config')
  if (path === '') throw new Failure('the --config flag is mandatory')
  const documents = splitDocuments(readConfigFile(run, path, false))
  checkKnown(documents)
  if (hasKind(documents, 'InitConfiguration', 'ClusterConfiguration')) await initFromDocuments(run, documents, { strict: true })
  if (hasKind(documents, 'JoinConfiguration')) await joinFromDocuments(run, documents, { strict: true })
  await run.out('ok')
}

async function migrate(run: Run): Promise<void> {
  const { flags } = run
  const path = flags.string('old-config')
  if (path === '') throw new Failure('the --old-config flag is mandatory')
  const documents = splitDocuments(readConfigFile(run, path, false))
  checkKnown(documents)
  const texts: string[] = []
  if (hasKind(documents, 'InitConfiguration', 'ClusterConfiguration')) {
    const { init, cluster } = await initFromDocuments(run, documents, { strict: true })
    texts.push(formatConfiguration('InitConfiguration', init), formatConfiguration('ClusterConfiguration', cluster))
  }
  if (hasKind(documents, 'JoinConfiguration')) texts.push(formatConfiguration('JoinConfiguration', await joinFromDocuments(run, documents, { strict: true })))
  const text = texts.join('---\n')
  const target = flags.string('new-config')
  if (target === '') await run.process.stdout.write(text)
  else run.fs.writeFile(target, text, { mode: 0o644 })
}

async function userKubeconfig(run: Run): Promise<void> {
  const { flags } = run
  if (!flags.changed('client-name')) throw new Failure('required flag(s) "client-name" not set')
  const { init, cluster } = await loadInit(run, flags.string('config'), {})
  const ca = loadPair(run, cluster.certificatesDir, 'ca')
  const name = `${cluster.certificatesDir}/ca`
  if (!ca) throw new Failure(`couldn't create a kubeconfig; the CA files couldn't be loaded: failed to load certificate: couldn't load the certificate file ${name}.crt: open ${name}.crt: no such file or directory`)
  const life = flags.changed('validity-period') ? flags.duration('validity-period') : 8760 * 3_600_000
  if (life > 8760 * 3_600_000) await run.warn('kubeconfig.go:100', `WARNING: the specified certificate validity period ${formatGoDuration(life)} is longer than the default duration 8760h0m0s, this may increase security risks.`)
  const user = flags.string('client-name')
  const token = flags.string('token')
  const inputs = { server: `https://${controlPlaneHost(cluster, init.localAPIEndpoint)}`, caPem: encodeCertificate(ca.certificate), user, clusterName: cluster.clusterName }
  const credentials = token !== '' ? { token } : certificateCredentials(issueCertificate(run.random, { commonName: user, organizations: flags.strings('org'), usages: ['client auth'] }, { now: run.process.now(), days: life / 86_400_000, issuer: ca }))
  await run.out(formatKubeconfig(inputs, credentials))
}

export const configCommands: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  'kubeadm version': version, 'kubeadm config print init-defaults': printInit, 'kubeadm config print join-defaults': printJoin, 'kubeadm config print reset-defaults': printReset, 'kubeadm config print upgrade-defaults': printUpgrade,
  'kubeadm config images list': imagesList, 'kubeadm config images pull': imagesPull, 'kubeadm config validate': validate, 'kubeadm config migrate': migrate, 'kubeadm kubeconfig user': userKubeconfig,
}
