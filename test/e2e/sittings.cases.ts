/** Lessons, labs and the exam on the real engine. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equal, holds, root, type Case, type World } from './world.ts'

const lab = 'net-svc-002-the-service-that-found-nobody'
const lesson = '01-network/01-pod-network'
const node = 'trb-node-001-the-kubelet-sleeps'

/** The commands of a script, comments left out. */
const script = (path: string) => readFileSync(join(root, 'labs', path), 'utf8').split('\n').filter((l) => l.trim() !== '' && !l.startsWith('#'))

async function openLab(w: World, id: string): Promise<void> {
  await w.go(`#/lab/${id}`)
  await w.page.locator('.tasks li').first().waitFor()
  await w.prompt()
}
async function check(w: World): Promise<void> {
  await w.page.keyboard.press('F9')
  await w.page.locator('.sum').waitFor({ timeout: 30_000 })
  await w.page.getByRole('button', { name: /^Check/ }).and(w.page.locator(':enabled')).waitFor({ timeout: 30_000 })
}

export const cases: readonly Case[] = [
  {
    name: 'a lesson: a run block types its command, ticks itself; a quiz answers; the map shows the nodes',
    run: async (w) => {
      await w.start()
      await w.go(`#/lesson/${lesson}`)
      await w.prompt()
      const run = w.page.locator('.run').first()
      const command = (await run.locator('pre').innerText()).split('\n')[0]!
      await run.getByRole('button').click()
      await w.terminalShows(new RegExp(command.slice(0, 30).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
      await run.getByText('done').waitFor({ timeout: 30_000 })
      await w.prompt()
      await w.page.locator('.door').nth(2).waitFor()
      await w.shot('lesson-light')
      const quiz = w.page.locator('.quiz').first()
      await quiz.scrollIntoViewIfNeeded()
      for (const choice of await quiz.locator('.choice').all()) await choice.click({ force: true })
      await quiz.locator('.because').first().waitFor()
      await w.axe('lesson')
      await w.open()
      await w.go(`#/lesson/${lesson}`)
      await w.page.locator('.run').first().getByText('done').waitFor()
    },
  },
  {
    name: 'a lab solved by typing',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      const button = () => w.page.getByRole('button', { name: /^Check/ }).boundingBox().then((b) => [b?.x, b?.y])
      const place = await button()
      await check(w)
      await w.page.locator('.failed').first().waitFor()
      equal(await button(), place, 'the place of the Check button when results have come')
      await w.axe('lab with failed checks')
      await w.shot('lab-failed-light')
      await w.leader('t')
      for (const line of script(`${lab}/solution.sh`)) await w.line(line)
      await check(w)
      await w.page.locator('.sum.all').waitFor()
      equal(await w.page.locator('.failed').count(), 0, 'failed checks after the solution')
      await w.see('Solved')
      await w.shot('lab-solved-light')
      await w.leader('h')
      await w.page.getByRole('img', { name: 'done' }).first().waitFor()
    },
  },
  {
    name: 'after a reload the results of the check and the shown hints are back, after undo the results are not',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.leader('y')
      await w.page.locator('.hints li').first().waitFor()
      await w.leader('t')
      await w.line('kubectl get svc -A')
      await check(w)
      const hint = await w.page.locator('.hints').innerText()
      const sum = await w.page.locator('.sum').innerText()
      const found = await w.page.locator('.failed').allInnerTexts()
      await w.page.waitForTimeout(600)
      await w.open()
      await openLab(w, lab)
      await w.page.locator('.sum').waitFor()
      equal(await w.page.locator('.sum').innerText(), sum, 'points after the reload')
      equal(await w.page.locator('.failed').allInnerTexts(), found, 'failed checks after the reload')
      equal(await w.page.locator('.hints').innerText(), hint, 'hints after the reload')
      await w.leader('y')
      await w.page.locator('.hints li').nth(1).waitFor()
      holds((await w.page.locator('.hints li').nth(1).innerText()) !== hint, 'the same hint came again')
      await w.leader('u')
      await w.page.locator('.sum').waitFor({ state: 'detached' })
      await w.open()
      await openLab(w, lab)
      await w.page.locator('.hints li').nth(1).waitFor()
      equal(await w.page.locator('.sum').count(), 0, 'results of an undone cluster')
    },
  },
  {
    name: 'the solution stands beside what the learner made',
    run: async (w) => {
      await w.start({ width: 1440, height: 900 })
      await openLab(w, lab)
      await w.line('kubectl create namespace mine')
      await w.leader('s')
      await w.page.getByRole('button', { name: 'Show it' }).click()
      const service = w.page.getByLabel('Difference of Service lighthouse/beam')
      await service.waitFor({ timeout: 30_000 })
      equal(await service.locator('.removed, .added').allInnerTexts().then((l) => l.map((t) => t.trim().replace(/\s+/g, ' '))), ['− tier: lens', '+ tier: lamp'], 'changed lines')
      await w.page.getByLabel('Difference of Namespace mine').waitFor()
      await w.see('only in your cluster')
      await w.axe('the solution with differences')
      await service.scrollIntoViewIfNeeded()
      await w.shot('lab-solution-light')
      await w.leader('t')
      await w.line('kubectl delete namespace mine')
      for (const line of script(`${lab}/solution.sh`)) await w.line(line)
      await w.page.getByRole('button', { name: 'Compare again' }).click()
      await w.see('No object differs', 30_000)
    },
  },
  {
    name: 'a wrong answer is told with what was expected, observed and why, and its links lead on',
    run: async (w) => {
      await w.start({ theme: 'dark' })
      await openLab(w, lab)
      for (const line of script(`${lab}/wrong/port-to-be-sure.sh`)) await w.line(line)
      await check(w)
      const failed = w.page.locator('.failed').first()
      await failed.waitFor()
      for (const word of ['expected', 'observed']) holds(await failed.getByText(word, { exact: true }).isVisible(), `no ${word}`)
      await w.shot('lab-wrong-dark')
      const links = await failed.locator('.links button').allInnerTexts()
      holds(links.length > 1, `links: ${links.join(', ')}`)
      await failed.locator('.links button').first().click()
      await w.page.locator('.panel').waitFor()
      await w.axe('lab with a panel, dark')
      await w.shot('lab-wrong-panel-dark')
    },
  },
  {
    name: 'undo takes back the last command, reset begins again',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.line('kubectl create namespace keep')
      await w.line('kubectl create namespace gone')
      await w.leader('u')
      await w.see('Undone: kubectl create namespace gone')
      await w.prompt()
      holds(!(await w.terminal()).includes('namespace/gone created'), 'the output of the undone command is still there')
      const after = await w.line('kubectl get ns')
      holds(after.includes('keep') && !/^gone/m.test(after), `namespaces after undo:\n${after}`)
      await w.leader('z')
      await w.page.getByRole('button', { name: 'Reset', exact: true }).last().click()
      await w.page.locator('dialog').waitFor({ state: 'detached' })
      await w.page.waitForTimeout(500)
      const fresh = await w.line('kubectl get ns')
      holds(!fresh.includes('keep'), `namespaces after reset:\n${fresh}`)
    },
  },
  {
    name: 'a closed window comes back to the same cluster and the same text',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.line('echo remember-$((40 + 2)) > note; cat note')
      await w.line('kubectl create namespace kept')
      const before = await w.terminal()
      await w.page.waitForTimeout(600)
      await w.open()
      await openLab(w, lab)
      await w.terminalShows(/namespace\/kept created/)
      equal((await w.terminal()).trimEnd(), before.trimEnd(), 'the terminal after coming back')
      const names = await w.line('cat note; kubectl get ns kept -o name')
      holds(names.includes('namespace/kept'), `after coming back:\n${names}`)
    },
  },
  {
    name: 'every panel over a cluster, axe in both themes',
    run: async (w) => {
      await w.start({ width: 1440, height: 900 })
      await openLab(w, lab)
      for (const theme of ['light', 'dark'] as const) {
        for (const [key, name] of [['m', 'Map'], ['r', 'Trace'], ['x', 'Matrix'], ['o', 'Objects'], ['i', 'Timeline']] as const) {
          await w.leader(key)
          await w.page.getByRole('region', { name, exact: true }).first().waitFor()
          await w.page.waitForTimeout(700)
          if (name === 'Map') {
            await w.page.locator('[data-key="s:lighthouse/beam"]').click()
            await w.page.locator('.card').waitFor()
          }
          if (name === 'Trace') {
            await w.page.getByLabel('from').fill('lighthouse/boat')
            await w.page.getByLabel('to', { exact: true }).fill('beam.lighthouse')
            await w.page.locator('.trace button[type=submit]').click()
            await w.page.locator('.verdict').first().waitFor()
            const passed = w.page.locator('.passed').first()
            const before = await w.page.locator('.steps > li').count()
            holds(/\d+ rules passed without effect/.test(await passed.innerText()), 'no run of rules is folded')
            await passed.getByRole('button', { name: 'show' }).click()
            holds((await w.page.locator('.steps > li').count()) > before + 2, 'the folded rules do not open')
            await passed.getByRole('button', { name: 'hide' }).click()
          }
          await w.axe(`${name}, ${theme}`)
          await w.shot(`panel-${name.toLowerCase()}-${theme}`)
        }
        await w.leader('q')
        await w.leader('d')
      }
    },
  },
  {
    name: 'vi and kubectl edit open an editor over the terminal',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.page.keyboard.type('vi greeting.txt\n')
      await w.page.locator('.editor-overlay .cm-content').waitFor()
      await w.page.keyboard.type('ihello from vi')
      await w.page.keyboard.press('Escape')
      await w.axe('the editor')
      await w.page.keyboard.type(':wq\n')
      await w.page.locator('.editor-overlay').waitFor({ state: 'detached' })
      holds((await w.line('cat greeting.txt')).includes('hello from vi'), 'the file was not written')
    },
  },
  {
    name: 'the short exam to its report, by keyboard only',
    run: async (w) => {
      await w.start({ theme: 'dark' })
      await w.see('Begin here')
      await w.page.keyboard.press('Control+k')
      await w.page.keyboard.type('short mock')
      await w.page.keyboard.press('Enter')
      const start = w.page.getByRole('button', { name: 'Start the clock' })
      await start.waitFor()
      for (let n = 0; n < 40 && !(await start.evaluate((b) => b === document.activeElement)); n++) await w.page.keyboard.press('Tab')
      await w.page.keyboard.press('Enter')
      await w.page.getByRole('heading', { name: /Task 1/ }).waitFor()
      await w.prompt()
      for (const line of script(`${lab}/solution.sh`)) await w.line(line)
      await w.axe('exam')
      await w.shot('exam-dark')
      await w.leader('f')
      await w.leader('n')
      await w.page.getByRole('heading', { name: /Task 2/ }).waitFor()
      await w.leader('n')
      await w.page.getByRole('heading', { name: /Task 3/ }).waitFor()
      await w.prompt()
      for (const line of script(`${node}/solution.sh`)) await w.line(line)
      // The window is closed in the middle; the clock goes on.
      const left = await w.page.getByRole('timer').innerText()
      await w.open()
      await w.go('#/exam/short')
      await w.page.getByRole('heading', { name: /Task 3/ }).waitFor()
      await w.prompt()
      holds((await w.page.getByRole('timer').innerText()) <= left, 'the clock went back')
      await w.page.getByRole('button', { name: /Task 1.*flagged/ }).waitFor()
      await w.leader('e')
      await w.page.locator('dialog').waitFor()
      const loss = await w.page.locator('dialog p').innerText()
      holds(/You give up the \d+:\d\d that are left\. 1 task was never opened and will get no points: 4\. 1 task is still flagged: 1\.$/.test(loss), `what ending costs: ${loss}`)
      await w.page.keyboard.press('Tab')
      await w.page.keyboard.press('Enter')
      await w.page.getByRole('heading', { name: /By domain/ }).waitFor({ timeout: 60_000 })
      equal(await w.page.evaluate(() => [document.activeElement?.tagName, getComputedStyle(document.activeElement!).boxShadow, getComputedStyle(document.activeElement!).outlineStyle]), ['MAIN', 'none', 'none'], 'the line around the page that was given the focus')
      await w.axe('report')
      await w.shot('report-dark')
      const points = await w.page.locator('summary .pts').allInnerTexts()
      equal(points, ['5/5', '0/6', '5/5', '0/6'], 'points by task')
      await w.see('not passed')
    },
  },
  {
    name: 'an exam whose time ran out while the window was closed is judged at the next start',
    run: async (w) => {
      await w.start()
      await w.go('#/exam/short')
      await w.page.getByRole('button', { name: 'Start the clock' }).click()
      await w.page.getByRole('heading', { name: /Task 1/ }).waitFor()
      await w.prompt()
      for (const line of script(`${lab}/solution.sh`)) await w.line(line)
      await w.page.waitForTimeout(600)
      await w.page.close()
      await w.host.methods.saveExamState({ ...(await w.host.methods.examState())!, ends: Date.now() - 1000 })
      await w.open()
      await w.see('An exam is running')
      await w.page.getByRole('link', { name: 'Go on' }).click()
      await w.page.getByRole('heading', { name: /By domain/ }).waitFor({ timeout: 60_000 })
      equal(await w.page.locator('summary .pts').first().innerText(), '5/5', 'points of the solved task')
    },
  },
  {
    name: 'a sandbox saved as a file opens elsewhere with what was done in it',
    run: async (w) => {
      await w.start()
      await w.go('#/sandbox')
      await w.page.getByRole('button', { name: /^Three nodes.*trio$/ }).first().click()
      await w.prompt()
      await w.line('kubectl create namespace shared')
      const [download] = await Promise.all([w.page.waitForEvent('download'), w.page.getByRole('button', { name: 'Save as a file' }).click()])
      const file = await download.path()
      await w.page.getByRole('button', { name: 'Other cluster' }).click()
      await w.page.getByLabel('Sandbox file').setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"open":{}}') })
      await w.see('broken.json cannot be opened')
      await w.page.getByLabel('Sandbox file').setInputFiles({ name: 'sandbox.json', mimeType: 'application/json', buffer: readFileSync(file) })
      await w.terminalShows(/namespace\/shared created/)
      holds((await w.line('kubectl get ns shared -o name')).includes('namespace/shared'), 'the namespace is not there')
    },
  },
  {
    name: 'a resized terminal and a second one on a node go on working',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.line('echo before')
      await w.page.keyboard.press('F7')
      await w.page.locator('.door').first().waitFor()
      await w.leader('t')
      holds((await w.line('echo after-$((1 + 1))')).includes('after-2'), 'the terminal does not answer after it was resized')
      await w.page.getByRole('button', { name: 'New terminal' }).click()
      await w.page.getByRole('menuitem', { name: 'node01' }).click()
      await w.terminalShows(/@node01:/)
      holds((await w.line('hostname')).includes('node01'), 'not on node01')
      await w.shot('terminal-node01')
      await w.leader(' ')
      await w.terminalShows(/after-2/)
    },
  },
  {
    name: 'a flood of output neither freezes the window nor outlives Ctrl+C',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.page.keyboard.type('yes flood\n')
      await w.terminalShows(/flood\nflood\nflood/)
      await w.page.waitForTimeout(1500)
      const started = Date.now()
      await w.page.getByRole('button', { name: 'Objects' }).click()
      await w.page.getByRole('region', { name: 'Objects' }).first().waitFor()
      holds(Date.now() - started < 2000, `a click took ${Date.now() - started} ms during the flood`)
      await w.page.keyboard.press('Escape')
      await w.page.locator('.stage .xterm-screen').click()
      await w.page.keyboard.press('Control+c')
      await w.terminalShows(/\^C\n.*[$#]\s*$/, 10_000)
      holds((await w.line('echo still-here')).includes('still-here'), 'the shell does not answer after the flood')
    },
  },
  {
    name: 'an endless loop ends with Ctrl+C',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.page.keyboard.type('while true; do :; done\n')
      await w.page.waitForTimeout(1500)
      await w.page.keyboard.press('Control+c')
      holds((await w.line('echo alive')).includes('alive'), 'the shell does not answer after the loop')
    },
  },
  {
    name: 'screens at the sizes of the interface, light and dark',
    run: async (w) => {
      await w.start()
      await openLab(w, lab)
      await w.line('kubectl get pods -A -o wide')
      for (const [width, height] of [[1366, 768], [1440, 900], [2560, 1440]] as const) {
        await w.page.setViewportSize({ width, height })
        for (const theme of ['light', 'dark'] as const) {
          await w.page.emulateMedia({ colorScheme: theme })
          for (const [name, hash] of [['home', '#/'], ['lab', `#/lab/${lab}`], ['lesson', `#/lesson/${lesson}`]] as const) {
            await w.go(hash)
            await w.page.waitForTimeout(900)
            holds(await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`)
            await w.shot(`${name}-${width}-${theme}`)
          }
        }
      }
    },
  },
]
