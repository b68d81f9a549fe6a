/** Table printers by `plural.group` (or `plural.group/version`). */
import type { TablePrinter } from '#engine/api/kind.ts'
import { clusterTables } from './cluster.ts'
import { networkTables } from './network.ts'
import { podTable } from './pod.ts'
import { workloadTables } from './workload.ts'

export const tables: Readonly<Record<string, TablePrinter>> = { ...clusterTables, ...networkTables, ...workloadTables, pods: podTable }
