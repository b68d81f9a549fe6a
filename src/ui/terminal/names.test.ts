import { expect, test } from 'vitest'
import type { MapSnapshot } from '#contract/session-api.ts'
import { findNames, namesOf, splitNames } from './names.ts'

const pod = (name: string) => ({ namespace: 'shop', name, address: '', phase: 'Running', ready: true, status: 'Running', labels: {} })
const map: MapSnapshot = {
  revision: 1, tunnels: [],
  nodes: [{ name: 'node01', address: '', podCidr: '', ready: true, role: '', bridge: '', pods: [pod('web'), pod('web-7d4b9c6f5d-2xkqz')] }],
  services: [{ namespace: 'shop', name: 'web', type: 'ClusterIP', address: '', ports: [], endpoints: [] }],
}

test('names in a line of output, whole words only', () => {
  const line = 'web-7d4b9c6f5d-2xkqz   1/1   Running   node01   webs'
  expect(findNames(line, namesOf(map)).map((f) => [line.slice(f.start, f.end), f.ref.kind])).toEqual([['web-7d4b9c6f5d-2xkqz', 'Pod'], ['node01', 'Node']])
})
test('namespace/name in a sentence; the word before decides', () => {
  expect(splitNames('Service shop/web has no endpoint, shop/web asks; 10.0.0.0/24 and app/none stay.', map)).toEqual([
    { text: 'Service ' }, { text: 'shop/web', ref: { kind: 'Service', namespace: 'shop', name: 'web' } }, { text: ' has no endpoint, ' },
    { text: 'shop/web', ref: { kind: 'Pod', namespace: 'shop', name: 'web' } }, { text: ' asks; 10.0.0.0/24 and app/none stay.' },
  ])
  expect(splitNames('', map)).toEqual([{ text: '' }])
})
