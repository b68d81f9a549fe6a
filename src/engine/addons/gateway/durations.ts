/** Durations of the Gateway API (`1h30m`, `500ms`) in ms. */
const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

export function parseGoDuration(text: string): number {
  let ms = 0
  for (const m of text.matchAll(/(\d+)(ms|h|m|s)/g)) ms += Number(m[1]) * units[m[2]!]!
  return ms
}
