import { expect, test } from 'vitest'
import { parseColumns, printColumns } from '#programs/kubectl/print/custom-columns.ts'
import { GoTemplate } from '#programs/kubectl/print/go-template.ts'
import { goJson, goQuote, goSyntax, goValue } from '#programs/kubectl/print/json.ts'
import { JsonPath, relaxedPath } from '#programs/kubectl/print/jsonpath.ts'
import { emitKyaml } from '#programs/kubectl/print/kyaml.ts'

const list = { kind: 'List', items: [
  { metadata: { name: 'hall', labels: { floor: '1', 'a.b/c': 'x' } }, spec: { containers: [{ name: 'lamp', image: 'nginx', ports: [{ containerPort: 80 }] }, { name: 'sensor', image: 'busybox' }] } },
  { metadata: { name: 'tower', labels: { floor: '2' } }, spec: { containers: [{ name: 'bell', image: 'httpd' }] } },
] }
const path = (template: string) => new JsonPath(template, { allowMissingKeys: true }).execute(list)

test('jsonpath as kubectl has it', () => {
  expect(path('{.items[*].metadata.name}')).toBe('hall tower')
  expect(path('{range .items[*]}{.metadata.name}{"\\t"}{.spec.containers[0].image}{"\\n"}{end}')).toBe('hall\tnginx\ntower\thttpd\n')
  expect(path('{.items[?(@.metadata.labels.floor=="2")].metadata.name}')).toBe('tower')
  expect(path("{.items[0].metadata.labels.a\\.b/c} {.items[0].metadata.labels['floor']}")).toBe('x 1')
  expect(path('{..image}')).toBe('nginx busybox httpd')
  expect(path('{.items[-1:].metadata.name}{.items[0].nothing}')).toBe('tower')
  expect(path("{.items[*]['metadata.name', 'metadata.labels.floor']}")).toBe('hall tower 1 2')
  expect(path('{.items[0].spec.containers[0].ports}')).toBe('[{"containerPort":80}]')
  expect(path('{range .items[*]}{.metadata.name}{end}!')).toBe('halltower!')
})
test('jsonpath mistakes', () => {
  expect(() => path('{.items[}')).toThrow('unterminated array')
  expect(() => path('{.items[5]}')).toThrow('array index out of bounds: index 5, length 2')
  expect(() => path('{hello}')).toThrow('unrecognized identifier hello')
  expect(() => new JsonPath('{.a}').execute({})).toThrow('a is not found')
  expect(['x.y', '.x', '{x}', '{.x.y}'].map(relaxedPath)).toEqual(['{.x.y}', '{.x}', '{.x}', '{.x.y}'])
})
test('custom columns', () => {
  expect(printColumns(parseColumns('NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.x'), list.items, false)).toBe('NAME    IMAGES          NONE\nhall    nginx,busybox   <none>\ntower   httpd           <none>\n')
  expect(() => parseColumns('NAME')).toThrow('unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>')
})
test('Go templates', () => {
  const run = (text: string) => new GoTemplate(text).execute(list)
  expect(run('{{range .items}}{{.metadata.name}}={{len .spec.containers}} {{end}}')).toBe('hall=2 tower=1 ')
  expect(run('{{range $i, $e := .items}}{{if $i}}, {{end}}{{$e.metadata.name}}{{end}}')).toBe('hall, tower')
  expect(run('{{with index .items 0}}{{index .metadata.labels "a.b/c"}}{{else}}no{{end}} {{.nothing}} {{printf "%s-%d" .kind 3}} {{"aGk=" | base64decode}}')).toBe('x <no value> List-3 hi')
  expect(run('a {{- /* gone */ -}} b {{if and (eq .kind "List") (gt (len .items) 1)}}many{{else}}few{{end}}')).toBe('ab many')
  expect(() => new GoTemplate('{{nosuch}}')).toThrow('function "nosuch" not defined')
})
test('Go values', () => {
  expect(goJson({ b: '<a & b>', a: [1, {}] })).toBe('{"a":[1,{}],"b":"\\u003ca \\u0026 b\\u003e"}')
  expect(goJson({ a: [] }, '    ')).toBe('{\n    "a": []\n}')
  expect([goValue({ b: [1, 'x'], a: null }), goSyntax({ a: ['x', 1] }), goQuote('tab\t"q"')]).toEqual(['map[a:<nil> b:[1 x]]', 'map[string]interface {}{"a":[]interface {}{"x", 1}}', '"tab\\t\\"q\\""'])
  expect(emitKyaml({ a: { b: ['x'] }, c: [{ d: 1 }] })).toBe('{\n  a: {\n    b: [\n      "x",\n    ],\n  },\n  c: [{\n    d: 1,\n  }],\n}\n')
})
