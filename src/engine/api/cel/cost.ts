/**
 * The most that an expression may cost (cel-go's checker/cost.go with the sizes of Kubernetes' libraries): steps, times the greatest sizes that the schema
 * allows. Only the upper bound is kept, which is all that refusals need.
 */
import type { Expr } from './ast.ts'
import type { CelType } from './types.ts'

const UNKNOWN = Number.MAX_VALUE
const TRAVERSAL = 0.1

/** Greatest size of what an expression gives; undefined: unknown. */
type Sizes = ReadonlyMap<string, { readonly size: number; readonly type: CelType }>

export function estimateCost(expr: Expr, types: ReadonlyMap<Expr, CelType>): number {
  return new Estimator(types).cost(expr, new Map())
}

class Estimator {
  readonly #types: ReadonlyMap<Expr, CelType>

  constructor(types: ReadonlyMap<Expr, CelType>) {
    this.#types = types
  }

  #size(e: Expr, sizes: Sizes): number {
    if (e.kind === 'const') return e.literal.type === 'string' || e.literal.type === 'bytes' ? e.literal.value.length : 1
    if (e.kind === 'list') return e.elements.length
    if (e.kind === 'map') return e.entries.length
    if (e.kind === 'ident' && sizes.has(e.name)) return sizes.get(e.name)!.size
    if (e.kind === 'fold') return e.init.kind === 'list' || e.init.kind === 'map' ? this.#size(e.range, sizes) : 1
    if (e.kind === 'call') {
      const all = [...(e.target ? [e.target] : []), ...e.args]
      if (e.name === '_+_') return scalar(this.#types.get(e)) ? 1 : this.#size(all[0]!, sizes) + this.#size(all[1]!, sizes)
      if (e.name === '_?_:_') return Math.max(this.#size(all[1]!, sizes), this.#size(all[2]!, sizes))
      if (sizeKept.has(e.name)) return all[0] && !scalar(this.#types.get(all[0])) ? this.#size(all[0], sizes) : 100
    }
    const type = this.#types.get(e)
    if (scalar(type)) return 1
    return type?.max ?? UNKNOWN
  }

  cost(e: Expr, sizes: Sizes): number {
    switch (e.kind) {
      case 'const':
        return 0
      case 'ident':
        return 1
      case 'select':
        return 1 + this.cost(e.operand, sizes)
      case 'list':
        return 10 + total(e.elements, (x) => this.cost(x.value, sizes))
      case 'map':
        return 30 + total(e.entries, (x) => this.cost(x.key, sizes) + this.cost(x.value, sizes))
      case 'struct':
        return 40 + total(e.fields, (x) => this.cost(x.value, sizes))
      case 'call':
        return this.#call(e, sizes)
      case 'fold': {
        const count = this.#size(e.range, sizes)
        const range = this.#types.get(e.range)
        const inner = new Map(sizes)
        const bind = (name: string, type: CelType | undefined) => type && inner.set(name, { size: scalar(type) ? 1 : (type.max ?? UNKNOWN), type })
        bind(e.variable, range?.args?.[0])
        if (e.second !== undefined) bind(e.second, range?.args?.at(-1))
        const step = this.cost(e.step, inner) + this.cost(e.condition, inner)
        return this.cost(e.range, sizes) + this.cost(e.init, sizes) + count * step + this.cost(e.result, sizes)
      }
    }
  }

  #call(e: Expr & { kind: 'call' }, sizes: Sizes): number {
    const all = [...(e.target ? [e.target] : []), ...e.args]
    const args = total(all, (a) => this.cost(a, sizes))
    const size = (i: number) => (all[i] ? this.#size(all[i], sizes) : 0)
    const isScalar = (of: Expr | undefined) => scalar(of && this.#types.get(of))
    if (e.name === '_?_:_') return this.cost(all[0]!, sizes) + Math.max(this.cost(all[1]!, sizes), this.cost(all[2]!, sizes))
    if (e.name === '_+_' && isScalar(e)) return args + 1
    if (e.name === '@in' && this.#types.get(all[1]!)?.kind === 'map') return args + 1
    if (positions.has(e.name) && this.#types.get(all[0]!)?.kind === 'list') return args + size(0)
    return args + (own.get(e.name)?.(size) ?? 1)
  }
}

/** Functions whose text or list is at most as long as what they are given. */
const sizeKept = new Set(['lowerAscii', 'upperAscii', 'trim', 'substring', 'find', 'split', 'findAll', 'charAt', 'string', 'dyn', 'reverse'])
const positions = new Set(['indexOf', 'lastIndexOf'])

type Size = (i: number) => number

const names = (text: string, cost: (size: Size) => number): [string, (size: Size) => number][] => text.split(' ').map((name) => [name, cost])
const walked = (size: number) => Math.ceil(size * TRAVERSAL)

/** What a call costs beside its arguments. */
const own = new Map<string, (size: Size) => number>([
  ...names('_&&_ _||_', () => 0),
  ...names('startsWith endsWith', (size) => walked(size(1))),
  ...names('@in', (size) => size(1)),
  ...names('matches find findAll', (size) => walked(size(0) + 1) * Math.ceil(size(1) * 0.25)),
  ...names('contains indexOf lastIndexOf', (size) => walked(size(0)) * walked(size(1))),
  ...names('_+_', (size) => walked(size(0) + size(1))),
  ...names('_==_ _!=_ _<_ _<=_ _>_ _>=_', (size) => walked(Math.min(size(0), size(1)))),
  ...names('isSorted sum max min', (size) => size(0)),
  ...names('url isURL lowerAscii upperAscii substring trim replace split join quantity isQuantity ip isIP cidr isCIDR bytes string', (size) => Math.max(1, walked(size(0)))),
  ...names('sets.contains sets.intersects sets.equivalent', (size) => size(0) * size(1)),
])

const total = <T>(items: readonly T[], cost: (item: T) => number): number => items.reduce((sum, i) => sum + cost(i), 0)

const scalars = new Set<CelType['kind']>(['bool', 'int', 'uint', 'double', 'timestamp', 'duration', 'null', 'type'])

function scalar(type: CelType | undefined): boolean {
  return type !== undefined && scalars.has(type.kind)
}
