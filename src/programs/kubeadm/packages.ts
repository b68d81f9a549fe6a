/** Which version of a package a machine has. */
import { installedVersion, statusFile } from '#engine/kubeadm/packages.ts'
import type { FileSystem } from '#engine/machine/files.ts'

/** `v1.35.4` of the package `kubelet`; undefined where it is not installed. */
export const packageVersion = (fs: FileSystem, name: string): string | undefined => (fs.exists(statusFile) ? installedVersion(fs.readFile(statusFile), name) : undefined)
