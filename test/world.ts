/** What tests of whole sittings share: the drain, the content, a fresh sitting. */
import { join } from 'node:path'
import { diskSource } from '#host/content.ts'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'

export const root = join(import.meta.dirname, '..')
export const content = diskSource(root)
export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A sandbox sitting on one of the engine's shapes. */
export function sandbox(cluster = 'trio', seed = 'test'): Promise<Sitting> {
  return Sitting.begin({ seed, open: { kind: 'sandbox', id: cluster, cluster }, spec: specOf(cluster), drain })
}
