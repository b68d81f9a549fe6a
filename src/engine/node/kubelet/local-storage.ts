/** The eviction manager's look at local storage: emptyDirs that outgrew their limits. Looked at when something was written, at the manager's next round. */
import { parseQuantity, quantityValue } from '#base/quantity.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'

/** The manager's monitoring interval, virtual ms. */
export const evictionInterval = 10_000

export interface LimitedVolume {
  readonly name: string
  readonly limit: string
  readonly bytes: number
}

export function limitedVolumes(pod: Pod): readonly LimitedVolume[] {
  return (pod.spec.volumes ?? []).flatMap((v) => {
    const limit = v.emptyDir?.sizeLimit
    const quantity = limit === undefined ? undefined : parseQuantity(limit)
    const bytes = quantity ? Number(quantityValue(quantity)) : 0
    return limit !== undefined && bytes > 0 ? [{ name: v.name, limit, bytes }] : []
  })
}

export function usage(fs: FileSystem, path: string): number {
  try {
    const { type, size } = fs.lstat(path)
    return type === 'directory' ? fs.readDir(path).reduce((sum, name) => sum + usage(fs, `${path}/${name}`), 0) : size
  } catch (error) {
    if (error instanceof FsError) return 0
    throw error
  }
}

export const exceeded = (volume: LimitedVolume): string => `Usage of EmptyDir volume ${JSON.stringify(volume.name)} exceeds the limit ${JSON.stringify(volume.limit)}. `
