/** Cases of apimachinery's and networking's own tests: quantities, durations, label selectors, strategic merge, ingress validation. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { humanDuration } from '#base/duration.ts'
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity, type Quantity, roundUpQuantity, scaledValue, subtractQuantities, multiplyQuantity } from '#base/quantity.ts'
import { parseYaml } from '#base/yaml.ts'
import { FieldErrors } from '#engine/api/field-errors.ts'
import { formatSelector, matches, type Operator, parseSelector, type Requirement, requirement, scan, SelectorError } from '#engine/api/label-selector.ts'
import { equal } from '#engine/api/loose.ts'
import { Schemas } from '#engine/api/schema.ts'
import { strategicMerge } from '#engine/api/strategic-merge.ts'
import { validateIngress } from '#engine/kinds/ingress/validation.ts'
import { type Collection, collection, type Outcome } from './collection.ts'

 
type Json = any

interface Case {
  readonly id: string
  /** undefined: passed. */
  readonly check: () => string | undefined
}

interface Table {
  readonly func: string | null
  readonly var: string
  readonly value: Json
}

const same = (actual: Json, expected: Json): string | undefined => (equal(actual, expected) ? undefined : `expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)

function suite(name: string, file: string, cases: (table: Json) => Case[]): Collection<Case> {
  return {
    name,
    needs: [file],
    load: (shared) => cases(JSON.parse(readFileSync(join(shared, file), 'utf8'))),
    id: (c) => c.id,
    run(c): Outcome {
      const difference = c.check()
      return difference === undefined ? { result: 'passed' } : { result: 'failed', expected: c.id, actual: difference }
    },
  }
}

const scales: Record<string, number> = { Nano: -9, Micro: -6, Milli: -3, Kilo: 3, Mega: 6, Giga: 9, Tera: 12, Peta: 15, Exa: 18 }

/** `decQuantity(901, -2, DecimalSI)` and its kin; undefined when the source had something else. */
function quantityOf(v: Json): Quantity | undefined {
  if (v?.$t === 'Quantity' && Object.keys(v).length === 1) return { unscaled: 0n, scale: 0, format: 'DecimalSI' }
  if (typeof v === 'string') return parseQuantity(v)
  if (v?.$call !== 'decQuantity' && v?.$call !== 'intQuantity') return v?.$call === 'MustParse' || v?.$call === 'resource.MustParse' ? parseQuantity(v.args[0]) : undefined
  const [unscaled, scale, format] = v.args
  if (typeof unscaled !== 'number' || typeof scale !== 'number' || !Number.isSafeInteger(unscaled)) return undefined
  return { unscaled: BigInt(unscaled), scale, format: format?.$id ?? 'DecimalSI' }
}

const sameQuantity = (a: Quantity, b: Quantity) => (compareQuantities(a, b) === 0 ? undefined : `expected ${formatQuantity(b)}, got ${formatQuantity(a)}`)

function quantityCases({ tables }: { tables: readonly Table[] }): Case[] {
  const out: Case[] = []
  for (const { func, var: name, value } of tables) {
    const add = (i: number | string, check: Case['check']) => out.push({ id: `${func}.${name}#${i}`, check })
    if (!Array.isArray(value)) continue
    for (const [i, row] of (value as Json[]).entries()) {
      if (func === 'TestQuantityCmp' && name === 'table') add(i, () => same(compareQuantities(parseQuantity(row[0])!, parseQuantity(row[1])!), row[2]))
      if (func === 'TestQuantityParse' && name === 'invalid') add(i, () => same(parseQuantity(row) === undefined, true))
      if (func === 'TestQuantityParseEmit') add(i, () => (Array.isArray(row) ? same(canonicalQuantity(row[0]), row[1]) : undefined))
      if (func === 'TestQuantityRoundUp' && Array.isArray(row)) {
        const want = quantityOf(row[2])
        if (want) {
          add(i, () => {
            const [rounded, exact] = roundUpQuantity(parseQuantity(row[0])!, row[1])
            return sameQuantity(rounded, want) ?? same(exact, row[3])
          })
        }
      }
      if (func === 'TestQuantityString' && Array.isArray(row)) {
        const q = quantityOf(row[0])
        if (q) add(i, () => same(formatQuantity(q), row[1]))
      }
      if (func === 'TestQuantityNeg' && Array.isArray(row)) {
        const q = quantityOf(row[0])
        if (q) add(i, () => same(formatQuantity({ ...q, unscaled: -q.unscaled }), row[1]))
      }
      if (func === 'TestQuantityCmpInt64AndDec') {
        const [a, b] = [quantityOf(row[0]), quantityOf(row[1])]
        if (a && b) add(i, () => same(compareQuantities(a, b), row[2]))
      }
      if (func === 'TestAdd' || func === 'TestSub') {
        const [a, b, want] = [quantityOf(row[0]), quantityOf(row[1]), quantityOf(row[2])]
        if (a && b && want) add(i, () => sameQuantity(func === 'TestAdd' ? addQuantities(a, b) : subtractQuantities(a, b), want))
      }
      if (func === 'TestNeg') {
        const [a, want] = [quantityOf(row.a), quantityOf(row.expected)]
        if (a && want) add(i, () => sameQuantity({ ...a, unscaled: -a.unscaled }, want))
      }
      if (func === 'TestMul') {
        const [a, want] = [quantityOf(row[0]), quantityOf(row[2])]
        if (a && want && typeof row[1] === 'number') add(i, () => sameQuantity(multiplyQuantity(a, BigInt(row[1])), want))
      }
      if (func === 'TestScaledValue' && row[0]?.$id && row[1]?.$id) add(i, () => same(Number(scaledValue({ unscaled: 1n, scale: scales[row[0].$id]!, format: 'DecimalSI' }, scales[row[1].$id]!)), row[2]))
      if ((func === 'TestNewSet' || func === 'TestMilliNewSet' || func === 'TestNewScaledSet') && Array.isArray(row)) {
        const scale = func === 'TestNewScaledSet' ? scales[row[1]?.$id] : func === 'TestNewSet' ? 0 : -3
        if (scale !== undefined) add(i, () => same(formatQuantity({ unscaled: BigInt(row[0]), scale, format: func === 'TestNewScaledSet' ? 'DecimalSI' : (row[1].$id ?? 'DecimalExponent') }), row[2]))
      }
      if (func === 'TestStringQuantityAsApproximateFloat64') add(i, () => same(Number(parseQuantity(row[0])!.unscaled) * 10 ** parseQuantity(row[0])!.scale, row[1]))
      if (func === 'TestParseQuantity' && typeof row.input === 'string') {
        add(i, () => {
          const q = parseQuantity(row.input)
          if (row.wantErr || row.expectErr) return same(q === undefined, true)
          const want = row.wantAsDec?.args?.[0] ?? row.wantAsInt64?.args?.[0]
          if (want === undefined || typeof want === 'object') return same(q !== undefined, true)
          const text = String(want)
          return q && parseQuantity(text) ? sameQuantity(q, parseQuantity(text)!) : `cannot parse ${row.input}`
        })
      }
    }
  }
  return out
}

const units: Record<string, bigint> = { 'time.Nanosecond': 1n, 'time.Microsecond': 1000n, 'time.Millisecond': 1_000_000n, 'time.Second': 1_000_000_000n, 'time.Minute': 60_000_000_000n, 'time.Hour': 3600_000_000_000n }

/** `2*time.Hour - 1` in nanoseconds. */
function goDuration(v: Json): number | undefined {
  if (typeof v === 'number') return v
  const text: string | undefined = v?.$id ?? v?.$expr
  if (text === undefined) return undefined
  let js = text
  for (const [name, n] of Object.entries(units)) js = js.replaceAll(name, `(${n}n)`)
  js = js.replace(/(?<![\w.])(\d+)(?!n|\w)/g, '$1n')
  if (!/^[\d n()*+\-/]+$/.test(js)) return undefined
  return Number(new Function(`return ${js}`)() as bigint)
}

function durationCases({ tables }: { tables: readonly Table[] }): Case[] {
  return tables.flatMap(({ func, value }) =>
    func === 'TestShortHumanDurationBoundaries' || !Array.isArray(value)
      ? []
      : (value as Json[]).flatMap((row, i): Case[] => {
          const ns = goDuration(row.d)
          return ns === undefined ? [] : [{ id: `${func}#${i}`, check: () => same(humanDuration(ns / 1e6), row.want) }]
        }),
  )
}

const operators: Record<string, Operator> = {
  'selection.In': 'in', 'selection.NotIn': 'notin', 'selection.Equals': '=', 'selection.DoubleEquals': '==', 'selection.NotEquals': '!=', 'selection.Exists': 'exists', 'selection.DoesNotExist': '!', 'selection.GreaterThan': 'gt', 'selection.LessThan': 'lt',
}
const tokens: Record<string, string> = {
  EndOfStringToken: 'end', CommaToken: ',', NotInToken: 'notin', InToken: 'in', EqualsToken: '=', DoubleEqualsToken: '==', GreaterThanToken: '>', LessThanToken: '<', DoesNotExistToken: '!', NotEqualsToken: '!=', OpenParToken: '(', ClosedParToken: ')', IdentifierToken: 'id', ErrorToken: 'error',
}
const stringsOf = (v: Json): string[] => (v === null || v === undefined ? [] : ((Array.isArray(v) ? v : (v.args ?? [])) as Json[]).map((s) => (s?.$call === 'strings.Repeat' ? String(s.args[0]).repeat(s.args[1]) : s)))
const labelsOf = (v: Json): Record<string, string> => Object.fromEntries(Object.entries(v ?? {}).filter(([k]) => k !== '$t')) as Record<string, string>

function requirementOf(v: Json): Requirement | undefined {
  if (v?.$call !== 'getRequirement') return undefined
  const [key, op, values] = v.args
  const operator = operators[op.$id]
  return operator ? { key, operator, values: [...stringsOf(values)].sort() } : undefined
}

function selectorOf(v: Json): Requirement[] | undefined {
  if (v?.$call === 'NewSelector') return []
  const list = (v?.$v ?? []) as Json[]
  const out = list.map(requirementOf)
  return v?.$t === 'internalSelector' && out.every((r) => r !== undefined) ? (out as Requirement[]) : undefined
}

const attempt = <T>(f: () => T): T | undefined => {
  try {
    return f()
  } catch (error) {
    if (error instanceof SelectorError) return undefined
    throw error
  }
}

function selectorCases({ tables }: { tables: readonly Table[] }): Case[] {
  const out: Case[] = []
  for (const { func, var: name, value } of tables) {
    if (!Array.isArray(value)) continue
    for (const [i, row] of (value as Json[]).entries()) {
      const add = (check: Case['check']) => out.push({ id: `${func}.${name}#${i}`, check })
      if (name === 'testGoodStrings') add(() => same(attempt(() => parseSelector(row)) !== undefined, true))
      if (name === 'testBadStrings') add(() => same(attempt(() => parseSelector(row)), undefined))
      if (func === 'TestLexer' && Array.isArray(row)) add(() => same(scan(row[0])[0]?.token, tokens[row[1].$id]))
      if (func === 'TestLexerSequence' && Array.isArray(row)) add(() => same(scan(row[0]).slice(0, -1).map((t) => t.token), row[1].map((t: Json) => tokens[t.$id])))
      if (func === 'TestParserLookahead' && Array.isArray(row)) add(() => same(scan(row[0]).map((t) => t.token), row[1].map((t: Json) => tokens[t.$id])))
      if (func === 'TestRequirementConstructor' && operators[row.Op?.$id] && typeof row.Key === 'string') add(() => same(attempt(() => requirement(row.Key, operators[row.Op.$id]!, stringsOf(row.Vals))) === undefined, row.WantErr !== undefined && row.WantErr !== null))
      if (func === 'TestToString') {
        const selector = selectorOf(row[0])
        if (selector) add(() => same(formatSelector(selector), row[1]))
      }
      if (func === 'TestRequirementSelectorMatching') {
        const selector = selectorOf(row[1])
        if (selector) add(() => same(matches(selector, labelsOf(row[0])), row[2]))
      }
      if (func === 'TestSetSelectorParser') {
        const want = selectorOf(row[1])
        add(() => {
          const parsed = attempt(() => parseSelector(row[0]))
          if (row[3] === false) return same(parsed, undefined)
          if (!want || !parsed) return same(parsed !== undefined, true)
          const sorted = [...want].sort((a, b) => (a.key < b.key ? -1 : 1))
          return row[2] ? same(parsed, sorted) : equal(parsed, want) ? 'should differ' : undefined
        })
      }
      if (func === 'TestSetSelectorString' && Array.isArray(row)) add(() => same(formatSelector(Object.entries(labelsOf(row[0])).sort().map(([key, v]) => ({ key, operator: '=' as const, values: [v] }))), row[1]))
    }
  }
  return out
}

/** The merge item of upstream's tests: its tags as a schema. */
const mergeItem = new Schemas({
  'test.v1.Item':
    ';name s;value s;other s;mergingList [#test.v1.Item ~m:name ^name;nonMergingList [#test.v1.Item;mergingIntList [l ^;nonMergingIntList [l;mergeItemPtr [#test.v1.Item ^name;simpleMap {s;replacingItem o ^replace;retainKeysMap #test.v1.RetainKeys ^retainKeys;retainKeysMergingList [#test.v1.Item ^name ^retainKeys',
  'test.v1.RetainKeys': ';name s;value s;other s;simpleMap {s;mergingIntList [l ^;mergingList [#test.v1.Item ^name;nonMergingList [#test.v1.Item',
})

const text = (v: Json): string | undefined => (typeof v === 'string' ? v : typeof v?.args?.[0] === 'string' ? v.args[0] : undefined)

function mergeCases({ tables }: { tables: readonly Table[] }): Case[] {
  const out: Case[] = []
  const apply = (document: Json, patch: Json) => strategicMerge(mergeItem, 'test.v1.Item', parseYaml(document) ?? {}, parseYaml(patch) ?? {})
  for (const { var: name, value } of tables) {
    if (!/RawTestCases$|PatchTestCases$/.test(name) || !Array.isArray(value)) continue
    for (const [i, row] of (value as Json[]).entries()) {
      const d = row.StrategicMergePatchRawTestCaseData ?? {}
      const [original, twoWay, modified, current, threeWay, result, twoWayResult] = [d.Original, d.TwoWay, d.Modified, d.Current, d.ThreeWay, d.Result, d.TwoWayResult].map(text)
      if (original !== undefined && twoWay !== undefined && (twoWayResult ?? modified) !== undefined) {
        out.push({ id: `${name}#${i} two-way: ${row.Description}`, check: () => same(apply(original, twoWay), parseYaml((twoWayResult ?? modified)!) ?? {}) })
      }
      if (current !== undefined && threeWay !== undefined && result !== undefined && d.ExpectedError === undefined) {
        out.push({ id: `${name}#${i} three-way: ${row.Description}`, check: () => same(apply(current, threeWay), parseYaml(result) ?? {}) })
      }
    }
  }
  return out
}

function ingressCases(d: Json): Case[] {
  const check = (rule: Json, error: Json): string | undefined => {
    const errors = new FieldErrors()
    validateIngress({ metadata: { name: 'foo', namespace: 'default' }, spec: { defaultBackend: d.base.backend, rules: [rule] } }, errors)
    const texts = errors.list.map((e) => `${e.field.replace(/^spec\.rules\[0\]\./, '')}: ${e.body}`)
    if (!error) return texts.length === 0 ? undefined : `expected no error, got ${texts.join('; ')}`
    const want = `${error.field}: ${error.type}: ${JSON.stringify(error.value)}: ${error.detail}`
    return texts.some((t) => t === want) ? undefined : `expected ${want}, got ${texts.join('; ') || 'no error'}`
  }
  const { base } = d
  /** Rows that tell which fields are wrong; their tweaks are members of the one rule, path and backend. */
  const fields = ((d.fieldRows ?? []) as Json[]).map((row, i) => ({
    id: `field#${i} ${row.name}`,
    check: () => {
      const t = row.tweak
      const path = { path: t.path ?? base.path, pathType: t.pathType ?? base.pathType, backend: t.backend ?? base.backend }
      const known = Object.keys(t).every((k) => ['path', 'pathType', 'backend', 'host', 'paths', 'spec', 'defaultBackend', 'tls', 'ingressClassName'].includes(k))
      if (!known) return undefined
      const errors = new FieldErrors()
      const spec = { defaultBackend: base.backend, rules: [{ host: t.host ?? base.host, http: { paths: t.paths ?? [path] } }], ...(t.defaultBackend !== undefined ? { defaultBackend: t.defaultBackend } : {}), ...(t.tls ? { tls: t.tls } : {}), ...(t.ingressClassName ? { ingressClassName: t.ingressClassName } : {}) }
      validateIngress({ metadata: { name: 'foo', namespace: 'default' }, spec: { ...spec, ...t.spec } }, errors)
      return same([...new Set(errors.list.map((e) => e.field))], row.errorFields)
    },
  }))
  return fields.concat( ((d.pathRows ?? []) as Json[]).map((row, i) => ({
    id: `path#${i} ${row.pathType} ${row.name}`,
    check: () => check({ host: base.host, http: { paths: [{ path: row.path, pathType: row.pathType, backend: row.backend ?? base.backend }] } }, row.error),
  })))
}

export const collections = [
  collection(suite('kubectl/quantity', 'oracles/kubectl/quantity.json', quantityCases)),
  collection(suite('kubectl/duration', 'oracles/kubectl/duration.json', durationCases)),
  collection(suite('kubectl/label-selector', 'oracles/kubectl/label-selector.json', selectorCases)),
  collection(suite('kubectl/strategic-merge-patch', 'oracles/kubectl/strategic-merge-patch.json', mergeCases)),
  collection(suite('validation/ingress', 'oracles/validation/ingress-validation-rows.json', ingressCases)),
]
