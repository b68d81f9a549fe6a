/** Pages without a cluster: the first start, search, settings, help, reference; axe in both themes. */
import { equal, holds, type Case } from './world.ts'

export const cases: readonly Case[] = [
  {
    name: 'first start: home shows what to begin with, and two decisions lead to a terminal',
    run: async (w) => {
      await w.start()
      await w.see('Begin here')
      holds((await w.page.url()).includes('token') === false, 'the token stays in the address')
      await w.shot('home-first-light')
      await w.page.getByRole('link', { name: 'Open', exact: true }).click()
      await w.prompt()
      holds(await w.page.evaluate(() => document.activeElement?.closest('.xterm') != null), 'the terminal has not the focus')
    },
  },
  ...(['light', 'dark'] as const).map((theme): Case => ({
    name: `axe on the pages without a cluster, ${theme}`,
    run: async (w) => {
      await w.start({ theme })
      await w.see('Begin here')
      await w.axe('home')
      await w.shot(`home-${theme}`)
      for (const [hash, heading] of [['#/settings', 'Settings'], ['#/help', 'Help'], ['#/reference', 'Reference'], ['#/reference/allow-namespace', 'Allow traffic from a namespace'], ['#/reference/gateway', 'Open the cluster with a Gateway'], ['#/reference/httproute', 'Route by host and path with an HTTPRoute'], ['#/reference/hpa', 'Scale by load'], ['#/reference/kubeadm', 'Build and upgrade a cluster with kubeadm'], ['#/reference/nft', 'Read kube-proxy’s nftables'], ['#/sandbox', 'Sandbox'], ['#/exam/short', 'Short mock exam'], ['#/lab/nothing', 'This lab cannot be opened'], ['#/report/9', 'There is no such report']] as const) {
        await w.go(hash)
        await w.page.getByRole('heading', { name: heading, level: 1 }).waitFor()
        await w.axe(hash)
        await w.shot(`${hash.replace(/[^a-z]+/g, '-').slice(1)}-${theme}`)
      }
      w.errors.length = 0
    },
  })),
  {
    name: 'search with the keyboard opens a lab',
    run: async (w) => {
      await w.start()
      await w.see('Begin here')
      await w.page.keyboard.press('Control+k')
      await w.page.keyboard.type('kubelet sleeps')
      await w.axe('search')
      await w.shot('search')
      await w.page.keyboard.press('Enter')
      await w.page.getByRole('heading', { name: 'The kubelet sleeps' }).waitFor()
      await w.prompt()
      // In the terminal Ctrl+K belongs to bash.
      await w.page.keyboard.press('Control+k')
      equal(await w.page.locator('dialog').count(), 0, 'dialogs after Ctrl+K in the terminal')
    },
  },
  {
    name: 'settings are kept: theme, text size, a backup, the way back',
    run: async (w) => {
      await w.start()
      await w.go('#/settings')
      await w.page.getByText('High contrast').click()
      equal(await w.page.evaluate(() => document.documentElement.dataset['theme']), 'contrast', 'theme')
      await w.axe('settings in high contrast')
      await w.shot('settings-contrast')
      await w.page.getByRole('button', { name: 'Back up now' }).click()
      await w.see('The backup is made.')
      await w.page.getByRole('button', { name: 'Restore' }).first().waitFor()
      await w.page.reload()
      await w.page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor()
      equal(await w.page.evaluate(() => document.documentElement.dataset['theme']), 'contrast', 'theme after a reload')
    },
  },
  {
    name: 'at 200 % zoom nothing is lost on home, settings and a lab',
    run: async (w) => {
      await w.start({ width: 683, height: 384, scale: 2 })
      for (const hash of ['#/', '#/settings', '#/lab/net-svc-002-the-service-that-found-nobody']) {
        await w.go(hash)
        await w.page.waitForTimeout(1500)
        holds(await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${hash} is wider than the window`)
        await w.shot(`zoom-${hash.replace(/[^a-z]+/g, '-')}`)
      }
      await w.page.getByRole('button', { name: 'Tasks' }).waitFor()
      await w.page.getByText('Task 1').waitFor()
    },
  },
]
