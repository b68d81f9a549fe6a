/**
 * A session worker that has read its code and booted the cluster that most labs start from: opening a lab then waits only for the lab's own
 * start. One is kept in spare while the page is idle.
 */
import { connect, type Remote, type RemoteEvents } from '#contract/channel.ts'
import type { SessionEvents, SessionMethods } from '#contract/session-api.ts'

export interface SessionWorker {
  readonly worker: Worker
  readonly api: Remote<SessionMethods>
  readonly events: RemoteEvents<SessionEvents>
}

/** The shape that is booted ahead; another one boots when it is opened. */
const usual = 'trio'

let spare: SessionWorker | undefined

function make(): SessionWorker {
  const worker = new Worker(new URL(document.documentElement.dataset['sessionWorker'] ?? './session-worker.js', document.baseURI), { type: 'module', name: 'session' })
  const { methods, events } = connect<SessionMethods, SessionEvents>({ post: (message) => worker.postMessage(message), onMessage: (listener) => worker.addEventListener('message', (event) => listener(event.data)) })
  return { worker, api: methods, events }
}

export function takeWorker(): SessionWorker {
  const taken = spare ?? make()
  spare = undefined
  return taken
}

/** Called when nothing is going on. */
export function keepSpare(): void {
  if (spare) return
  const made = make()
  spare = made
  // One that could not be loaded is no use; the next sitting makes its own and tells why.
  made.worker.addEventListener('error', () => {
    if (spare === made) spare = undefined
  })
  void made.api.prepare(usual)
}
