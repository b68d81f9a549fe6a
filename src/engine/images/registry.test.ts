/** Tags of the registry: those by name, those by rule, and those that nobody published; π as the documentation's Job prints it. */
import { expect, test } from 'vitest'
import { Registry } from '#engine/node/runtime/registry.ts'
import { commonImages } from './all.ts'
import { pi } from './perl.ts'

test('every published version can be pulled, in every variant, and nothing else', () => {
  const registry = new Registry([commonImages])
  const has = (...names: string[]) => names.filter((name) => registry.pull(name).ok)
  const good = ['nginx:1.17.6-alpine', 'nginx:1.19.10', 'nginx:1-alpine', 'nginx:1.27.5-alpine-slim', 'busybox:1', 'busybox:1.31.1', 'busybox:1.36.1-musl', 'httpd:2.4.41-alpine', 'redis:6.2.6', 'alpine:3.12.4', 'perl:5.34', 'perl:5.34.0', 'mysql:8.0.32', 'google/pause', 'registry.k8s.io/pause:3.1']
  expect(has(...good)).toEqual(good)
  expect(has('nginx:1.99', 'nginx:1.27.9', 'nginx:1.27.05', 'nginx:1.27-alpin', 'nginx:2', 'busybox:1.38', 'busybox:1.36.7', 'httpd:2.4.67', 'perl:6', 'ngnix')).toEqual([])
  const environment = (name: string) => registry.lookup(name)?.behaviour.env?.['NGINX_VERSION']
  expect([environment('nginx:1.19.3'), environment('nginx:1.17.6-alpine'), environment('nginx')]).toEqual(['1.19.3', '1.17.6', '1.27.5'])
  expect([registry.lookup('nginx:1.17.6-alpine')?.behaviour.size, registry.lookup('nginx:1.17.6')?.behaviour.size]).toEqual([21_203_112, 72_404_038])
})

test('digits of π, the last one rounded', () => {
  expect([pi(1), pi(5), pi(20), pi(50)]).toEqual(['3', '3.1416', '3.1415926535897932385', '3.1415926535897932384626433832795028841971693993751'])
})
