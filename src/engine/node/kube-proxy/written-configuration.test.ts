import { expect, test } from 'vitest'
import { parseYaml } from '#base/yaml.ts'
import { readConfiguration } from './configuration.ts'
import { configurationText } from './written-configuration.ts'

test('the written configuration is read back as what it was', () => {
  for (const raw of [{}, { mode: 'nftables', clusterCIDR: '10.8.0.0/16', nodePortAddresses: ['10.0.0.0/8', 'primary'], iptables: { masqueradeAll: true, masqueradeBit: 3, localhostNodePorts: false, minSyncPeriod: '250ms', syncPeriod: '1m30s' }, conntrack: { tcpBeLiberal: true, tcpCloseWaitTimeout: '90m' }, clientConnection: { kubeconfig: '/etc/k' } }]) {
    const config = readConfiguration(raw)
    expect(readConfiguration(parseYaml(configurationText(config, '4')))).toEqual(config)
  }
  expect(configurationText(readConfiguration({}), '4')).toContain('  verbosity: 4\n')
})
