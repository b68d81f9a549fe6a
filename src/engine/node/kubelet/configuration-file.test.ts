import { expect, test } from 'vitest'
import { decodeKubeletConfiguration, validateKubeletConfiguration } from './configuration-file.ts'

const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n'
const error = (text: string) => {
  const decoded = decodeKubeletConfiguration(text)
  return 'error' in decoded ? decoded.error : decoded.lenient
}

test('what the decoder says', () => {
  expect([
    error('cgroupDriver: systemd\n'),
    error('apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n'),
    error(`${head}  maxPods: 1\n`),
    error(`${head}maxPods: "9"\n`),
    error(`${head}maxPods: 1.5\n`),
    error(`${head}syncFrequency: 5\n`),
    error(`${head}syncFrequency: "5"\n`),
    error(`${head}clusterDNS: 10.96.0.10\n`),
    error(`${head}authentication: {x509: {clientCAFile: 3}}\n`),
    error(`${head}authentication: none\n`),
    error(`${head}evictionHard: {memory.available: 100}\n`),
    error(`${head}clusterDns: []\nauthorization: {modus: x}\n`),
    error(`${head}maxPods: 5\nsyncFrequency: 1m0s\n`),
  ]).toEqual([
    "Object 'Kind' is missing in 'cgroupDriver: systemd\n'",
    'no kind "KubeletConfiguration" is registered for version "kubelet.config.k8s.io/v1" in scheme "pkg/runtime/scheme.go:111"',
    'yaml: line 3: mapping values are not allowed in this context',
    'json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32',
    'json: cannot unmarshal number 1.5 into Go struct field KubeletConfiguration.maxPods of type int32',
    'json: cannot unmarshal number into Go value of type string',
    'time: missing unit in duration "5"',
    'json: cannot unmarshal string into Go struct field KubeletConfiguration.clusterDNS of type []string',
    'json: cannot unmarshal number into Go struct field KubeletConfiguration.authentication.x509.clientCAFile of type string',
    'json: cannot unmarshal string into Go struct field KubeletConfiguration.authentication of type v1beta1.KubeletAuthentication',
    'json: cannot unmarshal number into Go struct field KubeletConfiguration.evictionHard of type string',
    'strict decoding error: unknown field "clusterDns", unknown field "authorization.modus"',
    undefined,
  ])
})

test('what validation refuses', () => {
  expect([
    validateKubeletConfiguration({}),
    validateKubeletConfiguration({ port: 70000 }),
    validateKubeletConfiguration({ imageGCLowThresholdPercent: 90, hairpinMode: 'maybe' }),
    validateKubeletConfiguration({ enforceNodeAllocatable: ['pods', 'kube-reserved'] }),
    validateKubeletConfiguration({ shutdownGracePeriodCriticalPods: '10s' }),
  ]).toEqual([
    undefined,
    'invalid configuration: port (--port) 70000 must be between 1 and 65535, inclusive',
    '[invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) 90 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 85, invalid configuration: option "maybe" specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or "promiscuous-bridge"]',
    'invalid configuration: kubeReservedCgroup (--kube-reserved-cgroup) must be specified when "kube-reserved" or "kube-reserved-compressible" included in enforceNodeAllocatable (--enforce-node-allocatable)',
    'invalid configuration: shutdownGracePeriodCriticalPods {10s} must be <= shutdownGracePeriod {0s}',
  ])
})
