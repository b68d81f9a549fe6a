/** How each kind of awk statement is executed. */
import type { Stmt } from './parse.ts'
import type { Awk } from './run.ts'
import { Break, Continue, Exit, Input, Next, NextFile, Return } from './values.ts'

export type Executor<K extends Stmt['k']> = (awk: Awk, s: Stmt & { readonly k: K }) => Promise<void>

export const statements: { readonly [K in Stmt['k']]: Executor<K> } = {
  block: async (awk, s) => {
    for (const x of s.body) await awk.exec(x)
  },
  expr: async (awk, s) => {
    await awk.eval(s.e)
  },
  print: async (awk, s) => awk.printStatement(s),
  if: async (awk, s) => {
    if (awk.truth(await awk.eval(s.test))) await awk.exec(s.yes)
    else if (s.no) await awk.exec(s.no)
  },
  while: async (awk, s) => {
    while (awk.truth(await awk.eval(s.test))) if (await awk.loopBody(s.body)) break
  },
  do: async (awk, s) => {
    do {
      if (await awk.loopBody(s.body)) break
    } while (awk.truth(await awk.eval(s.test)))
  },
  for: async (awk, s) => {
    if (s.init) await awk.exec(s.init)
    while (!s.test || awk.truth(await awk.eval(s.test))) {
      if (await awk.loopBody(s.body)) break
      if (s.step) await awk.exec(s.step)
    }
  },
  forin: async (awk, s) => {
    const array = awk.array(s.array)
    for (const key of order([...array.keys()])) {
      if (!array.has(key)) continue
      awk.setVar(s.variable, new Input(key))
      if (await awk.loopBody(s.body)) break
    }
  },
  next: async () => {
    throw new Next()
  },
  nextfile: async () => {
    throw new NextFile()
  },
  break: async () => {
    throw new Break()
  },
  continue: async () => {
    throw new Continue()
  },
  exit: async (awk, s) => {
    if (s.value) awk.exitCode = awk.num(await awk.eval(s.value)) & 255
    throw new Exit()
  },
  return: async (awk, s) => {
    throw new Return(s.value ? await awk.eval(s.value) : undefined)
  },
  delete: async (awk, s) => {
    if (s.subs) awk.array(s.name).delete(await awk.key(s.subs))
    else awk.array(s.name).clear()
  },
}

/** The order of `for (k in a)`: as numbers where all are, else as they came. */
function order(keys: string[]): string[] {
  if (keys.every((k) => /^-?\d+$/.test(k))) return keys.sort((a, b) => Number(a) - Number(b))
  return keys
}
