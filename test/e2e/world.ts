/** What a browser case works with: a page on the real build, served by the real web host over a data folder of its own. */
import { AxeBuilder } from '@axe-core/playwright'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openHost, type Host } from '#host/host.ts'
import { serveWeb, type Web } from '#web/server.ts'

export const root = join(import.meta.dirname, '../..')
const shots = join(root, 'test-results/screens')

export class World {
  readonly #browser: Browser
  readonly #dataDir: string
  host!: Host
  #web!: Web
  #context!: BrowserContext
  page!: Page
  /** Errors that the page printed or threw. */
  readonly errors: string[] = []

  constructor(browser: Browser) {
    this.#browser = browser
    this.#dataDir = mkdtempSync(join(tmpdir(), 'kubedrill-e2e-'))
    mkdirSync(shots, { recursive: true })
  }

  async start(options: { theme?: 'light' | 'dark'; width?: number; height?: number; scale?: number } = {}): Promise<void> {
    this.host = openHost({ contentDir: root, dataDir: this.#dataDir })
    this.#web = await serveWeb({ host: this.host.methods, notice: this.host.notice, staticDir: join(root, 'dist/ui'), port: 0 })
    this.#context = await this.#browser.newContext({
      viewport: { width: options.width ?? 1366, height: options.height ?? 768 },
      colorScheme: options.theme ?? 'light',
      deviceScaleFactor: options.scale ?? 1,
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await this.open()
  }

  /** A new page, as after closing the window: the same host, the same data. */
  async open(): Promise<void> {
    await this.page?.close()
    this.page = await this.#context.newPage()
    this.page.on('pageerror', (error) => this.errors.push(error.message))
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
    await this.page.goto(this.#web.url)
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate((h) => (location.hash = h), hash)
  }

  async end(): Promise<void> {
    await this.#context?.close()
    await this.#web?.close()
    this.host?.close()
    rmSync(this.#dataDir, { recursive: true, force: true })
  }

  /** The visible text of the terminal in front. */
  async terminal(): Promise<string> {
    return this.page.evaluate(() => [...document.querySelectorAll('.xterm-rows > div')].map((row) => (row.textContent ?? '').replaceAll('\u00a0', ' ').trimEnd()).join('\n').trimEnd())
  }

  /** Waits until the terminal's text matches; fails with the text. */
  async terminalShows(pattern: RegExp, ms = 15_000): Promise<string> {
    const end = Date.now() + ms
    for (;;) {
      const text = await this.terminal()
      if (pattern.test(text)) return text
      if (Date.now() > end) throw new Error(`the terminal never showed ${String(pattern)}:\n${text.split('\n').slice(-12).join('\n')}`)
      await this.page.waitForTimeout(50)
    }
  }

  /** Until the terminal waits for a command. */
  prompt(): Promise<string> {
    return this.terminalShows(/[$#]\s*$/, 30_000)
  }

  /** Types a line at the prompt, presses Enter, waits for the next prompt. */
  async line(command: string): Promise<string> {
    await this.prompt()
    const before = (await this.terminal()).length
    await this.page.keyboard.type(command)
    await this.page.keyboard.press('Enter')
    await this.page.waitForTimeout(120)
    void before
    return this.prompt()
  }

  async leader(key: string): Promise<void> {
    await this.page.keyboard.press('Control+Shift+Space')
    await this.page.keyboard.press(key)
  }

  async see(text: string | RegExp, ms = 15_000): Promise<void> {
    await this.page.getByText(text).first().waitFor({ state: 'visible', timeout: ms })
  }

  shot(name: string): Promise<unknown> {
    return this.page.screenshot({ path: join(shots, `${name}.png`) })
  }

  /** No violation of WCAG 2.2 A and AA that axe can find. */
  async axe(where: string): Promise<void> {
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
    if (violations.length > 0) {
      throw new Error(`axe on ${where}:\n${violations.map((v) => `  ${v.id}: ${v.help}\n${v.nodes.slice(0, 3).map((n) => `    ${n.html.slice(0, 160)}\n      ${(n.failureSummary ?? '').split('\n').slice(1, 2).join('')}`).join('\n')}`).join('\n')}`)
    }
  }
}

export interface Case {
  readonly name: string
  run(world: World): Promise<void>
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}
