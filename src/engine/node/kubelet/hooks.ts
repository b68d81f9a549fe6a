/** Lifecycle hooks: exec, HTTP GET, sleep (kubelet/lifecycle/handlers.go). */
import type { Container, LifecycleHandler } from '#engine/kinds/pod/types.ts'
import type { ContainerRecord } from '../runtime/containerd.ts'
import { runInContainer } from './exec.ts'
import { httpExchange } from './http-get.ts'
import { portNumber } from './probes.ts'
import type { WorkerHost } from './worker-host.ts'

/** `done` gets what went wrong, or nothing. */
export function runHook(host: WorkerHost, record: ContainerRecord, container: Container, hook: LifecycleHandler, ip: string, done: (problem?: string) => void): void {
  if (hook.exec) {
    const command = hook.exec.command ?? []
    runInContainer(record, command, undefined, (outcome) => {
      if (outcome.kind === 'exit' && outcome.code === 0) done()
      else if (outcome.kind === 'exit') done(`command '${command.join(' ')}' exited with ${outcome.code}: ${outcome.output}`)
      else done(outcome.kind === 'error' ? outcome.message : 'timeout')
    })
  } else if (hook.sleep) host.sim.after(hook.sleep.seconds * 1000, () => done())
  else if (hook.httpGet) {
    const port = portNumber(container, hook.httpGet.port)
    const target = hook.httpGet.host || ip
    httpExchange({ sim: host.sim, sockets: host.sockets, host: target, port: port ?? 0, path: hook.httpGet.path ?? '/', headers: { Host: `${target}:${port}`, 'User-Agent': 'kube-lifecycle/1.35', Connection: 'close' }, timeout: 30_000, tls: hook.httpGet.scheme === 'HTTPS' }, (answer) =>
      done(answer.kind === 'answer' && answer.status < 400 ? undefined : `Http lifecycle hook (${hook.httpGet!.path ?? ''}) for Container failed`),
    )
  } else done()
}
