/** What every page shares: the course, progress, settings, notices, the route, and the one line that is read out to screen readers. */
import type { CourseTree, ExamState, HostNotice, Progress, ProgressEvent, Settings } from '#contract/host-api.ts'
import { host, hostEvents } from './host.ts'
import { formatRoute, parseRoute, type Route } from './route.ts'

const noProgress: Progress = { lessons: {}, labs: {}, exams: [], last: undefined, readiness: { percent: 0, labs: 0, domains: [] } }

/** An event without its time; the time is put on when it is recorded. */
type NewEvent = ProgressEvent extends infer E ? (E extends ProgressEvent ? Omit<E, 'at'> : never) : never

class App {
  loaded = $state(false)
  failure = $state('')
  course = $state.raw<CourseTree>({ modules: [], labs: [], exams: [], clusters: [], problems: [] })
  progress = $state.raw<Progress>(noProgress)
  settings = $state.raw<Settings>({ theme: 'system', textSize: 16, motion: 'system', terminalSize: 14, cursor: 'block', screenReader: false, editor: 'vi', speed: 1, panes: {} })
  exam = $state.raw<ExamState | undefined>(undefined)
  notices = $state<HostNotice[]>([])
  route = $state.raw<Route>(parseRoute(location.hash))
  searching = $state(false)
  systemDark = $state(matchMedia('(prefers-color-scheme: dark)').matches)
  systemContrast = $state(matchMedia('(prefers-contrast: more)').matches)
  systemStill = $state(matchMedia('(prefers-reduced-motion: reduce)').matches)
  /** Read out by the live region. */
  said = $state('')

  theme = $derived<'light' | 'dark' | 'contrast'>(this.settings.theme === 'system' ? (this.systemContrast ? 'contrast' : this.systemDark ? 'dark' : 'light') : this.settings.theme)
  still = $derived(this.settings.motion === 'reduced' || (this.settings.motion === 'system' && this.systemStill))

  async start(): Promise<void> {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)))
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (e) => (this.systemDark = e.matches))
    matchMedia('(prefers-reduced-motion: reduce)').addEventListener('change', (e) => (this.systemStill = e.matches))
    matchMedia('(prefers-contrast: more)').addEventListener('change', (e) => (this.systemContrast = e.matches))
    // A call that nobody waited for and that failed is told all the same.
    addEventListener('unhandledrejection', (e) => this.warn(e.reason instanceof Error ? e.reason.message : String(e.reason)))
    hostEvents.on('notice', (notice) => this.notices.push(notice))
    try {
      const [settings, course, progress, exam, notices] = await Promise.all([host.settings(), host.course(), host.progress(), host.examState(), host.notices()])
      this.settings = settings
      this.course = course
      this.progress = progress
      this.exam = exam
      this.notices = [...notices]
      this.loaded = true
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error)
    }
  }

  go(route: Route): void {
    const hash = formatRoute(route)
    if (location.hash !== hash) location.hash = hash
    this.route = route
  }

  async record(event: NewEvent): Promise<void> {
    try {
      this.progress = await host.record({ ...event, at: Date.now() } as ProgressEvent)
    } catch (error) {
      this.warn(`Your progress could not be saved: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async change(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change }
    try {
      this.settings = await host.changeSettings(change)
    } catch (error) {
      this.warn(`The settings could not be saved: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  keepPanes(page: string, sizes: readonly number[]): void {
    void this.change({ panes: { ...this.settings.panes, [page]: sizes.map((n) => Math.round(n * 10) / 10) } })
  }

  warn(message: string): void {
    if (!this.notices.some((n) => n.message === message)) this.notices.push({ level: 'warning', message })
  }

  say(text: string): void {
    this.said = ''
    setTimeout(() => (this.said = text), 30)
  }

  toggleTheme(): void {
    void this.change({ theme: this.theme === 'light' ? 'dark' : 'light' })
  }
}

export const app = new App()
