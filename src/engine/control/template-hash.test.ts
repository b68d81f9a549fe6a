import { expect, test } from 'vitest'
import { podTemplateHash, safeEncode } from './template-hash.ts'

const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'c', image, resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent' as const }],
    restartPolicy: 'Always' as const, terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst' as const, automountServiceAccountToken: false, securityContext: {}, schedulerName: 'default-scheduler',
  },
})

test('hashes are those of a real control plane of v1.35', () => {
  expect(podTemplateHash(template('app:1'), undefined)).toBe('68dd66cf7b')
  expect(podTemplateHash(template('app:2'), undefined)).toBe('58b967974f')
})

test('collisions and any change give another hash', () => {
  const seen = new Set([podTemplateHash(template('a'), undefined), podTemplateHash(template('a'), 1), podTemplateHash(template('a'), 2), podTemplateHash(template('b'), undefined)])
  expect(seen.size).toBe(4)
  expect(safeEncode('0123456789')).toMatch(/^[bcdf4-9]+$/)
})
