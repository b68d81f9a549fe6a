/** Runs awk programs: values (numbers, strings, and input that looks numeric), fields, arrays, input and output streams, built-ins. */
import { posixRegex, RegexError } from '#base/regex.ts'
import type { Regex } from '#base/regex.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Child, OpenFile, Process } from '#engine/machine/process.ts'
import { compareBytes, Fatal, nameOf, Out } from '../common.ts'
import { expressions, type Evaluator } from './expressions.ts'
import { sprintf } from './functions.ts'
import { AwkError, awkEscapes } from './parse.ts'
import type { Expr, Func, Program, Stmt } from './parse.ts'
import { statements, type Executor } from './statements.ts'
import { Break, Continue, Exit, Input, Next, NextFile, Return, type AwkArray, type Value } from './values.ts'

const numberPattern = /^[ \t\n\r]*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|0[xX][0-9a-fA-F]+)[ \t\n\r]*$/

/** An input being read: what was read and not used yet begins at `at` of `rest`. */
interface Source {
  readonly file: OpenFile
  rest: string
  at: number
  ended: boolean
}

export class Awk {
  readonly process: Process
  readonly program: Program
  readonly globals = new Map<string, Value | AwkArray>()
  locals: Map<string, Value | AwkArray> | undefined
  record = ''
  fields: (string | Value)[] = []
  split = true
  rebuilt = true
  nf = 0
  nr = 0
  fnr = 0
  readonly out: Out
  readonly outputs = new Map<string, { file: OpenFile; out: Out; child: Child | undefined }>()
  readonly inputs = new Map<string, Source & { child: Child | undefined }>()
  exitCode = 0
  seed = 0
  random = 42
  #steps = 0
  readonly #args: string[]
  #current: Source | undefined
  #started = false

  constructor(process: Process, program: Program, args: readonly string[]) {
    this.process = process
    this.program = program
    this.#args = [...args]
    this.out = new Out(process.stdout)
    this.out.lineBuffered = process.stdout.tty !== undefined
    for (const [name, value] of Object.entries({ FS: ' ', OFS: ' ', ORS: '\n', RS: '\n', SUBSEP: '\x1c', CONVFMT: '%.6g', OFMT: '%.6g', FILENAME: '' })) this.globals.set(name, value)
    this.globals.set('RSTART', 0)
    this.globals.set('RLENGTH', -1)
    const argv: AwkArray = new Map([['0', 'awk'], ...args.map((a, i): [string, Value] => [String(i + 1), new Input(a)])])
    this.globals.set('ARGV', argv)
    this.globals.set('ARGC', args.length + 1)
    this.globals.set('ENVIRON', new Map([...process.env].map(([k, v]): [string, Value] => [k, new Input(v)])))
    this.random = 0.2384 * 1e9
  }

  // Values

  num(v: Value): number {
    if (typeof v === 'number') return v
    if (v === undefined) return 0
    const text = typeof v === 'string' ? v : v.text
    const m = /^[ \t\n\r]*([-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))/.exec(text)
    return m ? Number(m[1]!.replace(/^\+/, '').replace(/^-0x/i, '-0x')) || parse(m[1]!) : 0
  }

  str(v: Value, format?: string): string {
    if (typeof v === 'string') return v
    if (v === undefined) return ''
    if (typeof v !== 'number') return v.text
    // mawk prints as integers what fits its int.
    if (Number.isInteger(v) && Math.abs(v) <= 2147483647) return String(v === 0 ? 0 : v)
    if (!Number.isFinite(v)) return Number.isNaN(v) ? '-nan' : v > 0 ? 'inf' : '-inf'
    return sprintf(this, format ?? this.str(this.globals.get('CONVFMT') as Value), [v])
  }

  truth(v: Value): boolean {
    if (typeof v === 'number') return v !== 0
    if (v === undefined) return false
    if (typeof v === 'string') return v !== ''
    return numberPattern.test(v.text) ? this.num(v) !== 0 : v.text !== ''
  }

  compare(a: Value, b: Value): number {
    const numeric = (v: Value) => typeof v === 'number' || v === undefined || (typeof v === 'object' && numberPattern.test(v.text))
    if (numeric(a) && numeric(b)) {
      const x = this.num(a)
      const y = this.num(b)
      return x < y ? -1 : x > y ? 1 : 0
    }
    return compareBytes(this.str(a), this.str(b))
  }

  // Variables

  scope(name: string): Map<string, Value | AwkArray> {
    return this.locals?.has(name) ? this.locals : this.globals
  }

  getVar(name: string): Value {
    switch (name) {
      case 'NF':
        this.splitRecord()
        return this.nf
      case 'NR': return this.nr
      case 'FNR': return this.fnr
    }
    const v = this.scope(name).get(name)
    if (v instanceof Map) throw new AwkError(`can't use array ${name} in scalar context`)
    return v
  }

  setVar(name: string, value: Value): void {
    switch (name) {
      case 'NF':
        this.splitRecord()
        this.nf = Math.max(0, Math.floor(this.num(value)))
        this.fields.length = Math.min(this.fields.length, this.nf)
        while (this.fields.length < this.nf) this.fields.push('')
        this.rebuilt = false
        return
      case 'NR':
        this.nr = this.num(value)
        return
      case 'FNR':
        this.fnr = this.num(value)
        return
    }
    this.scope(name).set(name, value)
  }

  array(name: string): AwkArray {
    const scope = this.scope(name)
    const v = scope.get(name)
    if (v instanceof Map) return v
    const made: AwkArray = new Map()
    scope.set(name, made)
    // A local that became an array gives it to the caller's untyped variable.
    this.#adopt(name, made)
    return made
  }

  untypedParams: { locals: Map<string, Value | AwkArray>; param: string; outer: Map<string, Value | AwkArray>; name: string }[] = []

  #adopt(name: string, made: AwkArray): void {
    const locals = this.locals
    for (let i = this.untypedParams.length - 1; i >= 0; i--) {
      const u = this.untypedParams[i]!
      if (u.locals === locals && u.param === name && u.outer.get(u.name) === undefined) {
        u.outer.set(u.name, made)
        name = u.name
      }
    }
  }

  // Fields

  splitRecord(): void {
    if (this.split) return
    this.split = true
    this.fields = this.splitText(this.record, this.str(this.globals.get('FS') as Value)).map((f) => new Input(f))
    this.nf = this.fields.length
  }

  splitText(text: string, fs: string): string[] {
    if (text === '') return []
    if (fs === ' ') return text.replace(/^[ \t\n]+|[ \t\n]+$/g, '').split(/[ \t\n]+/).filter((x, _, all) => all.length > 1 || x !== '')
    if (fs === '') return [...text]
    if (fs.length === 1) {
      const parts = text.split(fs)
      return this.str(this.globals.get('RS') as Value) === '' ? parts.flatMap((p) => p.split('\n')) : parts
    }
    const regex = this.regex(fs)
    const out: string[] = []
    let at = 0
    let from = 0
    while (at <= text.length) {
      const m = regex.exec(text, at)
      if (!m) break
      if (m.end === m.index) {
        at++
        continue
      }
      out.push(text.slice(from, m.index))
      from = m.end
      at = m.end
    }
    return [...out, text.slice(from)]
  }

  setRecord(text: string): void {
    this.record = text
    this.split = false
    this.rebuilt = true
  }

  field(n: number): Value {
    if (n < 0) throw this.failure(`negative field index $${n}`)
    if (n === 0) {
      this.rebuild()
      return new Input(this.record)
    }
    this.splitRecord()
    return this.fields[n - 1]
  }

  rebuild(): void {
    if (this.rebuilt) return
    this.record = this.fields.map((f) => this.str(f as Value)).join(this.str(this.globals.get('OFS') as Value))
    this.rebuilt = true
  }

  setField(n: number, value: Value): void {
    if (n === 0) {
      this.setRecord(this.str(value))
      return
    }
    this.splitRecord()
    while (this.fields.length < n) this.fields.push('')
    this.fields[n - 1] = typeof value === 'number' ? this.str(value) : value
    this.nf = this.fields.length
    this.rebuilt = false
  }

  regex(source: string): Regex {
    try {
      return posixRegex(source, { extended: true, awk: true })
    } catch (error) {
      if (error instanceof RegexError) throw new Fatal(`mawk: regular expression compile failed (${error.message})\n${source}`, 2)
      throw error
    }
  }

  async pattern(e: Expr): Promise<Regex> {
    return this.regex(e.k === 'regex' ? e.source : this.str(await this.eval(e)))
  }

  // Input

  /** A record from a stream, without its separator. */
  async readRecord(s: Source): Promise<string | undefined> {
    const rs = this.str(this.globals.get('RS') as Value)
    if (rs === '\n') {
      for (let from = 0; ; ) {
        const at = s.rest.indexOf('\n', Math.max(s.at, from))
        if (at >= 0) {
          const record = s.rest.slice(s.at, at)
          s.at = at + 1
          return record
        }
        s.rest = s.rest.slice(s.at)
        s.at = 0
        from = s.rest.length
        const chunk = s.ended ? undefined : await s.file.read()
        if (chunk === undefined) {
          s.ended = true
          const record = s.rest
          s.rest = ''
          return record === '' ? undefined : record
        }
        s.rest += chunk
      }
    }
    s.rest = s.rest.slice(s.at)
    s.at = 0
    const separator = rs === '' ? /\n\n+/ : rs.length === 1 ? undefined : this.regex(rs)
    for (;;) {
      if (rs === '') s.rest = s.rest.replace(/^\n+/, '')
      let at = -1
      let end = -1
      if (separator === undefined) {
        at = s.rest.indexOf(rs)
        end = at + rs.length
      } else if (separator instanceof RegExp) {
        const m = separator.exec(s.rest)
        if (m && (m.index + m[0].length < s.rest.length || s.ended)) {
          at = m.index
          end = at + m[0].length
        }
      } else {
        const m = separator.exec(s.rest, 0)
        if (m && m.end > m.index && (m.end < s.rest.length || s.ended)) {
          at = m.index
          end = m.end
        }
      }
      if (at >= 0) {
        const record = s.rest.slice(0, at)
        s.rest = s.rest.slice(end)
        return record
      }
      if (s.ended) {
        if (s.rest === '') return undefined
        const record = rs === '' || rs === '\n' || separator !== undefined ? s.rest.replace(/\n+$/, '') : s.rest
        s.rest = ''
        return record === '' && rs === '' ? undefined : record
      }
      const chunk = await s.file.read()
      if (chunk === undefined) s.ended = true
      else s.rest += chunk
    }
  }

  /** The next record of the main input. */
  async nextRecord(): Promise<string | undefined> {
    for (;;) {
      if (!this.#current && !(await this.#openNext())) return undefined
      const record = await this.readRecord(this.#current!)
      if (record !== undefined) {
        this.nr++
        this.fnr++
        return record
      }
      this.closeCurrent()
    }
  }

  closeCurrent(): void {
    if (this.#current && this.#current.file !== this.process.stdin) this.#current.file.release()
    this.#current = undefined
  }

  #at = 1
  #any = false

  async #openNext(): Promise<boolean> {
    const argv = this.globals.get('ARGV') as AwkArray
    for (;;) {
      const argc = this.num(this.globals.get('ARGC') as Value)
      if (this.#at >= argc) {
        if (this.#any || this.#started) return false
        this.#started = true
        this.#current = { file: this.process.stdin, rest: '', at: 0, ended: false }
        this.fnr = 0
        return true
      }
      const arg = this.str(argv.get(String(this.#at++)))
      if (arg === '') continue
      const m = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(arg)
      if (m) {
        this.setVar(m[1]!, new Input(awkEscapes(m[2]!)))
        continue
      }
      this.#any = true
      this.globals.set('FILENAME', arg)
      this.fnr = 0
      if (arg === '-' || arg === '/dev/stdin') {
        this.#current = { file: this.process.stdin, rest: '', at: 0, ended: false }
        return true
      }
      try {
        this.#current = { file: this.process.open(arg, { read: true }), rest: '', at: 0, ended: false }
        return true
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await this.out.flush()
        await this.process.stderr.write(`${nameOf(this.process)}: cannot open ${arg} (${error.message})\n`)
        this.exitCode = 2
        throw new Exit()
      }
    }
  }

  /** mawk's words for what goes wrong while a program runs. */
  failure(text: string): Fatal {
    return new Fatal(`mawk: run time error: ${text}\n\tFILENAME="${this.str(this.globals.get('FILENAME') as Value)}" FNR=${this.fnr} NR=${this.nr}`, 2)
  }

  // Running

  async run(): Promise<number> {
    const { rules } = this.program
    try {
      try {
        for (const r of rules) if (r.pattern === 'BEGIN') await this.exec(r.body!)
        const main = rules.filter((r) => r.pattern !== 'BEGIN' && r.pattern !== 'END')
        const ends = rules.some((r) => r.pattern === 'END')
        if (main.length > 0 || ends) {
          this.out.lineBuffered ||= false
          for (;;) {
            const record = await this.nextRecord()
            if (record === undefined) break
            this.setRecord(record)
            if (this.nr % 100 === 0) await this.process.yield()
            try {
              for (const r of main) {
                if (!(await this.selected(r))) continue
                if (r.body) await this.exec(r.body)
                else {
                  this.rebuild()
                  await this.print(this.record)
                }
              }
            } catch (error) {
              if (error instanceof NextFile) this.closeCurrent()
              else if (!(error instanceof Next)) throw error
            }
            // What is followed (a pipe that is still open) is shown as it comes.
            if (this.#current && !this.#current.file.ready && !this.#current.rest.includes('\n', this.#current.at)) await this.out.flush()
          }
        }
      } catch (error) {
        if (!(error instanceof Exit)) throw error
        if (this.exitCode === 2 && this.#any && !this.#current) {
          await this.finish()
          return this.exitCode
        }
      }
      for (const r of rules) if (r.pattern === 'END') await this.exec(r.body!)
    } catch (error) {
      if (error instanceof Return || error instanceof Next) throw new Fatal('mawk: next or return in the wrong place', 2)
      if (!(error instanceof Exit)) {
        await this.out.flush()
        throw error
      }
    }
    await this.finish()
    return this.exitCode
  }

  async finish(): Promise<void> {
    await this.out.flush()
    for (const name of [...this.outputs.keys(), ...this.inputs.keys()]) await this.close(name)
  }

  async selected(r: Program['rules'][number]): Promise<boolean> {
    if (r.pattern === undefined) return true
    if (r.to === undefined) return this.truth(await this.eval(r.pattern as Expr))
    if (!r.active) {
      if (!this.truth(await this.eval(r.pattern as Expr))) return false
      r.active = true
    }
    if (this.truth(await this.eval(r.to))) r.active = false
    return true
  }

  async print(text: string): Promise<void> {
    await this.out.put(text + this.str(this.globals.get('ORS') as Value))
  }

  async exec(s: Stmt): Promise<void> {
    if (++this.#steps % 2000 === 0) await this.process.yield()
    await (statements[s.k] as Executor<Stmt['k']>)(this, s as never)
  }

  /** True when the loop was left. */
  async loopBody(body: Stmt): Promise<boolean> {
    try {
      await this.exec(body)
      return false
    } catch (error) {
      if (error instanceof Break) return true
      if (error instanceof Continue) return false
      throw error
    }
  }

  async printStatement(s: Extract<Stmt, { k: 'print' }>): Promise<void> {
    let text: string
    if (s.format) {
      const args: Value[] = []
      for (const a of s.args) args.push(await this.eval(a))
      text = sprintf(this, this.str(args[0]), args.slice(1), 'printf')
    } else if (s.args.length === 0) {
      this.rebuild()
      text = this.record + this.str(this.globals.get('ORS') as Value)
    } else {
      const parts: string[] = []
      const ofmt = this.str(this.globals.get('OFMT') as Value)
      for (const a of s.args) parts.push(this.str(await this.eval(a), ofmt))
      text = parts.join(this.str(this.globals.get('OFS') as Value)) + this.str(this.globals.get('ORS') as Value)
    }
    if (!s.to) return this.out.put(text)
    const target = this.str(await this.eval(s.to.target))
    if (target === '/dev/stdout' || (target === '-' && s.to.op !== '|')) return this.out.put(text)
    if (target === '/dev/stderr') {
      await this.out.flush()
      await this.process.stderr.write(text)
      return
    }
    let stream = this.outputs.get(target)
    if (!stream) {
      await this.out.flush()
      if (s.to.op === '|') {
        const { read, write } = this.process.pipe()
        const child = this.process.spawn({ argv: ['sh', '-c', target], fds: { 0: read } })
        read.release()
        stream = { file: write, out: new Out(write), child }
      } else {
        try {
          const file = this.process.open(target, { write: true, create: true, ...(s.to.op === '>' ? { truncate: true } : { append: true }) })
          stream = { file, out: new Out(file), child: undefined }
        } catch (error) {
          if (!(error instanceof FsError)) throw error
          throw new Fatal(`mawk: cannot open "${target}" for output`, 2)
        }
      }
      this.outputs.set(target, stream)
    }
    await stream.out.put(text)
  }

  async close(name: string): Promise<number> {
    let code = -1
    const out = this.outputs.get(name)
    if (out) {
      this.outputs.delete(name)
      await out.out.flush()
      out.file.release()
      code = out.child ? (await out.child.wait()).code : 0
    }
    const input = this.inputs.get(name)
    if (input) {
      this.inputs.delete(name)
      input.file.release()
      code = input.child ? (await input.child.wait()).code : 0
    }
    return code
  }

  async key(subs: readonly Expr[]): Promise<string> {
    if (subs.length === 1) return this.str(await this.eval(subs[0]!))
    const parts: string[] = []
    for (const s of subs) parts.push(this.str(await this.eval(s)))
    return parts.join(this.str(this.globals.get('SUBSEP') as Value))
  }

  async assign(target: Expr, value: Value): Promise<void> {
    if (target.k === 'group') return this.assign(target.inner, value)
    if (target.k === 'var') this.setVar(target.name, value)
    else if (target.k === 'field') this.setField(Math.floor(this.num(await this.eval(target.index))), value)
    else if (target.k === 'index') this.array(target.name).set(await this.key(target.subs), value)
    else throw new AwkError('assignment to a non-variable')
  }

  eval(e: Expr): Promise<Value> {
    return (expressions[e.k] as Evaluator<Expr['k']>)(this, e as never)
  }

  arith(op: string, a: number, b: number): number {
    switch (op) {
      case '+': return a + b
      case '-': return a - b
      case '*': return a * b
      case '/':
        return a / b
      case '%':
        return a % b
      default: return a ** b
    }
  }

  async call(e: Extract<Expr, { k: 'call' }>): Promise<Value> {
    const fn: Func | undefined = this.program.functions.get(e.name)
    if (!fn) throw new Fatal(`mawk: function ${e.name} never defined`, 2)
    const locals = new Map<string, Value | AwkArray>()
    const untyped: { locals: Map<string, Value | AwkArray>; param: string; outer: Map<string, Value | AwkArray>; name: string }[] = []
    for (const [i, param] of fn.params.entries()) {
      const arg = e.args[i]
      if (!arg) locals.set(param, undefined)
      else if (arg.k === 'var' && !['NF', 'NR', 'FNR'].includes(arg.name)) {
        const scope = this.scope(arg.name)
        const v = scope.get(arg.name)
        locals.set(param, v)
        if (v === undefined) untyped.push({ locals, param, outer: scope, name: arg.name })
      } else locals.set(param, await this.eval(arg))
    }
    const outer = this.locals
    const depth = this.untypedParams.length
    this.untypedParams.push(...untyped)
    this.locals = locals
    try {
      await this.exec(fn.body)
      return undefined
    } catch (error) {
      if (error instanceof Return) return error.value
      throw error
    } finally {
      this.locals = outer
      this.untypedParams.length = depth
    }
  }

  async getline(e: Extract<Expr, { k: 'getline' }>): Promise<Value> {
    if (e.how === 'plain') {
      const record = await this.nextRecord()
      if (record === undefined) return 0
      if (e.target) await this.assign(e.target, new Input(record))
      else this.setRecord(record)
      return 1
    }
    const source = this.str(await this.eval(e.source!))
    let stream = this.inputs.get(source)
    if (!stream) {
      await this.out.flush()
      if (e.how === 'pipe') {
        const { read, write } = this.process.pipe()
        const child = this.process.spawn({ argv: ['sh', '-c', source], fds: { 1: write } })
        write.release()
        stream = { file: read, child, rest: '', at: 0, ended: false }
      } else {
        try {
          const file = source === '-' || source === '/dev/stdin' ? this.process.stdin.retain() : this.process.open(source, { read: true })
          stream = { file, child: undefined, rest: '', at: 0, ended: false }
        } catch (error) {
          if (error instanceof FsError) return -1
          throw error
        }
      }
      this.inputs.set(source, stream)
    }
    const record = await this.readRecord(stream)
    if (record === undefined) return 0
    if (e.how === 'pipe') this.nr++
    if (e.target) await this.assign(e.target, new Input(record))
    else this.setRecord(record)
    return 1
  }

}

function parse(text: string): number {
  const n = Number(text)
  return Number.isNaN(n) ? 0 : n
}
