/**
 * The rooms hold: every import follows build/rooms.ts, nothing imports in a circle, the pure rooms read no clock and throw no dice of the
 * machine, and no file outgrows what one can read.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { roomOf, rooms, type Room } from '../../build/rooms.ts'

const root = join(import.meta.dirname, '../..')

function filesBelow(folder: string): string[] {
  const found: string[] = []
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`
    if (statSync(join(root, path)).isDirectory()) found.push(...filesBelow(path))
    else if (/\.(ts|svelte)$/.test(name) && !name.endsWith('.d.ts')) found.push(path)
  }
  return found
}

interface Import {
  readonly from: string
  /** A path below the root, or a package. */
  readonly to: string
  readonly local: boolean
  readonly typeOnly: boolean
}

function importsOf(path: string): Import[] {
  const text = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const found: Import[] = []
  const pattern = /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
  for (const match of text.matchAll(pattern)) {
    const target = (match[3] ?? match[4])!.replace(/\?.*$/, '')
    if (match[1] === 'export' && !/\sfrom\s/.test(match[0])) continue
    const local = target.startsWith('.') || target.startsWith('#')
    const to = target.startsWith('#') ? `src/${target.slice(1)}` : target.startsWith('.') ? relative(root, normalize(join(root, dirname(path), target))) : target
    found.push({ from: path, to, local, typeOnly: match[2] !== undefined })
  }
  return found
}

const sources = [...filesBelow('src'), ...filesBelow('electron')]
const isTest = (path: string) => path.endsWith('.test.ts')
const code = sources.filter((p) => !isTest(p))

function packageOf(specifier: string): string {
  return specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!
}

function mayImport(room: Room, item: Import): boolean {
  if (item.local) {
    const target = roomOf(item.to)
    return target === room || (target !== undefined && room.imports.includes(target.folder))
  }
  if (item.to.startsWith('node:')) return room.world === 'node'
  return room.packages.includes(packageOf(item.to))
}

test('every file is in a room', () => {
  expect(code.filter((p) => roomOf(p) === undefined)).toEqual([])
})

test('every import follows the table', () => {
  const wrong = code.flatMap((path) => {
    const room = roomOf(path)
    return room ? importsOf(path).filter((i) => !mayImport(room, i)).map((i) => `${i.from} imports ${i.to}`) : []
  })
  expect(wrong).toEqual([])
})

test('the table itself has no circle', () => {
  const byFolder = new Map(rooms.map((r) => [r.folder, r]))
  const reach = (folder: string, seen: Set<string>): Set<string> => {
    for (const next of byFolder.get(folder)?.imports ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      reach(next, seen)
    }
    return seen
  }
  expect(rooms.filter((r) => reach(r.folder, new Set()).has(r.folder)).map((r) => r.folder)).toEqual([])
})

test('no file imports itself by a detour', () => {
  const edges = new Map(code.map((p) => [p, importsOf(p).filter((i) => i.local && !i.typeOnly).map((i) => i.to)]))
  const state = new Map<string, 'open' | 'done'>()
  const circles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      return
    }
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of code) visit(path, [])
  expect(circles).toEqual([])
})

test('pure rooms read neither clock nor dice of the machine', () => {
  const forbidden = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.now\b|\bcrypto\.(?:randomUUID|getRandomValues)\b/
  const wrong = code.filter((p) => roomOf(p)?.world === 'pure').filter((p) => forbidden.test(readFileSync(join(root, p), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')))
  expect(wrong).toEqual([])
})

/** Variables of a module that two sittings in one thread may share: file → why that tells neither of them anything. */
const sharedVariables: Readonly<Record<string, string>> = {
  'src/engine/kinds/all.ts': 'the kinds, made once, the same for all',
  'src/engine/net/netfilter/command.ts': 'a number that only tells one walk from the next',
}

test('pure rooms keep nothing that changes in a module', () => {
  const found = code.filter((p) => roomOf(p)?.world === 'pure').filter((p) => /^(?:export )?(?:let|var) /m.test(readFileSync(join(root, p), 'utf8')))
  expect(found).toEqual(Object.keys(sharedVariables))
})

test('the synchronous rooms are synchronous', () => {
  const rooms = ['src/engine/sim', 'src/engine/net', 'src/engine/api', 'src/engine/kinds', 'src/engine/control']
  const allowed = new Set(['src/engine/sim/runner.ts'])
  const wrong = code.filter((p) => rooms.includes(roomOf(p)?.folder ?? '') && !allowed.has(p)).filter((p) => /\basync\b|\bawait\b/.test(readFileSync(join(root, p), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, '')))
  expect(wrong).toEqual([])
})

test('no file is longer than 800 lines', () => {
  const long = code.filter((p) => !p.includes('/generated/')).map((p) => [p, readFileSync(join(root, p), 'utf8').split('\n').length] as const).filter(([, n]) => n > 800)
  expect(long).toEqual([])
})

/** Switches that may be longer: file → why no table would read better. */
const longSwitches: Readonly<Record<string, string>> = {}

test('no switch over more than a dozen names', () => {
  const long = new Map<string, number>()
  for (const path of code.filter((p) => !p.includes('/generated/'))) {
    const text = readFileSync(join(root, path), 'utf8')
    // A component's scripts are looked at alone, in their places, so that lines stay what they are.
    const script = path.endsWith('.svelte') ? text.replace(/(?:^|<\/script>)[\s\S]*?(?:<script[^>]*>|$)/g, (outside) => outside.replace(/[^\n]/g, '')) : text
    if (!script.includes('switch')) continue
    const source = ts.createSourceFile(path, script, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
    const visit = (node: ts.Node): void => {
      if (ts.isSwitchStatement(node)) {
        const names = node.caseBlock.clauses.filter(ts.isCaseClause).length
        if (names > 12) long.set(`${path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`, names)
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  const files = new Set([...long.keys()].map((place) => place.slice(0, place.lastIndexOf(':'))))
  expect([...long].filter(([place]) => !(place.slice(0, place.lastIndexOf(':')) in longSwitches))).toEqual([])
  expect(Object.keys(longSwitches).filter((path) => !files.has(path))).toEqual([])
})

test('no function compares one value with more than a dozen names', () => {
  const long: string[] = []
  for (const path of code.filter((p) => p.endsWith('.ts') && !p.includes('/generated/'))) {
    const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
    const visit = (node: ts.Node, names: Map<string, Set<string>> | undefined): void => {
      let inner = names
      if (ts.isFunctionLike(node)) inner = new Map()
      if (inner && ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken && ts.isStringLiteral(node.right)) {
        const compared = node.left.getText()
        inner.set(compared, (inner.get(compared) ?? new Set()).add(node.right.text))
      }
      ts.forEachChild(node, (child) => visit(child, inner))
      if (inner !== names) for (const [compared, set] of inner!) if (set.size > 12) long.push(`${path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1} compares ${compared} with ${set.size} names`)
    }
    visit(source, undefined)
  }
  expect(long).toEqual([])
})

test('names say what things are', () => {
  expect(code.filter((p) => !p.endsWith('.svelte') && !/^[a-z0-9]+(?:[-.][a-z0-9]+)*\.ts$/.test(p.slice(p.lastIndexOf('/') + 1)))).toEqual([])
  // kube-controller-manager is a name of the field.
  const words = /\b(?:class|interface|function|const)\s+(?!\w*[cC]ontrollerManager\b)\w*(?:Manager|Helper|Util)s?\b/
  expect(code.filter((p) => words.test(readFileSync(join(root, p), 'utf8')))).toEqual([])
})
