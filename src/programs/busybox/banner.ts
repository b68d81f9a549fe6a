/**
 * What every busybox applet says of itself: the banner, the usage, and getopt's complaints in the words of the C library that the
 * binary was built with (glibc in the image `busybox`, musl in Alpine and what is made of it).
 */
import type { Process } from '#engine/machine/process.ts'
import { usages } from './usage.ts'

export function appletName(p: Process): string {
  const name = (p.argv[0] ?? '').replace(/^-/, '')
  return name.slice(name.lastIndexOf('/') + 1)
}

/** Alpine carries musl's loader. */
const isMusl = (p: Process): boolean => p.fs.exists('/lib/ld-musl-x86_64.so.1')

export const banner = (p: Process): string => (isMusl(p) ? 'BusyBox v1.37.0 (2025-05-26 20:04:45 UTC) multi-call binary.' : 'BusyBox v1.36.1 (2024-05-09 20:45:37 UTC) multi-call binary.')

export const usageText = (p: Process): string => `${banner(p)}\n\n${usages[appletName(p)] ?? `Usage: ${appletName(p)}`}`

/** Prints the usage after an optional complaint and gives the exit code. */
export async function showUsage(p: Process, complaint?: string, code = 1): Promise<number> {
  await p.stderr.write(`${complaint === undefined ? '' : `${appletName(p)}: ${complaint}\n`}${usageText(p)}\n`)
  return code
}

export type Complaint = 'unknown' | 'unknown-long' | 'argument' | 'argument-long'

export function getoptText(p: Process, kind: Complaint, option: string): string {
  const musl = isMusl(p)
  if (kind === 'unknown') return musl ? `unrecognized option: ${option}` : `invalid option -- '${option}'`
  if (kind === 'unknown-long') return musl ? `unrecognized option: ${option}` : `unrecognized option '--${option}'`
  if (kind === 'argument') return musl ? `option requires an argument: ${option}` : `option requires an argument -- '${option}'`
  return musl ? `option requires an argument: ${option}` : `option '--${option}' requires an argument`
}

/** The usage after a complaint of glibc's getopt, put into musl's words where that is the library. */
export function usageError(p: Process, error?: string): Promise<number> {
  const m = error === undefined ? null : /^(invalid option|option requires an argument) -- '(.)'$/.exec(error) ?? /^(unrecognized option|option) '--([\w-]+)'/.exec(error)
  if (!m) return showUsage(p, error)
  const kind: Complaint = m[1] === 'invalid option' ? 'unknown' : m[1] === 'option requires an argument' ? 'argument' : m[1] === 'unrecognized option' ? 'unknown-long' : 'argument-long'
  return showUsage(p, getoptText(p, kind, m[2]!))
}
