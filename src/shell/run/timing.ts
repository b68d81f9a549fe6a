/** The `time` keyword: TIMEFORMAT's letters (print_formatted_time). Programs here take wall time only, so user and system time are nothing. */
import { getScalar } from '../expand/variables.ts'
import type { Shell } from '../state.ts'

const usual = '\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS'

/** What `time` prints for `ms` milliseconds; undefined where TIMEFORMAT is empty. */
export async function timeReport(sh: Shell, ms: number, posix: boolean): Promise<string | undefined> {
  const format = posix ? 'real %2R\nuser %2U\nsys %2S' : (getScalar(sh, 'TIMEFORMAT') ?? usual)
  if (format === '') return undefined
  let out = ''
  for (let i = 0; i < format.length; i++) {
    const c = format[i]!
    if (c !== '%' || i + 1 >= format.length) {
      out += c
      continue
    }
    const m = /^%(\d?)(l?)([RUSP%])?/.exec(format.slice(i))!
    if (m[3] === undefined) {
      await sh.complain(`TIMEFORMAT: \`${format[i + m[0].length] ?? ''}': invalid format character`)
      return undefined
    }
    i += m[0].length - 1
    const digits = Math.min(3, m[1] === '' ? 3 : Number(m[1]))
    if (m[3] === '%') out += '%'
    else if (m[3] === 'P') out += '0.00'
    else out += duration(m[3] === 'R' ? ms : 0, digits, m[2] === 'l')
  }
  return out + '\n'
}

function duration(ms: number, digits: number, long: boolean): string {
  const fraction = digits === 0 ? '' : `.${String(ms % 1000).padStart(3, '0').slice(0, digits)}`
  const seconds = Math.floor(ms / 1000)
  return long ? `${Math.floor(seconds / 60)}m${seconds % 60}${fraction}s` : `${seconds}${fraction}`
}
