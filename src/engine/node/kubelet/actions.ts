/** Small decisions about a pod's containers that status and worker share. */
import type { Container, Pod } from '#engine/kinds/pod/types.ts'

/** An init container that keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** An ephemeral container, added to a running pod for a look around; it is started once and never again. */
export interface EphemeralContainer extends Container {
  readonly targetContainerName?: string
}

export function ephemeralContainers(pod: Pod): readonly EphemeralContainer[] {
  return pod.spec.ephemeralContainers ?? []
}

/** Would a container that ended with this code be started again? Its own rules come first, then its policy, then the pod's. */
export function restarts(pod: Pod, container: Container, exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    const listed = exitCodes?.values?.includes(exitCode) ?? false
    if (exitCodes && (exitCodes.operator === 'NotIn' ? !listed : listed)) return action === 'Restart'
  }
  const policy = isSidecar(container) ? 'Always' : (container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always')
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

/** `name_namespace(uid)`, as the kubelet prints pods. */
export function podText(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`
}

/** 10s, 1m20s, 5m0s: Go's time.Duration of whole seconds. */
export function goSeconds(ms: number): string {
  const total = Math.round(ms / 1000)
  const h = Math.floor(total / 3600)
  const m = Math.floor((total % 3600) / 60)
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${total % 60}s`
}
