/** The worker's entry: SessionApi carried by messages. One worker is one sitting. */
import { serve } from '#contract/channel.ts'
import type { SessionEvents, SessionMethods } from '#contract/session-api.ts'
import { Session, type SessionWorld } from './session.ts'

const scope = self as unknown as DedicatedWorkerGlobalScope

/** A macrotask without the 4 ms clamp of timers. */
const channel = new MessageChannel()
let waiting: (() => void)[] = []
channel.port1.onmessage = () => {
  const now = waiting
  waiting = []
  for (const resolve of now) resolve()
}

const world: SessionWorld = {
  drain: () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      channel.port2.postMessage(0)
    }),
  now: () => performance.now(),
  every: (ms, run) => {
    const timer = setInterval(run, ms)
    return () => clearInterval(timer)
  },
  newSeed: () => crypto.randomUUID(),
}

let emit: <K extends keyof SessionEvents>(event: K, value: SessionEvents[K]) => void = () => undefined
const session = new Session(world, (event, value) => emit(event, value))
emit = serve<SessionMethods, SessionEvents>(
  { post: (message) => scope.postMessage(message), onMessage: (listener) => scope.addEventListener('message', (event) => listener(event.data)) },
  session,
).emit
