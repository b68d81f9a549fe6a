/**
 * docker.io/library/perl, as far as the documentation's Job uses it: `perl -Mbignum=bpi -wle 'print bpi(2000)'`, and prints of plain strings and numbers.
 * Any other script is left out and ends with a syntax error.
 */
import type { Process } from '#engine/machine/process.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { debianTools } from './tools.ts'

/** π to so many digits, the last one rounded, as Math::BigFloat gives it. */
export function pi(digits: number): string {
  const extra = 10
  const one = 10n ** BigInt(digits + extra)
  // Machin: π/4 = 4 arctan(1/5) − arctan(1/239).
  const arctan = (x: bigint): bigint => {
    let term = one / x
    let sum = term
    for (let n = 3n, sign = -1n; term !== 0n; n += 2n, sign = -sign) {
      term /= x * x
      sum += (sign * term) / n
    }
    return sum
  }
  const unit = 10n ** BigInt(extra + 1)
  const text = String((4n * (4n * arctan(5n) - arctan(239n)) + unit / 2n) / unit)
  return digits <= 1 ? text[0]! : `${text[0]}.${text.slice(1)}`
}

async function run(process: Process): Promise<number> {
  const argv = process.argv.slice(1)
  if (argv[0] === '-v') {
    await process.stdout.write('\nThis is perl 5, version 40, subversion 2 (v5.40.2) built for x86_64-linux-gnu\n')
    return 0
  }
  const at = argv.findIndex((a) => /^-\w*[eE]$/.test(a) && !a.startsWith('-M'))
  const script = argv[at + 1] ?? ''
  const line = /l/.test(argv[at] ?? '') ? '\n' : ''
  const [, digits] = /^\s*print\s+bpi\(?(\d+)\)?;?\s*$/.exec(script) ?? []
  if (digits !== undefined && argv.includes('-Mbignum=bpi')) {
    // A few seconds for two thousand digits, as it takes.
    await process.compute?.(1.5 * Number(digits))
    await process.stdout.write(pi(Math.max(1, Number(digits))) + line)
    return 0
  }
  const text = /^\s*print\s+(?:"([^"$@]*)"|'([^']*)'|(\d+));?\s*$/.exec(script)
  if (at >= 0 && text) {
    await process.stdout.write((text[1]?.replaceAll('\\n', '\n') ?? text[2] ?? text[3]!) + line)
    return 0
  }
  if (at < 0) return process.forever()
  await process.stderr.write('syntax error at -e line 1, near ""\nExecution of -e aborted due to compilation errors.\n')
  return 255
}

export const perl: ImageBehaviour = {
  repository: 'docker.io/library/perl', tags: ['5.40', 'latest', '5', 'stable', 'slim'], versions: { '5.28': 3, '5.30': 3, '5.32': 1, '5.34': 3, '5.36': 3, '5.38': 5, '5.40': 2, '5.42': 0 }, variants: ['-slim', '-bookworm'], size: 336_374_010,
  command: ['perl', '-de0'], workdir: '/usr/src/app', env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  programs: { '/usr/local/bin/perl': run }, tools: debianTools,
}
