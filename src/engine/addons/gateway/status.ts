/** Writing status: conditions keep the time of their last change and those of other writers, entries of other controllers stay; nothing is written that is there already. */
import { equal } from '#engine/api/loose.ts'
import type { Loose } from '#engine/api/loose.ts'
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import type { ApiClient, GroupVersionResource } from '#engine/api/types.ts'
import { controllerName } from './types.ts'
import type { Condition } from './types.ts'
import type { ParentStatus } from './model.ts'
import type { Listener } from './listeners.ts'

/** Types that a controller sets and may take back. */
const ours = new Set(['Accepted', 'Programmed', 'ResolvedRefs', 'Conflicted', 'InsecureFrontendValidationMode', 'SupportedVersion', 'PartiallyInvalid', 'OverlappingTLSConfig'])

export function mergeConditions(old: readonly Loose[] | undefined, now: readonly Condition[], generation: number, time: string): Loose[] {
  const stamp = (c: Condition): Loose => {
    const before = old?.find((o) => o.type === c.type)
    return { lastTransitionTime: before?.status === c.status ? before.lastTransitionTime : time, message: c.message, observedGeneration: generation, reason: c.reason, status: c.status, type: c.type }
  }
  const kept = (old ?? []).flatMap((o) => {
    const mine = now.find((c) => c.type === o.type)
    return mine ? [stamp(mine)] : ours.has(o.type) ? [] : [o]
  })
  return [...kept, ...now.filter((c) => !(old ?? []).some((o) => o.type === c.type)).map(stamp)]
}

export function mergeParents(old: readonly Loose[] | undefined, now: readonly ParentStatus[], generation: number, time: string, key: 'parentRef' | 'ancestorRef'): Loose[] {
  const others = (old ?? []).filter((p) => p.controllerName !== controllerName)
  const mine = now.map((p) => {
    const before = (old ?? []).find((o) => o.controllerName === controllerName && equal(o[key], p.parentRef))
    return { conditions: mergeConditions(before?.conditions, p.conditions, generation, time), controllerName, [key]: p.parentRef }
  })
  return [...others, ...mine]
}

export function listenerStatuses(old: readonly Loose[] | undefined, listeners: readonly Listener[], generation: number, time: string): Loose[] {
  return listeners.map((l) => ({
    attachedRoutes: l.attached, conditions: mergeConditions((old ?? []).find((o) => o.name === l.spec.name)?.conditions, l.conditions, generation, time), name: l.spec.name, supportedKinds: l.supportedKinds.map((k) => ({ ...k })),
  }))
}

/** Puts the status if it differs. Conflicts and lost connections are left to the next turn; true when something was written. */
export function writeStatus(api: ApiClient, gvr: GroupVersionResource, object: Loose, status: Loose): boolean {
  if (equal(object.status ?? {}, status)) return false
  try {
    api.update(gvr, { ...object, status }, 'status')
    return true
  } catch (error) {
    if (error instanceof StatusError || error instanceof ApiUnreachable) return false
    throw error
  }
}
