/** The menu bar, from the same table of keys as the help page. The page itself listens to the keys; the menu only shows them. */
import type { MenuItemConstructorOptions } from 'electron'
import { keyTable, type Action, type KeyEntry } from '#contract/keys.ts'

export function menuTemplate(act: (action: Action) => void, platform: string = process.platform): MenuItemConstructorOptions[] {
  const item = (entry: KeyEntry): MenuItemConstructorOptions => ({
    label: entry.title,
    click: () => act(entry.action),
    ...(entry.key === undefined ? {} : { accelerator: entry.key.replace('Ctrl', 'CommandOrControl'), registerAccelerator: false }),
  })
  const groups = [...new Set(keyTable.map((e) => e.group))]
  return [
    ...(platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    { label: 'File', submenu: [{ role: 'close' }, ...(platform === 'darwin' ? [] : [{ role: 'quit' } as const])] },
    { role: 'editMenu' },
    ...groups.map((group): MenuItemConstructorOptions => ({ label: group, submenu: keyTable.filter((e) => e.group === group).map(item) })),
    { label: 'View', submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { type: 'separator' }, { role: 'togglefullscreen' }] },
  ]
}
