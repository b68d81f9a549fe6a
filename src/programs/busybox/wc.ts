/** busybox's wc: counts in columns of ten, a single count bare. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { showUsage } from './banner.ts'
import { optionsOf, parse } from './options.ts'

export const wc: Program = async (p) => {
  const args = p.argv.slice(1)
  if (args.includes('--help')) return showUsage(p, undefined, 0)
  const o = parse(p, optionsOf('wc'), args)
  if (o.error !== undefined) return showUsage(p, o.error)
  const kinds = [...'lwmcL'].filter((k) => (o.options.size === 0 ? 'lwc' : [...o.options].join('')).includes(k))
  const line = (counts: readonly number[], name: string | undefined) => `${counts.map((n) => (kinds.length === 1 ? String(n) : String(n).padStart(9))).join(' ')}${name === undefined ? '' : ` ${name}`}\n`
  const total = kinds.map(() => 0)
  let code = 0
  for (const name of o.operands.length > 0 ? o.operands : [undefined]) {
    let text: string
    try {
      text = name === undefined || name === '-' ? await p.stdin.readAll() : p.fs.readFile(name)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await p.stderr.write(`wc: ${name ?? '-'}: ${error.code === 'EISDIR' ? 'read error: ' : ''}${strerror(error.code)}\n`)
      code = 1
      continue
    }
    const lines = text.split('\n')
    const of: Readonly<Record<string, () => number>> = {
      l: () => lines.length - 1, w: () => text.split(/[ \t\n\v\f\r]+/).filter((x) => x !== '').length, c: () => text.length, m: () => new Set(text.matchAll(/[\0-\x7f\xc0-\xff]/g)).size, L: () => Math.max(0, ...lines.map((l) => l.length)),
    }
    const counts = kinds.map((k) => of[k]!())
    counts.forEach((n, i) => (total[i] = kinds[i] === 'L' ? Math.max(total[i]!, n) : total[i]! + n))
    await p.stdout.write(line(counts, name))
  }
  if (o.operands.length > 1) await p.stdout.write(line(total, 'total'))
  return code
}
