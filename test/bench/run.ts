/** npm run bench [-- NAME …]: runs every *.bench.ts beside this file and prints what it measured. Nothing is asserted; times are of this machine and this moment, ratios and counts travel. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const here = import.meta.dirname
const wanted = process.argv.slice(2)
for (const file of readdirSync(here).filter((f) => f.endsWith('.bench.ts')).sort()) {
  if (wanted.length > 0 && !wanted.some((w) => file.startsWith(w))) continue
  const { bench } = (await import(join(here, file))) as { bench: () => Promise<readonly Figure[]> }
  console.log(file.replace('.bench.ts', ''))
  for (const f of await bench()) console.log(`  ${f.name.padEnd(64)} ${f.value.toLocaleString('en', { maximumFractionDigits: f.value < 10 ? 2 : 0 }).padStart(12)} ${f.unit}`)
}
