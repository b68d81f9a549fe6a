/** Where the window was and how large, kept in a small file; forgotten when it would lie outside every screen. */
import type { BrowserWindow, Rectangle } from 'electron'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface WindowState {
  readonly bounds: Partial<Rectangle> & { readonly width: number; readonly height: number }
  readonly maximized: boolean
}

const fallback: WindowState = { bounds: { width: 1440, height: 900 }, maximized: false }
const fileOf = (dataDir: string) => join(dataDir, 'window.json')

export function readWindowState(dataDir: string, screens: readonly Rectangle[]): WindowState {
  try {
    const state = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as WindowState
    const { x, y, width, height } = state.bounds as Rectangle
    if (![x, y, width, height].every(Number.isFinite) || width < 400 || height < 300) return fallback
    // At least a title bar's worth must lie on a screen.
    const seen = screens.some((s) => x < s.x + s.width - 80 && x + width > s.x + 80 && y >= s.y - 10 && y < s.y + s.height - 40)
    return seen ? { bounds: { x, y, width, height }, maximized: state.maximized === true } : fallback
  } catch {
    return fallback
  }
}

export function keepWindowState(window: BrowserWindow, dataDir: string): void {
  window.on('close', () => {
    try {
      mkdirSync(dataDir, { recursive: true })
      writeFileSync(fileOf(dataDir), JSON.stringify({ bounds: window.getNormalBounds(), maximized: window.isMaximized() }))
    } catch {
      // The next start uses the usual size.
    }
  })
}
