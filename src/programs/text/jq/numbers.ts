/** jq's mathematics: the C library's functions of one, two and three numbers. */
import { invalid } from './operators.ts'
import type { Json } from './values.ts'

function lgamma(x: number): number {
  // Lanczos's approximation, good to fifteen digits.
  const g = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7]
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x)
  const y = x - 1
  let sum = g[0]!
  for (let i = 1; i < g.length; i++) sum += g[i]! / (y + i)
  const t = y + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum)
}

function gamma(x: number): number {
  if (!Number.isInteger(x) || x < 1 || x > 170) return Math.exp(lgamma(x))
  let product = 1
  for (let i = 2; i < x; i++) product *= i
  return product
}

/** Halves go to the even neighbour. */
function nearest(x: number): number {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r
}

function parts(x: number): [number, number] {
  if (x === 0 || !Number.isFinite(x)) return [x, 0]
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1)
  let fraction = x * 2 ** -exponent
  while (Math.abs(fraction) < 0.5) {
    fraction *= 2
    exponent--
  }
  while (Math.abs(fraction) >= 1) {
    fraction /= 2
    exponent++
  }
  return [fraction, exponent]
}

const away = (n: number): number => (n < 0 ? -Math.round(-n) : Math.round(n))

const unary: Readonly<Record<string, (n: number) => Json>> = {
  floor: Math.floor, ceil: Math.ceil, round: away, sqrt: Math.sqrt, fabs: Math.abs, trunc: Math.trunc, sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh,
  tanh: Math.tanh, asinh: Math.asinh, acosh: Math.acosh, atanh: Math.atanh, exp: Math.exp, expm1: Math.expm1, log: Math.log, log2: Math.log2, log10: Math.log10, log1p: Math.log1p, cbrt: Math.cbrt, exp2: (n) => 2 ** n, exp10: (n) => 10 ** n,
  pow10: (n) => 10 ** n, rint: nearest, nearbyint: nearest, significand: (n) => parts(n)[0] * 2, logb: (n) => parts(n)[1] - 1, gamma: lgamma, lgamma, lgamma_r: lgamma, tgamma: gamma, frexp: (n) => parts(n), modf: (n) => [n - Math.trunc(n), Math.trunc(n)],
  isinfinite: (n) => Math.abs(n) === Infinity, isnan: Number.isNaN, isnormal: (n) => Number.isFinite(n) && n !== 0,
}

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  pow: (a, b) => a ** b, atan2: Math.atan2, fmin: Math.min, fmax: Math.max, fmod: (a, b) => a % b, ldexp: (a, b) => a * 2 ** b, scalb: (a, b) => a * 2 ** b, scalbln: (a, b) => a * 2 ** b, drem: (a, b) => a - b * nearest(a / b),
  hypot: Math.hypot, copysign: (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)),
}

const number = (v: Json): number => (typeof v === 'number' ? v : invalid(v, 'number required'))

export function addNumbers(value: (key: string, f: (v: Json) => Json) => void, values: (key: string, f: (v: Json, args: readonly Json[]) => Json) => void): void {
  for (const [name, f] of Object.entries(unary)) value(`${name}/0`, (v) => f(number(v)))
  for (const [name, f] of Object.entries(binary)) values(`${name}/2`, (_, [a, b]) => f(number(a!), number(b!)))
  values('fma/3', (_, [a, b, c]) => number(a!) * number(b!) + number(c!))
  value('infinite/0', () => Infinity)
  value('nan/0', () => NaN)
}
