import { expect, test } from 'vitest'
import { LoadedModules } from './modules.ts'

test('a module in use stays; what is removed is not listed', () => {
  const modules = new LoadedModules()
  expect(modules.unload('bridge')).toBe(false)
  expect(modules.unload('br-netfilter')).toBe(true)
  expect(modules.text).toContain('bridge 311296 0 - Live')
  modules.load('br_netfilter')
  expect(modules.text).toContain('bridge 311296 1 br_netfilter, Live')
})
