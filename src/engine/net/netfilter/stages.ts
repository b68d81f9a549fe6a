/** The ordered stages of a packet's walk, as observations and verdicts name them. */
export const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const
export type HookName = (typeof HOOKS)[number]

const names: readonly string[] = HOOKS.map((h) => h.toLowerCase())

/** `forward:filter`, `postrouting:nat`. */
export function stageName(hook: number, table: string): string {
  return `${names[hook]!}:${table}`
}

/** All stages in the order of the packet's way; for the tracer's legend. */
export const stages: readonly string[] = [
  'socket',
  ...['raw', 'conntrack', 'mangle', 'nat', 'filter', 'security'].map((t) => `output:${t}`),
  'route',
  ...['mangle', 'nat'].map((t) => `postrouting:${t}`),
  'neighbour',
  'device',
  'bridge',
  'vxlan',
  'ipip',
  ...['raw', 'conntrack', 'mangle', 'nat'].map((t) => `prerouting:${t}`),
  ...['mangle', 'filter', 'security'].map((t) => `forward:${t}`),
  ...['mangle', 'filter', 'security', 'nat'].map((t) => `input:${t}`),
  'deliver',
]
