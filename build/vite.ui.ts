/** How the interface is built: Svelte into dist/ui. The session worker beside it is built by build/build.ts; index.html names it. */
import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte'
import { join } from 'node:path'
import type { InlineConfig } from 'vite'

const root = join(import.meta.dirname, '..')

const config: InlineConfig = {
  configFile: false,
  root: join(root, 'src/ui'),
  base: './',
  logLevel: 'warn',
  plugins: [svelte({ configFile: false, preprocess: vitePreprocess() })],
  build: {
    outDir: join(root, 'dist/ui'),
    // The session worker lies in the same folder; only our own assets are replaced.
    emptyOutDir: false,
    target: 'chrome120',
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
}

export default config
