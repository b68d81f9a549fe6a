import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from './compile.ts'
import { formatText } from './format.ts'
import { escapeName, schemaType, schemaValue } from './schema.ts'
import * as types from './types.ts'
import { Bytes, CelError, equals, fromJson, listKeys, type Value } from './values.ts'

const variables = new Map<string, types.CelType>([['object', types.dyn], ['l', types.listOf(types.int)], ['m', types.mapOf(types.string, types.int)], ['a', types.int], ['b', types.int], ['s', types.string], ['t', types.string], ['v', types.bytes], ['p', types.bool], ['q', types.bool]])
const standing = new Map<string, Value>([['object', fromJson({ spec: { replicas: 3, names: ['x', 'y'], ratio: 1.5 }, metadata: { labels: { app: 'web' } } })], ['l', [3n, 1n, 2n]], ['m', fromJson({ one: 1 })]])

function run(source: string, names: Record<string, Value> = {}): Value {
  const made = compile(source, { variables })
  if ('failure' in made) throw new Error(made.failure)
  return made.program.run(new Map([...standing, ...Object.entries(names)]))
}

/** As `%s` prints it, or the failure. */
function shown(source: string): string {
  try {
    return formatText('%s', [run(source)])
  } catch (error) {
    return `! ${(error as Error).message}`
  }
}

test('bytes of a schema are those that base64 says, and only UTF-8 among them is text', () => {
  const value = schemaValue('/wDDqQ==', { type: 'string', format: 'byte' })
  expect(value instanceof Bytes && [...value.data]).toEqual([0xff, 0, 0xc3, 0xa9])
  expect(() => run('string(v)', { v: value })).toThrow('invalid UTF-8 in bytes, cannot convert to string')
  expect(run('string(v)', { v: schemaValue('w6k=', { type: 'string', format: 'byte' }) })).toBe('é')
})

test('nothing that can be written ends in an error of the machine', () => {
  const failure = (source: string) => (compile(source, { variables }) as { failure?: string }).failure?.split('\n')[0]
  expect(failure(Array(5000).fill('1').join('+'))).toBe('ERROR: <input>:1:502: expression recursion limit exceeded: 250')
  expect(run(Array(5000).fill('true').join('&&'))).toBe(true)
  expect([shown('string(timestamp(9223372036854775807))'), shown('timestamp("9999-12-31T23:59:59Z") + duration("1s")'), shown('"%.101f".format([1.5])')]).toEqual(['! timestamp overflow', '! timestamp overflow', `1.5${'0'.repeat(100)}`])
})

describe('the language', () => {
  test.each([
    ['1 + 2 * 3 - 4 / 2 % 3', '5'],
    ['-(1 - 3)', '2'],
    ['1 < 2 && 2.5 >= 2 || false', 'true'],
    ['a == 1 ? "x" : "y"', '! no such attribute(s): a'],
    ['object.spec.replicas <= 5', 'true'],
    ['object.nothing == 1', '! no such key: nothing'],
    ['has(object.spec) && !has(object.spec.nothing)', 'true'],
    ['false && object.nothing', 'false'],
    ['object.nothing == 1 || true', 'true'],
    ['l.all(x, x > 0)', 'true'],
    ['l.exists(x, x > 2)', 'true'],
    ['l.exists_one(x, x > 2)', 'true'],
    ['l.map(x, x > 1, x * 10)', '[30, 20]'],
    ['l.filter(x, x < 3)', '[1, 2]'],
    ['[1, 2].all(x, [3, 4].exists(y, y > x))', 'true'],
    ['{"a": 1, "b": 2}.map(k, k)', '["a", "b"]'],
    ['l.transformList(i, v, i * 10 + v)', '[3, 11, 22]'],
    ['l[0] + l[2]', '5'],
    ['l[9]', '! index out of bounds: 9'],
    ['m["one"]', '1'],
    ['"one" in m && 3 in l', 'true'],
    ['1 / 0', '! division by zero'],
    ['9223372036854775807 + 1', '! integer overflow'],
    ['"a" + "b" == \'ab\'', 'true'],
    ["r'\\d' == '\\\\d'", 'true'],
    ['size("héllo") + l.size()', '8'],
    ['object.?spec.?nothing.orValue("none")', 'none'],
    ['optional.of(2).optMap(x, x + 1).value()', '3'],
    ['string(1.0) + string(2000000.0) + string(duration("90s"))', '12e+0690s'],
    ['int("12") + int(3.9)', '15'],
    ['int("x")', "! type conversion error from 'string' to 'int'"],
    ['type(1) == int && type([]) == list', 'true'],
    ['timestamp("2026-03-01T12:00:00Z") + duration("1h30m") > timestamp("2026-03-01T13:00:00Z")', 'true'],
    ['timestamp("2026-03-01T12:00:00Z").getDayOfWeek()', '0'],
    ['timestamp("2026-03-01T23:30:00Z").getHours("+02:00")', '1'],
    ['b"abc".size()', '3'],
  ])('%s', (source, wanted) => expect(shown(source)).toBe(wanted))
})

describe('libraries', () => {
  test.each([
    ['"Hello".lowerAscii().replace("l", "L", 1).substring(1, 4)', 'eLl'],
    ['"a,b,c".split(",").join("-")', 'a-b-c'],
    ['"tacocat".lastIndexOf("a") + "tacocat".indexOf("c")', '7'],
    ['"abc123".find("[0-9]+") + string("abc".matches("^[a-c]+$"))', '123true'],
    ['"a1b22".findAll("[0-9]+")', '["1", "22"]'],
    ['"%s has %d of %.2f%%".format(["x", 3, 99.5])', 'x has 3 of 99.50%'],
    ['l.sum() + l.max() + l.min() + l.indexOf(2)', '12'],
    ['[1, 2, 3].isSorted() && !l.isSorted()', 'true'],
    ['sets.contains(l, [1]) && sets.intersects(l, [3, 9]) && sets.equivalent([1, 1], [1])', 'true'],
    ['quantity("1Gi").isGreaterThan(quantity("500Mi")) && quantity("1500m").add(1).compareTo(quantity("2.5")) == 0', 'true'],
    ['quantity("x")', "! quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    ['isQuantity("1Ki") && !isQuantity("1Kib")', 'true'],
    ['cidr("10.0.0.0/8").containsIP("10.2.3.4") && !cidr("10.0.0.0/8").containsCIDR("0.0.0.0/0")', 'true'],
    ['string(cidr("10.1.2.3/16").masked())', '10.1.0.0/16'],
    ['ip("fe80::1").isLinkLocalUnicast() && ip("::1").isLoopback() && ip("8.8.8.8").isGlobalUnicast() && !isIP("1.2.3.04")', 'true'],
    ['ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1")', 'true'],
    ['url("https://example.com:80/a%20b?k=1&k=2").getPort() + string(size(url("https://x/?k=1&k=2").getQuery()["k"]))', '802'],
    ['isURL("/path") && !isURL("no url")', 'true'],
    ['semver("1.2.0-rc.1").isLessThan(semver("1.2.0")) && semver("v1.0", true).major() == 1', 'true'],
    ['format.dns1123Label().validate("ok").hasValue()', 'false'],
  ])('%s', (source, wanted) => expect(shown(source)).toBe(wanted))
})

describe('complaints of the compiler', () => {
  const failure = (source: string) => {
    const made = compile(source, { variables })
    return 'failure' in made ? made.failure : `none: ${types.typeText(made.program.type)}`
  }
  test.each([
    ['1 + "a"', 'ERROR: <input>:1:3: found no matching overload for \'_+_\' applied to \'(int, string)\'\n | 1 + "a"\n | ..^'],
    ['nosuch.x', "ERROR: <input>:1:1: undeclared reference to 'nosuch' (in container '')\n | nosuch.x\n | ^"],
    ['object.', "ERROR: <input>:1:8: Syntax error: no viable alternative at input '.'\n | object.\n | .......^"],
    ['l.startsWith("a")', "ERROR: <input>:1:13: found no matching overload for 'startsWith' applied to 'list(int).(string)'\n | l.startsWith(\"a\")\n | ............^"],
    ['true &&\n a + "x" == 1', "ERROR: <input>:2:4: found no matching overload for '_+_' applied to '(int, string)'\n |  a + \"x\" == 1\n | ...^"],
    ['[1, "a"]', "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^"],
    ['has(l)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(l)\n | ....^'],
    ['object.spec.replicas + 1', 'none: int'],
    ['object.spec.replicas', 'none: dyn'],
    ['l.map(x, string(x))', 'none: list(string)'],
    ['{"a": [1.0]}', 'none: map(string, list(double))'],
  ])('%s', (source, wanted) => expect(failure(source)).toBe(wanted))
})

test('arithmetic, order and logic are those of whole numbers, texts and booleans', () => {
  const int = fc.bigInt({ min: -1000n, max: 1000n })
  fc.assert(
    fc.property(int, int, fc.string(), fc.string(), fc.boolean(), fc.boolean(), (a, b, s, t, p, q) => {
      const names = { a, b, s, t, p, q }
      expect(run('a + b - b == a && a * b == b * a && (a < b) == (b > a) && (a <= b || b <= a)', names)).toBe(true)
      if (b !== 0n) expect(run('a / b * b + a % b == a', names)).toBe(true)
      expect(run('(s + t).startsWith(s) && (s + t).endsWith(t) && (s + t).size() == s.size() + t.size() && (s + t).contains(t)', names)).toBe(true)
      expect(run('!(p && q) == (!p || !q) && (p ? q : !q) == (p == q)', names)).toBe(true)
      expect(run('[a, b].exists(x, x == a) && [a, b].all(x, x in [b, a]) && [a, b].filter(x, x != a).all(x, x == b)', names)).toBe(true)
      expect(run('int(string(a)) == a && s == string(bytes(s))', names)).toBe(true)
    }),
  )
})

test('no text makes the compiler or a program fall over', () => {
  const pieces = fc.constantFrom('a', 'l', 's', 'object', '.', 'x', '(', ')', '[', ']', '{', '}', ',', '1', '2.5', '"t"', '+', '-', '!', '&&', '||', '==', '<', 'in', '?', ':', 'all', 'map', 'has', 'size', ' ', 'true', 'null')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (words) => {
      const made = compile(words.join(''), { variables })
      if ('failure' in made) {
        expect(made.failure).toMatch(/^ERROR: <input>:\d+:\d+: /)
        return
      }
      try {
        made.program.run(standing)
      } catch (error) {
        expect(error).toBeInstanceOf(CelError)
      }
      expect(made.program.cost).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 2000 },
  )
})

test('sets and maps of a schema are equal in any order; lists are not', () => {
  const list = (type: string | string[] | undefined, items: Value[]) => {
    if (type !== undefined) listKeys.set(items, type as 'set')
    return items
  }
  expect(equals(list(undefined, [1n, 2n]), [2n, 1n])).toBe(false)
  expect(equals(list('set', [1n, 2n]), [2n, 1n])).toBe(true)
  const items = () => [fromJson({ name: 'a', v: 1 }), fromJson({ name: 'b', v: 2 })]
  expect(equals(list(['name'], items()), items().reverse())).toBe(true)
  expect(equals(new Bytes(Uint8Array.of(1)), new Bytes(Uint8Array.of(1)))).toBe(true)
})

test('names and types of properties', () => {
  expect(['ok', 'a-b', 'a.b/c', '__x', 'namespace', '1a', 'in'].map(escapeName)).toEqual(['ok', 'a__dash__b', 'a__dot__b__slash__c', '__underscores__x', '__namespace__', undefined, '__in__'])
  const type = schemaType({ type: 'object', properties: { n: { type: 'integer' }, l: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10 } }, any: { 'x-kubernetes-preserve-unknown-fields': true } } }, true)!
  expect([...type.fields!].map(([name, t]) => `${name} ${types.formatType(t)} ${t.max ?? ''}`.trim())).toEqual(['apiVersion string 3145726', 'kind string 3145726', 'metadata object', 'n int', 'l list(string) 5'])
})
