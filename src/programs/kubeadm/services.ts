/** systemctl as kubeadm runs it (util/initsystem): what it says is read, what it prints is not shown. */
import { FsError } from '#engine/machine/files.ts'
import type { Run } from './run.ts'

interface Outcome {
  readonly code: number
  readonly text: string
}

export const inPath = (run: Run, name: string): boolean => (run.process.env.get('PATH') ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin').split(':').some((folder) => run.fs.exists(`${folder}/${name}`))

export const hasInit = (run: Run): boolean => inPath(run, 'systemctl')

/** Runs a program and gives what it wrote to standard output. */
export async function capture(run: Run, argv: readonly string[]): Promise<Outcome> {
  const { process } = run
  const pipe = process.pipe()
  const none = process.open('/dev/null', { write: true })
  let child
  try {
    child = process.spawn({ argv, fds: { 1: pipe.write, 2: none } })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return { code: -1, text: '' }
  } finally {
    pipe.write.release()
    none.release()
  }
  const text = await pipe.read.readAll()
  pipe.read.release()
  const status = await child.wait()
  return { code: status.code, text }
}

const systemctl = (run: Run, ...words: string[]) => capture(run, ['systemctl', ...words])

export async function serviceExists(run: Run, name: string): Promise<boolean> {
  const { text, code } = await systemctl(run, 'status', name)
  return code !== 4 && !text.includes('Loaded: not-found') && !text.includes('could not be found')
}

export const serviceEnabled = async (run: Run, name: string): Promise<boolean> => (await systemctl(run, 'is-enabled', name)).code === 0

export async function serviceActive(run: Run, name: string): Promise<boolean> {
  return ['active', 'activating'].includes((await systemctl(run, 'is-active', name)).text.trim())
}

/** Undefined where it went well, else Go's words. */
const problem = (o: Outcome, prefix = ''): string | undefined => (o.code === 0 ? undefined : `${prefix}exit status ${o.code}`)

export async function stopService(run: Run, name: string): Promise<string | undefined> {
  return problem(await systemctl(run, 'stop', name))
}

export async function restartService(run: Run, name: string, verb = 'restart'): Promise<string | undefined> {
  return problem(await systemctl(run, 'daemon-reload'), 'failed to reload systemd: ') ?? problem(await systemctl(run, verb, name))
}

const noInit = (run: Run, what: string) => run.out(`[kubelet-start] No supported init system detected, won't make sure the kubelet ${what}.`)

/** Before its files are written. */
export async function tryStopKubelet(run: Run): Promise<void> {
  const while_ = 'not running for a short period of time while setting up configuration for it'
  if (!hasInit(run)) return noInit(run, while_)
  if (!(await serviceExists(run, 'kubelet'))) await run.out(`[kubelet-start] Couldn't detect a kubelet service, can't make sure the kubelet ${while_}.`)
  const wrong = await stopService(run, 'kubelet')
  if (wrong !== undefined) await run.warn('kubelet.go:63', `[kubelet-start] WARNING: unable to stop the kubelet service momentarily: [${wrong}]`)
}

export async function tryStartKubelet(run: Run): Promise<void> {
  if (!hasInit(run)) return noInit(run, 'is running properly')
  if (!(await serviceExists(run, 'kubelet'))) await run.out("[kubelet-start] Couldn't detect a kubelet service, can't make sure the kubelet is running properly.")
  const wrong = await restartService(run, 'kubelet')
  if (wrong === undefined) return
  await run.warn('kubelet.go:43', `[kubelet-start] WARNING: unable to start the kubelet service: [${wrong}]`)
  await run.out('[kubelet-start] Please ensure kubelet is reloaded and running manually.')
}
