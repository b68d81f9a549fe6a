/** Which version of a package a machine has: dpkg's list of installed packages. */
import type { FileSystem } from '#engine/machine/files.ts'

export const statusFile = '/var/lib/dpkg/status'

/** `v1.35.4` of the package `kubelet`; undefined where it is not installed. */
export function packageVersion(fs: FileSystem, name: string): string | undefined {
  if (!fs.exists(statusFile)) return undefined
  const m = new RegExp(`^Package: ${name}\\nStatus: \\S+ ok installed\\n(?:\\S.*\\n)*?Version: (\\d+\\.\\d+\\.\\d+)`, 'm').exec(fs.readFile(statusFile))
  return m ? `v${m[1]}` : undefined
}
