/** Programs that look at and manage a host, by name. */
import type { Program } from '#engine/machine/process.ts'

export const nodePrograms: ReadonlyMap<string, Program> = new Map<string, Program>([])
