/** What of the desktop host can be judged without Electron: the menu is the table of keys, the window comes back only where a screen is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keyTable } from '#contract/keys.ts'
import { menuTemplate } from '../../electron/menu.ts'
import { readWindowState } from '../../electron/window-state.ts'

test('every action of the table is in the menu once, and clicking it acts', () => {
  const done: string[] = []
  const items = menuTemplate((action) => done.push(action), 'linux').flatMap((menu) => (Array.isArray(menu.submenu) ? menu.submenu : []))
  for (const entry of keyTable) {
    const found = items.filter((i) => i.label === entry.title)
    expect(found.length, entry.title).toBe(1)
    // The page listens to the keys; a menu that also did would act twice.
    if (entry.key) expect(found[0]!.registerAccelerator).toBe(false)
    ;(found[0]!.click as () => void)()
  }
  expect(done).toEqual(keyTable.map((e) => e.action))
})
test('a window is not opened where no screen is any more', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubedrill-window-'))
  const screen = [{ x: 0, y: 0, width: 1920, height: 1080 }]
  const usual = { bounds: { width: 1440, height: 900 }, maximized: false }
  const kept = (value: unknown) => {
    writeFileSync(join(folder, 'window.json'), typeof value === 'string' ? value : JSON.stringify(value))
    return readWindowState(folder, screen)
  }
  expect(readWindowState(folder, screen)).toEqual(usual)
  expect(kept({ bounds: { x: 10, y: 20, width: 1000, height: 700 }, maximized: true })).toEqual({ bounds: { x: 10, y: 20, width: 1000, height: 700 }, maximized: true })
  for (const bad of [{ bounds: { x: 3000, y: 20, width: 1000, height: 700 } }, { bounds: { x: 0, y: 0, width: 5, height: 5 } }, { bounds: { x: 'a' } }, 'no json']) expect(kept(bad)).toEqual(usual)
  rmSync(folder, { recursive: true })
})
