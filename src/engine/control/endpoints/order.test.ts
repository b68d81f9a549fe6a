/** Ports of Endpoints stand in the order of a hash, whatever the Service's order. */
import { expect, test } from 'vitest'
import { endpoints, type Endpoints } from '#engine/kinds/endpoints/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import { controlRig, readyStatus } from '../rig.ts'

test('ports in the order of their hash', () => {
  const rig = controlRig({ controllers: ['endpoints-controller'] })
  rig.api.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' }, spec: { selector: { a: 'b' }, ports: [{ name: 'web', port: 80 }, { name: 'admin', port: 81, targetPort: 8081 }, { name: 'names', port: 53, protocol: 'UDP' }] } } as never)
  const pod = rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', labels: { a: 'b' } }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }] } } as never)
  rig.setPod(pod, readyStatus(rig.sim.now, '10.1.0.1'))
  rig.run(1000)
  expect(rig.api.get<Endpoints>(endpoints, 'default', 's').subsets?.[0]?.ports?.map((p) => p.name)).toEqual(['admin', 'web', 'names'])
})
