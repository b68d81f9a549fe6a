/** Other clusters than the usual one: what the pictures show of bare machines, without a plugin, with flannel alone, with a Gateway; and the way back to a sitting. */
import { equal, holds, type Case, type World } from './world.ts'

async function openShape(w: World, shape: string): Promise<void> {
  await w.go('#/sandbox')
  await w.page.locator('li button', { has: w.page.locator('.code', { hasText: new RegExp(`^${shape}$`) }) }).click()
  await w.prompt()
}
const show = (w: World, panel: string) => w.page.getByRole('group', { name: 'Pictures of the cluster' }).getByRole('button', { name: panel }).click()
const route = 'apiVersion: gateway.networking.k8s.io/v1\\nkind: Gateway\\nmetadata:\\n  name: edge\\nspec:\\n  gatewayClassName: drill\\n  listeners:\\n  - name: http\\n    protocol: HTTP\\n    port: 80\\n---\\napiVersion: gateway.networking.k8s.io/v1\\nkind: HTTPRoute\\nmetadata:\\n  name: web\\nspec:\\n  parentRefs:\\n  - name: edge\\n  rules:\\n  - backendRefs:\\n    - name: web\\n      port: 80\\n'

export const cases: readonly Case[] = [
  ...(['light', 'dark'] as const).map((theme): Case => ({
    name: `bare machines: each picture says that there is no cluster yet, and the map draws the first node, ${theme}`,
    run: async (w) => {
      await w.start({ theme })
      await openShape(w, 'bare-3')
      for (const panel of ['Trace', 'Matrix', 'Objects', 'Map']) {
        await show(w, panel)
        await w.page.locator('.panel').getByText('There is no cluster on these machines yet').waitFor()
        await w.axe(`${panel} of bare machines`)
      }
      await w.see('no cluster yet')
      await w.shot(`bare-map-${theme}`)
      await w.leader('t')
      await w.line('ssh m1 "sudo kubeadm init --pod-network-cidr=10.244.0.0/16" 2>&1 | tail -2')
      await w.page.getByRole('button', { name: 'Node m1, not ready' }).waitFor({ timeout: 60_000 })
      await w.page.getByRole('button', { name: /^Pod kube-system\/coredns-/ }).first().waitFor({ timeout: 30_000 })
      await w.shot(`bare-initialised-${theme}`)
    },
  })),
  {
    name: 'no plugin: pods that wait for a node are on the map and can be chosen',
    run: async (w) => {
      await w.start({ theme: 'dark' })
      await openShape(w, 'no-cni')
      await w.line('kubectl create deployment web --image=nginx --replicas=2')
      await show(w, 'Map')
      await w.page.getByRole('button', { name: /^Pod default\/web-.*, Pending$/ }).first().click()
      await w.page.getByLabel('Selected').getByText('none yet').waitFor()
      await w.axe('a pod without a node')
      await w.shot('map-no-node-dark')
    },
  },
  {
    name: 'flannel alone: the matrix says that no policy counts, and a trace proves it',
    run: async (w) => {
      await w.start()
      await openShape(w, 'duo-flannel')
      await w.line('printf "apiVersion: networking.k8s.io/v1\\nkind: NetworkPolicy\\nmetadata:\\n  name: deny\\nspec:\\n  podSelector: {}\\n  policyTypes: [Ingress]\\n" | kubectl apply -f -; kubectl run web --image=nginx; kubectl wait --for=condition=Ready pod/web')
      await show(w, 'Matrix')
      await w.see('enforces no NetworkPolicy')
      await w.page.getByRole('button', { name: 'kube-system k8s-app=kube-dns to default run=web: passes' }).click()
      await w.page.locator('.verdict.good').waitFor({ timeout: 30_000 })
    },
  },
  {
    name: 'a Gateway: its pods and its address on the map, its objects in the list, by the keyboard',
    run: async (w) => {
      await w.start()
      await openShape(w, 'trio-gateway')
      await w.line(`kubectl create deployment web --image=nginx; kubectl expose deployment web --port 80; printf "${route}" | kubectl apply -f -; kubectl wait --for=condition=Programmed gateway/edge; clear`)
      await w.page.keyboard.press('F7')
      await w.page.getByRole('button', { name: 'Service default/edge-drill, 1 ready endpoints' }).click({ timeout: 30_000 })
      await w.page.getByLabel('Selected').getByText('172.20.10.200').waitFor()
      await w.axe('the map of a Gateway')
      await w.shot('map-gateway-light')
      await w.leader('o')
      await w.page.getByLabel('Filter objects').fill('httproute default')
      await w.page.getByRole('button', { name: 'HTTPRoute default/web' }).waitFor()
      await w.page.keyboard.press('Tab')
      await w.page.keyboard.press('Enter')
      await w.page.getByLabel('YAML').getByText('gateway.networking.k8s.io/v1').first().waitFor()
      await w.page.getByRole('button', { name: 'HTTPRoute default/web' }).and(w.page.locator('[aria-current]')).waitFor()
      await w.page.keyboard.press('Escape')
      holds(await w.page.evaluate(() => document.activeElement?.closest('.xterm') != null), 'Escape does not lead back to the terminal')
    },
  },
  {
    name: 'the timeline names the command under the pointer, and keys lead back before one',
    run: async (w) => {
      await w.start({ theme: 'dark' })
      await openShape(w, 'bare-3')
      for (const text of ['first', 'second', 'third']) await w.line(`echo ${text}`)
      await w.leader('i')
      const track = w.page.getByRole('slider', { name: 'Time' })
      await w.page.locator('.list li').nth(2).waitFor()
      const box = (await track.boundingBox())!
      await w.page.mouse.move(box.x + 2, box.y + 12)
      await w.page.locator('.preview').getByText('echo first').waitFor()
      await w.page.mouse.move(box.x + box.width - 2, box.y + 12)
      await w.page.locator('.preview').getByText('echo third').waitFor()
      await w.page.mouse.move(box.x, 10)
      await track.focus()
      for (const key of ['Home', 'ArrowRight']) await w.page.keyboard.press(key)
      holds(/^0:\d\d, echo second$/.test((await track.getAttribute('aria-valuetext')) ?? ''), `the slider says ${String(await track.getAttribute('aria-valuetext'))}`)
      await w.axe('timeline')
      await w.shot('timeline-dark')
      await w.page.keyboard.press('Enter')
      await w.page.locator('.list li').nth(1).waitFor({ state: 'detached' })
      equal((await w.terminal()).includes('second'), false, 'the second command after going back')
    },
  },
  {
    name: 'a sitting of another build of the engine comes back with one notice that can be dismissed',
    run: async (w) => {
      await w.start()
      await openShape(w, 'bare-3')
      await w.line('echo kept')
      const { sitting, saveSitting } = w.host.methods
      const key = 'sandbox:bare-3'
      let log = await sitting(key)
      for (let i = 0; i < 50 && !JSON.stringify(log ?? '').includes('kept'); i++) {
        await w.page.waitForTimeout(100)
        log = await sitting(key)
      }
      await w.page.goto('about:blank')
      await saveSitting(key, { ...log!, engine: 'another' })
      await w.open()
      await w.go('#/sandbox')
      await w.terminalShows(/kept\n/)
      await w.see('left in another version of Kubedrill')
      await w.axe('the notice')
      await w.shot('notice-light')
      await w.page.getByRole('button', { name: 'Dismiss' }).click()
      equal(await w.page.getByText('left in another version').count(), 0, 'notices after dismissal')
      for (let i = 0; i < 50 && (await sitting(key))?.engine === 'another'; i++) await w.page.waitForTimeout(100)
      await w.open()
      await w.go('#/sandbox')
      await w.terminalShows(/kept\n/)
      equal(await w.page.getByText('left in another version').count(), 0, 'notices at the next time')
    },
  },
  {
    name: 'at 200 % nothing of the bar lies on anything else',
    run: async (w) => {
      await w.start({ width: 683, height: 384, scale: 2 })
      await openShape(w, 'trio-nftables')
      const path = (await w.page.getByRole('navigation', { name: 'Where you are' }).boundingBox())!
      const first = (await w.page.getByRole('button', { name: 'Save as a file' }).boundingBox())!
      const step = (await w.page.locator('.path .here').last().boundingBox())!
      holds(step.x + step.width <= first.x && path.x + path.width <= first.x, 'the title lies on the tools')
      holds(await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the window')
      await w.axe('at 200 %')
    },
  },
]
