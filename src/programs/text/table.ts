/** Coreutils and text tools by name. */
import type { Program } from '#engine/machine/process.ts'
import { awk } from './awk/awk.ts'
import { bc } from './bc.ts'
import { columnPrograms } from './columns.ts'
import { date } from './dates.ts'
import { diffPrograms } from './diff.ts'
import { digestPrograms } from './digest.ts'
import { encodePrograms } from './encode.ts'
import { filePrograms } from './files.ts'
import { find } from './find.ts'
import { grepPrograms } from './grep.ts'
import { gzipPrograms } from './gzip.ts'
import { jq } from './jq/jq.ts'
import { linePrograms } from './lines.ts'
import { lsPrograms } from './ls.ts'
import { rarePrograms } from './rarer.ts'
import { runPrograms } from './run.ts'
import { screenPrograms } from './screen.ts'
import { sed } from './sed/sed.ts'
import { seq } from './seq.ts'
import { simplePrograms } from './simple.ts'
import { sort } from './sort.ts'
import { statPrograms } from './stat.ts'
import { sumPrograms } from './sums.ts'
import { tarPrograms } from './tar.ts'
import { tr } from './tr.ts'
import { uniq } from './uniq.ts'

export const textPrograms: ReadonlyMap<string, Program> = new Map<string, Program>([
  ...simplePrograms, ...linePrograms, ...filePrograms, ...lsPrograms, ...grepPrograms, ...encodePrograms, ...digestPrograms, ...runPrograms, ...diffPrograms, ...screenPrograms, ...tarPrograms, ...sumPrograms, ...statPrograms, ...rarePrograms, ...columnPrograms, ...gzipPrograms,
  ['sort', sort], ['date', date], ['find', find], ['sed', sed], ['awk', awk], ['mawk', awk], ['jq', jq], ['bc', bc], ['seq', seq], ['tr', tr], ['uniq', uniq],
])
