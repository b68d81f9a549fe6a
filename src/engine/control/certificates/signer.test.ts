import { expect, test } from 'vitest'
import { toBase64 } from '#base/bytes.ts'
import { certificatesigningrequests as csrs, type CertificateSigningRequest } from '#engine/kinds/certificatesigningrequest/types.ts'
import { controlRig } from '../rig.ts'
import { signerRules } from './rules.ts'

const pem = '-----BEGIN CERTIFICATE REQUEST-----\nYQ==\n-----END CERTIFICATE REQUEST-----\n'
const signer = { read: () => ({ commonName: 'ann', organizations: ['dev'], dnsNames: [], ipAddresses: [] }), sign: (_: string, o: { usages: readonly string[]; seconds: number }) => `signed for ${o.seconds}: ${o.usages.join()}` }

function decided(type: string | undefined, spec: Partial<CertificateSigningRequest['spec']> = {}) {
  const rig = controlRig({ settings: { signer } })
  const made = rig.api.create<CertificateSigningRequest>(csrs, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'ann' }, spec: { request: toBase64(pem), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], ...spec } })
  if (type) rig.api.update<CertificateSigningRequest>(csrs, { ...made, status: { conditions: [{ type, status: 'True', reason: 'Test' }] } }, 'approval')
  rig.run(1000)
  return rig.api.get<CertificateSigningRequest>(csrs, undefined, 'ann').status
}

const at = { lastUpdateTime: '2026-03-02T09:00:00Z', lastTransitionTime: '2026-03-02T09:00:00Z' }

test('an approved request is signed for as long as it asked', () => {
  expect(decided('Approved', { expirationSeconds: 86400 })).toEqual({ conditions: [{ type: 'Approved', status: 'True', reason: 'Test', ...at }], certificate: toBase64('signed for 86400: client auth') })
})

test('requests that wait, are denied or go to other signers get nothing', () => {
  expect(decided(undefined)).toEqual({})
  expect(decided('Denied')).toEqual({ conditions: [{ type: 'Denied', status: 'True', reason: 'Test', ...at }] })
  expect(decided('Approved', { signerName: 'example.com/own' })?.certificate).toBeUndefined()
})

test('usages that the signer does not give fail the request', () => {
  expect(decided('Approved', { usages: ['client auth', 'server auth'] })).toEqual({
    conditions: [
      { type: 'Approved', status: 'True', reason: 'Test', ...at },
      { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: 'invalid usage for client certificate: server auth', ...at },
    ],
  })
})

test('what the signers of nodes refuse, in the order in which they look', () => {
  const facts = { commonName: 'n1', organizations: ['system:nodes'], dnsNames: ['n1'], ipAddresses: [] }
  const client = signerRules['kubernetes.io/kube-apiserver-client-kubelet']!
  const serving = signerRules['kubernetes.io/kubelet-serving']!
  expect([client({ ...facts, organizations: [] }, []), client(facts, []), client({ ...facts, dnsNames: [] }, []), serving(facts, []), serving(facts, ['server auth', 'digital signature'])]).toEqual([
    'subject organization is not system:nodes', 'DNS subjectAltNames are not allowed', 'subject common name does not begin with system:node: ', 'usages did not match [digital signature key encipherment server auth]', 'subject common name does not begin with system:node: ',
  ])
  expect(client({ ...facts, commonName: 'system:node:n1', dnsNames: [] }, ['client auth', 'digital signature'])).toBeUndefined()
})
