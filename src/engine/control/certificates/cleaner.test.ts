import { expect, test } from 'vitest'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { controlRig } from '../rig.ts'

test('approved requests go after an hour, others after a day', () => {
  const rig = controlRig({ controllers: ['certificatesigningrequest-cleaner-controller'] })
  const make = (name: string) => rig.server.store.put('certificatesigningrequests.certificates.k8s.io', { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name, uid: name, creationTimestamp: rig.server.now }, spec: { request: '', signerName: 'a.test/b' } } as CertificateSigningRequest)
  make('old')
  make('approved')
  const names = () => rig.api.list(certificatesigningrequests).map((c) => c.metadata.name)
  rig.run(1000)
  rig.server.store.put('certificatesigningrequests.certificates.k8s.io', { ...rig.api.get<CertificateSigningRequest>(certificatesigningrequests, undefined, 'approved'), status: { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: rig.server.now }] } } as CertificateSigningRequest)
  rig.run(7_300_000)
  expect(names()).toEqual(['old'])
  rig.run(86_400_000)
  expect(names()).toEqual([])
})
