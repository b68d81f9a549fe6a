/** Coreutils and text tools by name. */
import type { Program } from '#engine/machine/process.ts'
import { simplePrograms } from './simple.ts'

export const textPrograms: ReadonlyMap<string, Program> = new Map<string, Program>([...simplePrograms])
