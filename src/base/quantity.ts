/**
 * Kubernetes quantities (apimachinery pkg/api/resource): exact decimal numbers with a binary or decimal suffix, kept as an integer and a power
 * of ten. Values finer than nano are rounded up; the canonical form uses the largest suffix without fraction.
 */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent'

export interface Quantity {
  /** value = unscaled × 10^scale */
  readonly unscaled: bigint
  readonly scale: number
  readonly format: QuantityFormat
}

const binary: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const pattern = /^([+-]?)(\d*)(\.(\d*))?([eE][+-]?\d+|[A-Za-z]*)$/

const pow10 = (n: number) => 10n ** BigInt(n)
const abs = (n: bigint) => (n < 0n ? -n : n)

/** Rounds up, away from zero, as the server does when it must drop digits. */
function divideUp(n: bigint, d: bigint): bigint {
  const q = n / d
  return q * d === n ? q : n < 0n ? q - 1n : q + 1n
}

/** undefined: not a quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const m = pattern.exec(text)
  if (!m) return undefined
  const [, sign, whole = '', , fraction = '', suffix = ''] = m
  if (whole === '' && fraction === '') return undefined
  let unscaled = BigInt((whole + fraction).replace(/^0+(?=\d)/, '') || '0')
  if (sign === '-') unscaled = -unscaled
  let scale = -fraction.length
  let format: QuantityFormat = 'DecimalSI'
  if (binary[suffix] !== undefined) {
    format = 'BinarySI'
    unscaled *= 2n ** BigInt(binary[suffix])
  } else if (/^[eE][+-]?\d+$/.test(suffix)) {
    format = 'DecimalExponent'
    const exponent = Number(suffix.slice(1))
    if (exponent > 1000 || exponent < -1000) return undefined
    scale += exponent
  } else if (decimal[suffix] !== undefined) scale += decimal[suffix]
  else return undefined
  if (scale < -9) {
    unscaled = divideUp(unscaled, pow10(-9 - scale))
    scale = -9
  }
  while (unscaled !== 0n && scale < 0 && unscaled % 10n === 0n) {
    unscaled /= 10n
    scale++
  }
  if (unscaled === 0n) scale = 0
  return { unscaled, scale, format }
}

export function formatQuantity(q: Quantity): string {
  if (q.unscaled === 0n) return '0'
  const negative = q.unscaled < 0n ? '-' : ''
  let { unscaled, scale } = q
  let format = q.format
  if (format === 'BinarySI') {
    const small = scale < 0 ? abs(unscaled) < 1024n * pow10(-scale) : abs(unscaled) * pow10(scale) < 1024n
    const fraction = scale < 0 && unscaled % pow10(-scale) !== 0n
    if (small || fraction) format = 'DecimalSI'
    else {
      let n = scale >= 0 ? unscaled * pow10(scale) : unscaled / pow10(-scale)
      const suffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
      let i = 0
      while (i < suffixes.length - 1 && n % 1024n === 0n) {
        n /= 1024n
        i++
      }
      return `${n}${suffixes[i]}`
    }
  }
  while (unscaled % 10n === 0n) {
    unscaled /= 10n
    scale++
  }
  // Largest multiple of three not above the scale.
  while (((scale % 3) + 3) % 3 !== 0) {
    unscaled *= 10n
    scale--
  }
  if (scale > 18 && format === 'DecimalSI') {
    unscaled *= pow10(scale - 18)
    scale = 18
  }
  const digits = abs(unscaled).toString()
  if (format === 'DecimalExponent') return negative + digits + (scale === 0 ? '' : `e${scale}`)
  const suffix = Object.entries(decimal).find(([, e]) => e === scale)![0]
  return negative + digits + suffix
}

/** The form in which the server writes a quantity; undefined when it is none. `milli`: rounded up to thousandths, as in resource lists. */
export function canonicalQuantity(text: string, milli = false): string | undefined {
  const q = parseQuantity(text)
  if (!q) return undefined
  const rounded = milli && q.scale < -3 ? { ...q, unscaled: divideUp(q.unscaled, pow10(-3 - q.scale)), scale: -3 } : q
  const canonical = formatQuantity(rounded)
  return text === '+' + canonical ? text : canonical
}

export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const scale = Math.min(a.scale, b.scale)
  const unscaled = a.unscaled * pow10(a.scale - scale) + b.unscaled * pow10(b.scale - scale)
  return { unscaled, scale, format: a.unscaled === 0n ? b.format : a.format }
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return addQuantities(a.unscaled === 0n ? { ...a, format: b.format } : a, { ...b, unscaled: -b.unscaled })
}

export function compareQuantities(a: Quantity, b: Quantity): number {
  const d = addQuantities(a, { ...b, unscaled: -b.unscaled }).unscaled
  return d < 0n ? -1 : d > 0n ? 1 : 0
}

/** Whole units, rounded up (Quantity.Value). */
export function quantityValue(q: Quantity): bigint {
  return q.scale >= 0 ? q.unscaled * pow10(q.scale) : divideUp(q.unscaled, pow10(-q.scale))
}

/** Thousandths, rounded up (Quantity.MilliValue). */
export function quantityMilliValue(q: Quantity): bigint {
  return quantityValue({ ...q, scale: q.scale + 3 })
}

/** Rounded up to a power of ten, and whether nothing was lost (Quantity.RoundUp). */
export function roundUpQuantity(q: Quantity, scale: number): [Quantity, exact: boolean] {
  if (q.scale >= scale) return [q, true]
  const divisor = pow10(scale - q.scale)
  const unscaled = divideUp(q.unscaled, divisor)
  return [{ ...q, unscaled, scale }, unscaled * divisor === q.unscaled]
}

/** In units of 10^scale, rounded up (Quantity.ScaledValue). */
export function scaledValue(q: Quantity, scale: number): bigint {
  return quantityValue({ ...q, scale: q.scale - scale })
}

export function multiplyQuantity(q: Quantity, factor: bigint): Quantity {
  return { ...q, unscaled: q.unscaled * factor }
}
