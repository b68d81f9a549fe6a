/** A session worker that has already read its code: opening a lab then waits for the cluster alone. One is kept in spare while the page is idle. */
let spare: Worker | undefined

const make = (): Worker => new Worker(new URL(document.documentElement.dataset['sessionWorker'] ?? './session-worker.js', document.baseURI), { type: 'module', name: 'session' })

export function takeWorker(): Worker {
  const worker = spare ?? make()
  spare = undefined
  return worker
}

/** Called when nothing is going on. */
export function keepSpare(): void {
  if (spare) return
  const worker = make()
  spare = worker
  // One that could not be loaded is no use; the next sitting makes its own and tells why.
  worker.addEventListener('error', () => {
    if (spare === worker) spare = undefined
  })
}
