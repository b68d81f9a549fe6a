/** The programs of etcd, by name. */
import type { Program } from '#engine/machine/process.ts'
import { etcdctl } from './etcdctl.ts'
import { etcdutl } from './etcdutl.ts'

export const etcdPrograms: ReadonlyMap<string, Program> = new Map([['etcdctl', etcdctl], ['etcdutl', etcdutl]])
