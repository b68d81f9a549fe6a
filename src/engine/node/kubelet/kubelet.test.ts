import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { Backoff } from './backoff.ts'
import { expand } from './environment.ts'
import { parseFlags, KubeletFailure } from './config.ts'
import { canonical, parseReference } from '../runtime/reference.ts'
import { resolvConfText } from './sandbox-files.ts'
import { goSeconds } from './actions.ts'

test('$(NAME) is expanded, $$ escapes, unknown names stay', () => {
  const vars: Record<string, string> = { A: 'one', B: '$(A)' }
  const cases: [string, string][] = [['$(A)-two $(UNKNOWN) $$(A)', 'one-two $(UNKNOWN) $(A)'], ['$(B)', '$(A)'], ['$A $', '$A $'], ['$(A', '$(A'], ['a$$b', 'a$b']]
  for (const [text, expected] of cases) expect(expand(text, (n) => vars[n])).toBe(expected)
})

test('expansion without dollars is the identity', () => {
  fc.assert(fc.property(fc.string().filter((s) => !s.includes('$')), (s) => expand(s, () => 'x') === s))
})

test('back-off doubles to its ceiling and forgets after twice the ceiling of quiet', () => {
  let now = 0
  const backoff = new Backoff(10_000, 300_000, () => now)
  const delays: number[] = []
  for (let i = 0; i < 7; i++) {
    backoff.next('k', now)
    delays.push(backoff.get('k'))
    now += 1000
  }
  expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
  expect(backoff.isInBackoffSince('k', now - 299_000)).toBe(true)
  expect(backoff.isInBackoffSince('k', now - 301_000)).toBe(false)
  now += 700_000
  backoff.next('k', now)
  expect(backoff.get('k')).toBe(10_000)
})

describe('image references', () => {
  test.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['nicolaka/netshoot:v0.14', 'docker.io/nicolaka/netshoot:v0.14'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
  ])('%s', (text, expected) => {
    const parsed = parseReference(text)
    expect(parsed.ok && canonical(parsed.reference)).toBe(expected)
  })

  test.each([
    ['Nginx:1.27', 'invalid reference format: repository name (library/Nginx) must be lowercase'],
    ['nginx:1.27:2', 'invalid reference format'],
    ['<image>', 'invalid reference format'],
    ['', 'invalid reference format'],
  ])('%s is refused', (text, error) => {
    expect(parseReference(text)).toEqual({ ok: false, error })
  })
})

test('resolv.conf has search, nameserver, options in the runtime\'s order', () => {
  expect(resolvConfText({ nameservers: ['10.96.0.10'], searches: ['default.svc.cluster.local', 'svc.cluster.local'], options: ['ndots:5'] })).toBe('search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n')
  expect(resolvConfText({ nameservers: [], searches: [], options: [] })).toBe('')
})

test('Go durations', () => {
  expect([10_000, 80_000, 300_000, 3_661_000].map(goSeconds)).toEqual(['10s', '1m20s', '5m0s', '1h1m1s'])
})

test('an unknown flag stops the kubelet', () => {
  expect(() => parseFlags(['kubelet', '--no-such-flag=1'])).toThrow(KubeletFailure)
  expect(parseFlags(['kubelet', '--config=/a', '--kubeconfig', '/b'])).toMatchObject({ config: '/a', kubeconfig: '/b' })
})
