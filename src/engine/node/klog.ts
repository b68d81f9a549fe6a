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

/** A structured message: quoted text, then key=value pairs as klog prints them (strings quoted, the rest as JSON). */
export function structured(text: string, values: Readonly<Record<string, unknown>> = {}): string {
  return [JSON.stringify(text), ...Object.entries(values).map(([k, v]) => `${k}=${typeof v === 'number' || typeof v === 'boolean' ? String(v) : JSON.stringify(v)}`)].join(' ')
}
