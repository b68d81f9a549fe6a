/** Lines in klog's format, as Kubernetes' daemons write them: `I1121 16:04:02.123456       1 server.go:53] "Text" key="value"`. */

export type Severity = 'I' | 'W' | 'E' | 'F'

export interface LogPlace {
  /** `server.go:53`. */
  readonly at: string
  readonly pid?: number
}

export function klogLine(now: number, severity: Severity, message: string, place: LogPlace): string {
  const iso = new Date(Math.floor(now)).toISOString()
  const micros = String(Math.floor((now % 1) * 1000)).padStart(3, '0')
  return `${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 23)}${micros} ${String(place.pid ?? 1).padStart(7)} ${place.at}] ${message}`
}

/** Text of several lines stands in a block of its own. */
function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string' && value.includes('\n')) return `<\n${value.split('\n').map((line) => `\t${line}`).join('\n')}\n >`
  return JSON.stringify(value)
}

/** A structured message: quoted text, then key=value pairs as klog prints them (strings quoted, the rest as JSON). */
export function structured(text: string, values: Readonly<Record<string, unknown>> = {}): string {
  return [JSON.stringify(text), ...Object.entries(values).map(([k, v]) => `${k}=${shown(v)}`)].join(' ')
}
