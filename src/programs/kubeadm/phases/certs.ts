/** `[certs]`: the authorities and certificates of a control plane (cmd/phases/init/certs.go, phases/certs). */
import { verifyChain } from '#engine/machine/certificates.ts'
import { certificateSpec, certificateSpecs, issueSpec, newKeyId, type CertificateSpec } from '#engine/kubeadm/certificates.ts'
import { certificateOrKeyExists, loadCertificate, loadKey, loadPair, writeKeyPair, writePair } from '../files.ts'
import type { InitData } from '../init-data.ts'
import { Failure } from '../run.ts'
import type { Phase } from '../workflow.ts'

const writeFolder = (d: InitData) => (d.dryRun ? d.dryRunFolder : d.cluster.certificatesDir)

async function authority(d: InitData, spec: CertificateSpec): Promise<void> {
  const { run, cluster } = d
  if (cluster.etcd.external && spec.name === 'etcd-ca') return run.out(`[certs] External etcd mode: Skipping ${spec.file} certificate authority generation`)
  const folder = cluster.certificatesDir
  if (loadCertificate(run, folder, spec.file)) {
    const key = loadKey(run, folder, spec.file) !== undefined
    if (d.dryRun) for (const ext of key ? ['crt', 'key'] : ['crt']) run.fs.writeFile(`${d.dryRunFolder}/ca.${ext}`, run.fs.readFile(`${folder}/ca.${ext}`))
    return run.out(`[certs] Using existing ${spec.file} ${key ? '' : 'keyless '}certificate authority`)
  }
  await run.out(`[certs] Generating ${JSON.stringify(spec.file)} certificate and key`)
  writePair(run, writeFolder(d), spec.file, issueSpec(run.random, spec, inputs(d), run.process.now()))
}

export const inputs = (d: Pick<InitData, 'cluster' | 'init'>) => ({ cluster: d.cluster, endpoint: d.init.localAPIEndpoint, node: d.init.nodeRegistration.name })

async function leaf(d: InitData, spec: CertificateSpec): Promise<void> {
  const { run, cluster } = d
  if (cluster.etcd.external && spec.ca === 'etcd-ca') return run.out(`[certs] External etcd mode: Skipping ${spec.file} certificate generation`)
  const folder = cluster.certificatesDir
  const ca = certificateSpec(spec.ca!)
  const existing = loadCertificate(run, folder, spec.file)
  if (existing) {
    const root = loadCertificate(run, folder, ca.file)
    if (!root) throw new Failure(`couldn't load CA certificate ${ca.name}: couldn't load the certificate file ${folder}/${ca.file}.crt: open ${folder}/${ca.file}.crt: no such file or directory`)
    const problem = verifyChain([existing], { roots: [root], now: run.process.now() })
    if (problem && existing.authorityKeyId !== root.keyId) throw new Failure(`[certs] certificate ${spec.file} not signed by CA certificate ${ca.file}: failed to verify certificate: ${problem.go}`)
    return run.out(`[certs] Using existing ${spec.file} certificate and key on disk`)
  }
  const target = writeFolder(d)
  if (!certificateOrKeyExists(run, target, ca.file)) throw new Failure(`couldn't load CA certificate ${ca.name}: couldn't load ${ca.file} certificate authority from ${target}`)
  const issuer = loadPair(run, target, ca.file)
  if (!issuer) throw new Failure(`couldn't load CA certificate ${ca.name}: failure loading ${ca.file} certificate authority: failed to load key: couldn't load the private key file ${target}/${ca.file}.key: open ${target}/${ca.file}.key: no such file or directory`)
  if (!issuer.certificate.isCa) throw new Failure(`couldn't load CA certificate ${ca.name}: ${ca.file} certificate is not a certificate authority`)
  if (certificateOrKeyExists(run, target, spec.file)) throw new Failure(`failure loading ${spec.file} certificate: failed to load certificate: couldn't load the certificate file ${target}/${spec.file}.crt: open ${target}/${spec.file}.crt: no such file or directory`)
  const pair = issueSpec(run.random, spec, inputs(d), run.process.now(), issuer)
  await run.out(`[certs] Generating ${JSON.stringify(spec.file)} certificate and key`)
  writePair(run, target, spec.file, pair)
  if (pair.certificate.usages.includes('server auth')) await run.out(`[certs] ${spec.file} serving cert is signed for DNS names [${pair.certificate.dnsNames.join(' ')}] and IPs [${pair.certificate.ipAddresses.join(' ')}]`)
}

async function serviceAccountKeys(d: InitData): Promise<void> {
  const { run } = d
  const folder = d.cluster.certificatesDir
  if (d.externalCa) return run.out('[certs] Using existing sa keys')
  if (loadKey(run, folder, 'sa') !== undefined) return run.out('[certs] Using the existing "sa" key')
  await run.out('[certs] Generating "sa" key and public key')
  writeKeyPair(run, writeFolder(d), 'sa', newKeyId(run.random))
}

export const certsPhase: Phase<InitData> = {
  name: 'certs',
  run: (d) => d.run.out(`[certs] Using certificateDir folder ${JSON.stringify(writeFolder(d))}`),
  phases: [...certificateSpecs.map((spec) => ({ name: spec.name, run: (d: InitData) => (spec.ca === undefined ? authority(d, spec) : leaf(d, spec)) })), { name: 'sa', run: serviceAccountKeys }],
}
