/** Variables as `declare -p` and `set` print them. */
import { elements, getScalar } from '../expand/variables.ts'
import type { Shell, Variable } from '../state.ts'
import { quoteAnsi, quoteDouble, quoteWord } from './quote.ts'

/** `-air`, `--` without attributes. */
export function describeAttributes(sh: Shell, name: string): string {
  const v = sh.lookup(name)
  return v ? attributes(v) : ''
}

export function attributes(v: Variable): string {
  let flags = ''
  if (v.array) flags += 'a'
  if (v.assoc) flags += 'A'
  if (v.capital) flags += 'c'
  if (v.integer) flags += 'i'
  if (v.lower) flags += 'l'
  if (v.nameref) flags += 'n'
  if (v.readonly) flags += 'r'
  if (v.upper) flags += 'u'
  if (v.exported) flags += 'x'
  return flags === '' ? '--' : `-${flags}`
}

function arrayText(sh: Shell, name: string): string {
  const v = sh.lookup(name)
  const items = elements(sh, name).map(([k, x]) => `[${v?.assoc && !/^[\w./:@%+,-]+$/.test(k) ? quoteDouble(k) : k}]=${quoteDouble(x)}`)
  return `(${items.join(' ')}${v?.assoc && items.length > 0 ? ' ' : ''})`
}

/** `declare -x NAME="value"` */
export function declareLine(sh: Shell, name: string, single = false): string {
  const v = sh.lookup(name)
  if (!v) return ''
  if (single && attributes(v) === '--' && !v.array && !v.assoc) return v.value === undefined ? '' : `${name}=${/^[\w./-]+$/.test(v.value) ? quoteAlways(v.value) : quoteWord(v.value)}`
  const head = `declare ${attributes(v)} ${name}`
  if (v.array || v.assoc) return v.array?.size === 0 && v.value === undefined ? `${head}=()` : `${head}=${arrayText(sh, name)}`
  const value = v.value === '' ? (getScalar(sh, name) ?? '') : v.value
  if (value === undefined) return head
  return `${head}=${single ? quoteAlways(value) : quoteDouble(value)}`
}

function quoteAlways(text: string): string {
  const q = quoteWord(text)
  return /^[$']/.test(q) ? q : `'${text}'`
}

/** `NAME=value` as `set` lists it. */
export function setLine(sh: Shell, name: string): string | undefined {
  const v = sh.lookup(name)
  if (!v) return undefined
  if (v.array || v.assoc) return `${name}=${arrayText(sh, name)}`
  if (v.value === undefined) return undefined
  return `${name}=${v.value === '' ? '' : /[\x00-\x1f\x7f]/.test(v.value) ? quoteAnsi(v.value) : quoteWord(v.value)}`
}
