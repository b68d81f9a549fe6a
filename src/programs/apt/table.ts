/** The package manager of the nodes, by name. */
import type { Program } from '#engine/machine/process.ts'
import { aptCache } from './apt-cache.ts'
import { apt, aptGet } from './apt-get.ts'
import { aptMark } from './apt-mark.ts'
import { dpkg } from './dpkg.ts'

export const packagePrograms: ReadonlyMap<string, Program> = new Map([['apt', apt], ['apt-get', aptGet], ['apt-cache', aptCache], ['apt-mark', aptMark], ['dpkg', dpkg], ['dpkg-query', dpkg]])
