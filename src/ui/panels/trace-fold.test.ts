import { expect, test } from 'vitest'
import type { TraceStep } from '#contract/session-api.ts'
import { foldSteps } from './trace-fold.ts'

const step = (rule: string | undefined, more: Partial<TraceStep> = {}): TraceStep => ({ stage: 'forward:filter', why: '', changes: [], decisive: false, ...(rule === undefined ? {} : { rule }), ...more })
const jump = step('-A FORWARD -m comment --comment "what DROP would be" -j cali-FORWARD')
const goto = step('-A cali-from-wl-dispatch -i cali1 -g cali-fw-cali1')
const back = step('-A cali-fw-cali1 -m mark --mark 0x10000/0x10000 -j RETURN')
const shown = (steps: readonly TraceStep[]) => foldSteps(steps).map((l) => (l.kind === 'step' ? 1 : -l.steps.length))

test('a run of jumps and returns is one line', () => {
  expect(foldSteps([jump, goto, back, jump])).toEqual([{ kind: 'passed', steps: [jump, goto, back, jump], stages: ['forward:filter'] }])
})
test('two of them are shown', () => {
  expect(shown([jump, goto])).toEqual([1, 1])
  expect(shown([jump, goto, step(undefined), jump])).toEqual([1, 1, 1, 1])
})
test('verdicts, changes, objects, routes and the decisive step are always shown', () => {
  const accept = step('-A FORWARD -j ACCEPT')
  const marked = step('-A c -j MARK --set-xmark 0x1/0x1', { changes: [{ field: 'mark', before: '–', after: '0x1' }] })
  const service = step('-A KUBE-SERVICES -j KUBE-SVC-X', { object: { kind: 'Service', namespace: 'shop', name: 'web' } })
  const dropped = step('-A c -j KUBE-MARK', { decisive: true })
  const route = step('default via 169.254.1.1 dev eth0', { stage: 'route' })
  for (const one of [accept, marked, service, dropped, route]) expect(shown([jump, goto, back, one, back, goto, jump])).toEqual([-3, 1, -3])
})
test('nftables rules that jump are folded, those that drop or translate are not', () => {
  const on = step('ip daddr . meta l4proto . th dport vmap @service-ips goto service-X')
  expect(shown([on, on, on])).toEqual([-3])
  expect(shown([on, step('ip saddr 10.0.0.1 drop'), on, step('dnat to 10.244.1.4:80')])).toEqual([1, 1, 1, 1])
})
