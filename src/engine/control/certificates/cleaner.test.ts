import { expect, test } from 'vitest'
import { certificatesigningrequests, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { controlRig } from '../rig.ts'

test('issued and denied requests go after an hour, undecided ones after a day, approved ones that nobody signs stay', () => {
  const rig = controlRig({ controllers: ['certificatesigningrequest-cleaner-controller'] })
  const put = (name: string, status: CertificateSigningRequest['status']) => rig.server.store.put('certificatesigningrequests.certificates.k8s.io', { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name, uid: name, creationTimestamp: rig.server.now }, spec: { request: '', signerName: 'a.test/b' }, ...(status ? { status } : {}) } as CertificateSigningRequest)
  const condition = (type: string) => [{ type, status: 'True', lastUpdateTime: rig.server.now }]
  put('undecided', undefined)
  put('approved', { conditions: condition('Approved') })
  put('denied', { conditions: condition('Denied') })
  put('issued', { conditions: condition('Approved'), certificate: 'YQ==' })
  const names = () => rig.api.list(certificatesigningrequests).map((c) => c.metadata.name).sort()
  rig.run(3_500_000)
  expect(names()).toEqual(['approved', 'denied', 'issued', 'undecided'])
  rig.run(3_800_000)
  expect(names()).toEqual(['approved', 'undecided'])
  rig.run(86_400_000)
  expect(names()).toEqual(['approved'])
})
