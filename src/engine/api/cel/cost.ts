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
      switch (e.name) {
        case '_+_':
          return scalar(this.#types.get(e)) ? 1 : this.#size(all[0]!, sizes) + this.#size(all[1]!, sizes)
        case '_?_:_':
          return Math.max(this.#size(all[1]!, sizes), this.#size(all[2]!, sizes))
        case 'lowerAscii': case 'upperAscii': case 'trim': case 'substring': case 'find': case 'split': case 'findAll': case 'charAt': case 'string': case 'dyn': case 'quote': case 'reverse':
          return all[0] && !scalar(this.#types.get(all[0])) ? this.#size(all[0], sizes) : 100
      }
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
    switch (e.name) {
      case '_?_:_':
        return this.cost(all[0]!, sizes) + Math.max(this.cost(all[1]!, sizes), this.cost(all[2]!, sizes))
      case '_&&_': case '_||_':
        return args
      case 'startsWith': case 'endsWith':
        return args + Math.ceil(size(1) * TRAVERSAL)
      case '@in':
        return args + (this.#types.get(all[1]!)?.kind === 'map' ? 1 : size(1))
      case 'matches': case 'find': case 'findAll':
        return args + Math.ceil((size(0) + 1) * TRAVERSAL) * Math.ceil(size(1) * 0.25)
      case 'contains':
        return args + Math.ceil(size(0) * TRAVERSAL) * Math.ceil(size(1) * TRAVERSAL)
      case '_+_':
        return args + (scalar(this.#types.get(e)) ? 1 : Math.ceil((size(0) + size(1)) * TRAVERSAL))
      case '_==_': case '_!=_': case '_<_': case '_<=_': case '_>_': case '_>=_':
        return args + Math.ceil(Math.min(size(0), size(1)) * TRAVERSAL)
      case 'isSorted': case 'sum': case 'max': case 'min':
        return args + size(0)
      case 'indexOf': case 'lastIndexOf':
        return args + (this.#types.get(all[0]!)?.kind === 'list' ? size(0) : Math.ceil(size(0) * TRAVERSAL) * Math.ceil(size(1) * TRAVERSAL))
      case 'url': case 'lowerAscii': case 'upperAscii': case 'substring': case 'trim': case 'replace': case 'split': case 'join': case 'quantity': case 'isQuantity': case 'ip': case 'cidr': case 'isIP': case 'isCIDR': case 'isURL': case 'bytes': case 'string':
        return args + Math.max(1, Math.ceil(size(0) * TRAVERSAL))
      case 'sets.contains': case 'sets.intersects': case 'sets.equivalent':
        return args + size(0) * size(1)
      default:
        return args + 1
    }
  }
}

const total = <T>(items: readonly T[], cost: (item: T) => number): number => items.reduce((sum, i) => sum + cost(i), 0)

const scalars = new Set<CelType['kind']>(['bool', 'int', 'uint', 'double', 'timestamp', 'duration', 'null', 'type'])

function scalar(type: CelType | undefined): boolean {
  return type !== undefined && scalars.has(type.kind)
}
