import { expect, test } from 'vitest'
import fc from 'fast-check'
import { alignTabs, TableWriter, textWidth } from '#base/text-table.ts'

test('cells that end in a tab become columns; the last cell takes no part', () => {
  expect(alignTabs('NAME\tREADY\tAGE\nweb\t1/1\t5s\nlonger-name\t0/1\t10m\n', { minWidth: 6, padding: 3 })).toBe('NAME          READY   AGE\nweb           1/1     5s\nlonger-name   0/1     10m\n')
})
test('a column ends where a line lacks it', () => {
  expect(alignTabs('Name:\tx\nNamespace:\ty\nContainers:\n  a:\n    Image:\tz\n', { padding: 2 })).toBe('Name:       x\nNamespace:  y\nContainers:\n  a:\n    Image:  z\n')
})
test('a lone cell is as wide as it is', () => {
  expect(alignTabs('\tb\n', { padding: 2 })).toBe('  b\n')
  expect(textWidth('é€😀')).toBe(3)
})
test('a table in parts never shrinks its columns', () => {
  const writer = new TableWriter()
  expect(writer.format([['NAME', 'STATUS', 'AGE'], ['web', 'Pending', '0s']])).toBe('NAME   STATUS    AGE\nweb    Pending   0s\n')
  expect(writer.format([['web', 'ContainerCreating', '0s']])).toBe('web    ContainerCreating   0s\n')
  expect(writer.format([['web', 'Running', '4s']])).toBe('web    Running             4s\n')
})
test('aligning changes nothing but blanks', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.'), maxLength: 6 })
  fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (rows) => {
    const text = rows.map((r) => r.join('\t')).join('\n')
    expect(alignTabs(text, { padding: 1 }).replaceAll(' ', '')).toBe(text.replaceAll('\t', ''))
  }))
})
