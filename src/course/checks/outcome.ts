/** What a check answers: what was demanded, what was seen, why, the proof, and where to look next. */
import type { ProbeResult } from '../inspect.ts'

export interface CheckOutcome {
  readonly pass: boolean
  readonly expected: string
  readonly observed: string
  readonly why: string
  readonly evidence: readonly string[]
  readonly links: readonly CheckLink[]
}

export type CheckLink =
  | { readonly kind: 'object'; readonly object: { readonly kind: string; readonly namespace?: string; readonly name: string }; readonly command: string }
  | { readonly kind: 'trace'; readonly request: { readonly from: string; readonly to: string; readonly port: number; readonly protocol: 'tcp' | 'udp' }; readonly command: string }
  | { readonly kind: 'command'; readonly command: string }

export function outcome(pass: boolean, expected: string, observed: string, more: Partial<Pick<CheckOutcome, 'why' | 'evidence' | 'links'>> = {}): CheckOutcome {
  return { pass, expected, observed, why: more.why ?? '', evidence: more.evidence ?? [], links: more.links ?? [] }
}

/** A probe's end in a learner's words. */
export function probeText(probe: ProbeResult, to: string): string {
  switch (probe.outcome) {
    case 'connected':
      return `connected to ${probe.address ?? to}`
    case 'name-not-found':
      return `the name ${to} does not resolve`
    case 'refused':
      return `connection refused by ${probe.address ?? to}`
    case 'timeout':
      return `no answer from ${probe.address ?? to} (timeout)`
    case 'unreachable':
      return `${probe.address ?? to} is unreachable${probe.errno === undefined ? '' : ` (${probe.errno})`}`
    case 'no-such-place':
      return 'the place to ask from does not exist or is not running'
  }
}

export function objectLink(kind: string, namespace: string | undefined, name: string): CheckLink {
  return {
    kind: 'object',
    object: { kind, ...(namespace === undefined ? {} : { namespace }), name },
    command: `kubectl describe ${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`,
  }
}

export function traceLink(from: string, to: string, port: number, protocol: 'tcp' | 'udp'): CheckLink {
  return { kind: 'trace', request: { from, to, port, protocol }, command: `trace ${from} ${to} ${port}${protocol === 'udp' ? '/udp' : ''}` }
}
