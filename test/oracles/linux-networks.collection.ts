/** linux/networks: random networks of the real kernel, and what became of every probe. One case is one network with all its probes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collection } from './collection.ts'
import { World, type RecordedNetwork } from './linux-world.ts'

const file = 'golden/linux/networks.jsonl'

export const collections = [
  collection<RecordedNetwork>({
    name: 'linux/networks',
    needs: [file],
    load: (shared) => readFileSync(join(shared, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as RecordedNetwork),
    id: (item) => item.id,
    async run(item) {
      const world = await World.build(item)
      const expected: string[] = []
      const actual: string[] = []
      for (const p of item.probes) {
        const name = `${p.from} ${p.proto} ${p.dst}${p.port === undefined ? '' : `:${p.port}`}${p.src === undefined ? '' : ` from ${p.src}`}${p.size === undefined ? '' : ` size ${p.size}`}`
        const got = await world.probe(p)
        const fields = (r: object) => ['result', 'by', 'saw', 'phase', 'local', 'reply_from', 'different_address', 'text'].flatMap((k) => ((r as Record<string, unknown>)[k] === undefined ? [] : [`${k}=${(r as Record<string, string>)[k]}`])).join(' ')
        if (fields(p) === fields(got)) continue
        expected.push(`${name}: ${fields(p)}`)
        actual.push(`${name}: ${fields(got)}`)
      }
      if (expected.length === 0 && world.differences.length === 0) return { result: 'passed' }
      return { result: 'failed', expected: expected.join('\n'), actual: [...world.differences, ...actual].join('\n') }
    },
  }),
]
