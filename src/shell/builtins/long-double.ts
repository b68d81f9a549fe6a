/** Decimal text as the C library's 80-bit long double, which printf's %f prints: 64 bits of mantissa, ties to even. */

/** `text` with `precision` decimals; undefined where it is no plain decimal number. */
export function longFixed(text: string, precision: number): string | undefined {
  const m = /^\s*([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?$/.exec(text)
  if (!m || (m[2] === '' && (m[3] ?? '') === '') || precision > 200) return undefined
  const digits = m[2]! + (m[3] ?? '')
  const exponent = Number(m[4] ?? 0) - (m[3] ?? '').length
  let top = BigInt(digits || '0') * 10n ** BigInt(Math.max(0, exponent))
  let bottom = 10n ** BigInt(Math.max(0, -exponent))
  if (top !== 0n) {
    // The mantissa has 64 bits: scale by a power of two, round, scale back.
    const shift = 64 - (top.toString(2).length - bottom.toString(2).length)
    const scaled = shift >= 0 ? divide(top << BigInt(shift), bottom) : divide(top, bottom << BigInt(-shift))
    const extra = BigInt(Math.max(0, scaled.toString(2).length - 64))
    const mantissa = extra > 0n ? (shift - Number(extra) >= 0 ? divide(top << BigInt(shift - Number(extra)), bottom) : divide(top, bottom << BigInt(Number(extra) - shift))) : scaled
    const power = shift - Number(extra)
    top = power >= 0 ? mantissa : mantissa << BigInt(-power)
    bottom = power >= 0 ? 1n << BigInt(power) : 1n
  }
  const whole = divide(top * 10n ** BigInt(precision), bottom).toString().padStart(precision + 1, '0')
  const out = precision === 0 ? whole : `${whole.slice(0, -precision)}.${whole.slice(-precision)}`
  return m[1] === '-' ? `-${out}` : out
}

/** To the nearest whole number, ties to even. */
function divide(a: bigint, b: bigint): bigint {
  const q = a / b
  const twice = (a % b) * 2n
  return twice > b || (twice === b && q % 2n === 1n) ? q + 1n : q
}
