/** The interpreter proper: lists, and-or chains, pipelines and compound commands (execute_cmd.c). */
import { matchesPattern } from '#base/glob.ts'
import type { Child, OpenFile } from '#engine/machine/process.ts'
import { BreakLoop, Discard, ExitShell } from '../state.ts'
import type { Shell } from '../state.ts'
import type { AndOr, Command, List, Pipeline } from '../parser/ast.ts'
import { isName } from '../parser/parser.ts'
import { getScalar, setScalar } from '../expand/variables.ts'
import { arithmeticOrStatus, expandPattern, expandString, expandWords, fail } from '../expand/word.ts'
import { jobText } from '../print/command.ts'
import { condTrace, evaluateCond } from './cond.ts'
import { runCoproc } from './coproc.ts'
import { timeReport } from './timing.ts'
import { defineFunction } from './function.ts'
import { announceJob, notifyJobs, waitForeground } from './foreground.ts'
import { applyRedirects, RedirectFailed, undoRedirects } from './redirect.ts'
import type { Undo } from './redirect.ts'
import { runSimple, trace } from './simple.ts'
import { subshellOf } from './subshell.ts'
import { runPendingTraps, runTrap } from './traps.ts'
import { runSelect } from './select.ts'
import { spawn } from './spawn.ts'

export async function executeList(sh: Shell, list: List): Promise<number> {
  let status = 0
  for (const item of list.items) {
    status = item.background ? await startBackground(sh, item.command) : await executeAndOr(sh, item.command, false)
    if (!sh.interactive && sh.monitor) await notifyJobs(sh)
  }
  return status
}

async function executeAndOr(sh: Shell, andor: AndOr, last: boolean): Promise<number> {
  if (andor.rest.length === 0) return executePipeline(sh, andor.first, last)
  sh.lenient++
  let status: number
  try {
    status = await executePipeline(sh, andor.first, false)
    for (const [i, { op, pipeline }] of andor.rest.entries()) {
      if ((op === '&&') !== (status === 0)) continue
      const final = i === andor.rest.length - 1
      if (final) sh.lenient--
      try {
        status = await executePipeline(sh, pipeline, false)
      } finally {
        if (final) sh.lenient++
      }
    }
  } finally {
    sh.lenient--
  }
  return status
}

async function executePipeline(sh: Shell, p: Pipeline, last: boolean): Promise<number> {
  if (p.timed) return timed(sh, p)
  let status: number
  if (p.commands.length === 0) status = 0
  else if (p.commands.length === 1) {
    const command = p.commands[0]!
    if (p.negated) sh.lenient++
    try {
      status = await executeCommand(sh, command, last)
    } finally {
      if (p.negated) sh.lenient--
    }
    if (!['if', 'for', 'while', 'until', 'case', 'group', 'cfor', 'select'].includes(command.kind)) sh.pipestatus = [status]
  } else {
    if (p.negated) sh.lenient++
    try {
      status = await runPipe(sh, p)
    } finally {
      if (p.negated) sh.lenient--
    }
  }
  if (p.negated) status = status === 0 ? 1 : 0
  sh.status = status
  if (sh.pendingTraps.length > 0 || sh.traps.size > 0) await runPendingTraps(sh)
  if (status !== 0 && sh.lenient === 0 && !p.negated && (p.commands.length > 1 || ['simple', 'subshell', 'arith', 'cond'].includes(p.commands[0]?.kind ?? ''))) {
    const err = sh.traps.get('ERR')
    if (err && (sh.frames.every((f) => !f.isFunction) || sh.option('errtrace')) && sh.inTrap === 0) await runTrap(sh, 'ERR', err)
    if (sh.option('errexit')) throw new ExitShell(status)
  }
  return status
}

async function timed(sh: Shell, p: Pipeline): Promise<number> {
  const started = sh.process.now()
  const status = await executePipeline(sh, { ...p, timed: '' }, false)
  const real = sh.process.now() - started
  const report = await timeReport(sh, Math.floor(real), p.timed === 'time -p')
  if (report !== undefined) await sh.write(2, report)
  sh.status = status
  return status
}

/** Starts the members of a pipeline, each in its own process. */
function startPipe(sh: Shell, p: Pipeline, background: boolean): Child[] {
  const children: Child[] = []
  let input: OpenFile | undefined
  p.commands.forEach((command, i) => {
    const pipe = i < p.commands.length - 1 ? sh.process.pipe() : undefined
    const fds: Record<number, OpenFile> = {}
    if (input) fds[0] = input
    if (pipe) {
      fds[1] = pipe.write
      if (p.errToo[i]) fds[2] = pipe.write
    }
    const join = sh.monitor ? (children.length === 0 ? { newGroup: true } : { group: children[0]!.group }) : {}
    const noInput = background && !sh.monitor && i === 0 ? sh.process.open('/dev/null', { read: true }) : undefined
    if (noInput && !input) fds[0] = noInput
    children.push(
      spawn(sh, {
        argv: [sh.name],
        fds,
        ...join,
        program: subshellOf(sh, async (sub, process) => {
          if (command.kind === 'simple') sub.subshellDepth--
          if (background && !sh.monitor) for (const s of ['SIGINT', 'SIGQUIT'] as const) process.onSignal(s, 'ignore')
          return executeCommand(sub, command, true)
        }),
      }),
    )
    noInput?.release()
    input?.release()
    pipe?.write.release()
    input = pipe?.read
  })
  return children
}

async function runPipe(sh: Shell, p: Pipeline): Promise<number> {
  if (sh.shopt('lastpipe') && !sh.monitor) return lastPipe(sh, p)
  const children = startPipe(sh, p, false)
  const status = await waitForeground(sh, children, jobText(p))
  return pipeResult(sh, children.map((c) => c.status?.code ?? 0), status)
}

/** `shopt -s lastpipe`: the last member runs in this shell. */
async function lastPipe(sh: Shell, p: Pipeline): Promise<number> {
  const head: Pipeline = { ...p, commands: p.commands.slice(0, -1) }
  const { read, write } = sh.process.pipe()
  const out = sh.process.fds.get(1)
  sh.process.fds.set(1, write)
  const children = startPipe(sh, head, false)
  if (out) sh.process.fds.set(1, out)
  write.release()
  const input = sh.process.fds.get(0)
  sh.process.fds.set(0, read)
  let status: number
  try {
    status = await executeCommand(sh, p.commands.at(-1)!, false)
  } finally {
    if (input) sh.process.fds.set(0, input)
    else sh.process.fds.delete(0)
    read.release()
  }
  await waitForeground(sh, children, jobText(head))
  return pipeResult(sh, [...children.map((c) => c.status?.code ?? 0), status], status)
}

function pipeResult(sh: Shell, codes: number[], status: number): number {
  sh.pipestatus = codes
  if (!sh.option('pipefail')) return status
  return codes.findLast((c) => c !== 0) ?? 0
}

async function startBackground(sh: Shell, andor: AndOr): Promise<number> {
  let children: Child[]
  if (andor.rest.length === 0 && !andor.first.negated && !andor.first.timed) children = startPipe(sh, andor.first, true)
  else {
    const input = sh.monitor ? undefined : sh.process.open('/dev/null', { read: true })
    children = [
      spawn(sh, {
        argv: [sh.name],
        ...(sh.monitor ? { newGroup: true } : {}),
        ...(input ? { fds: { 0: input } } : {}),
        program: subshellOf(sh, (sub) => executeAndOr(sub, andor, true)),
      }),
    ]
    input?.release()
  }
  sh.lastBackground = children.at(-1)!.pid
  if (sh.jobs.inherited) {
    sh.jobs.jobs.splice(0)
    sh.jobs.inherited = false
  }
  const job = sh.jobs.add(children, jobText(andor), true, !sh.interactive)
  await announceJob(sh, job)
  sh.status = 0
  sh.pipestatus = [0]
  return 0
}

const headers: Partial<Record<Command['kind'], true>> = { if: true, while: true, until: true, for: true, case: true, group: true, cfor: true, select: true, arith: true, cond: true }

export async function executeCommand(sh: Shell, command: Command, last: boolean): Promise<number> {
  await sh.tick()
  if (sh.pendingTraps.length > 0) await runPendingTraps(sh)
  if (sh.option('noexec') && !sh.interactive) return 0
  if (command.kind === 'simple') {
    if (sh.inTrap === 0) sh.command = command
    const debug = sh.traps.get('DEBUG')
    if (debug && sh.inTrap === 0) {
      sh.line = command.line
      await runTrap(sh, 'DEBUG', debug)
    }
    return (sh.status = await runSimple(sh, command, last))
  }
  if (command.kind === 'subshell') return (sh.status = await subshell(sh, command))
  if (command.redirects.length === 0) return (sh.status = await compound(sh, command))
  if (headers[command.kind]) sh.line = command.line
  let undo: Undo[]
  try {
    undo = await applyRedirects(sh, command.redirects)
  } catch (error) {
    if (error instanceof RedirectFailed) return (sh.status = 1)
    throw error
  }
  try {
    return (sh.status = await compound(sh, command))
  } finally {
    undoRedirects(undo)
  }
}

async function subshell(sh: Shell, command: Command & { kind: 'subshell' | 'group' }): Promise<number> {
  sh.line = command.line
  let undo: Undo[]
  try {
    undo = await applyRedirects(sh, command.redirects)
  } catch (error) {
    if (error instanceof RedirectFailed) return 1
    throw error
  }
  let child: Child
  try {
    child = spawn(sh, {
      argv: [sh.name],
      ...(sh.monitor ? { newGroup: true } : {}),
      program: subshellOf(sh, (sub) => executeList(sub, command.body)),
    })
  } finally {
    undoRedirects(undo)
  }
  return waitForeground(sh, [child], jobText({ kind: 'pipeline', commands: [command], negated: false, timed: '', errToo: [false] }))
}

async function condition(sh: Shell, list: List): Promise<boolean> {
  sh.lenient++
  try {
    return (await executeList(sh, list)) === 0
  } finally {
    sh.lenient--
  }
}

/** Runs a loop body; true when the loop shall end. */
async function body(sh: Shell, list: List, result: { status: number }): Promise<boolean> {
  sh.loops++
  try {
    result.status = await executeList(sh, list)
    return false
  } catch (error) {
    if (!(error instanceof BreakLoop)) throw error
    result.status = error.status
    if (error.count > 1) {
      error.count--
      throw error
    }
    return !error.again
  } finally {
    sh.loops--
  }
}

async function compound(sh: Shell, command: Command): Promise<number> {
  switch (command.kind) {
    case 'group':
      return executeList(sh, command.body)
    case 'if':
      for (const branch of command.branches) if (await condition(sh, branch.test)) return executeList(sh, branch.body)
      return command.otherwise ? executeList(sh, command.otherwise) : 0
    case 'while':
    case 'until': {
      const result = { status: 0 }
      for (;;) {
        await sh.tick()
        sh.loops++
        let test: boolean
        try {
          test = await condition(sh, command.test)
        } catch (error) {
          if (!(error instanceof BreakLoop)) throw error
          if (error.count > 1) {
            error.count--
            throw error
          }
          if (error.again) continue
          break
        } finally {
          sh.loops--
        }
        if (test === (command.kind === 'until')) break
        if (await body(sh, command.body, result)) break
      }
      return result.status
    }
    case 'for': {
      if (!isName(command.name)) {
        sh.line = command.line
        await sh.complain(`\`${command.name}': not a valid identifier`)
        if (sh.posix && !sh.interactive) throw new ExitShell(1)
        return 1
      }
      sh.line = command.line
      const words = command.words ? await expandWords(sh, command.words) : [...sh.params]
      const result = { status: 0 }
      for (const word of words) {
        await sh.tick()
        sh.line = command.line
        if (sh.option('xtrace')) await trace(sh, `for ${command.name} in ${command.words ? command.words.map((w) => w.text).join(' ') : '"$@"'}`)
        try {
          setScalar(sh, command.name, word)
        } catch (error) {
          await fail(sh, error)
        }
        if (await body(sh, command.body, result)) break
      }
      return result.status
    }
    case 'select':
      return runSelect(sh, command, (result) => body(sh, command.body, result))
    case 'cfor': {
      sh.line = command.line
      const evaluate = async (text: string) => {
        if (text.trim() === '') return 1n
        sh.line = command.line
        if (sh.option('xtrace')) await trace(sh, `(( ${text.trim()} ))`)
        return arithmeticOrStatus(sh, text, command.line, '((: ')
      }
      if ((await evaluate(command.init)) === undefined) return 1
      const result = { status: 0 }
      for (;;) {
        await sh.tick()
        const test = await evaluate(command.test)
        if (test === undefined) return 1
        if (test === 0n) break
        if (await body(sh, command.body, result)) break
        if ((await evaluate(command.step)) === undefined) return 1
      }
      return result.status
    }
    case 'case': {
      sh.line = command.line
      if (sh.option('xtrace')) await trace(sh, `case ${command.subject.text} in`)
      const subject = await expandString(sh, command.subject)
      const options = { extglob: sh.shopt('extglob'), ignoreCase: sh.shopt('nocasematch') }
      let status = 0
      for (let i = 0; i < command.clauses.length; i++) {
        const clause = command.clauses[i]!
        let hit = false
        for (const pattern of clause.patterns) {
          if (matchesPattern(subject, await expandPattern(sh, pattern), options)) {
            hit = true
            break
          }
        }
        if (!hit) continue
        status = clause.body ? await executeList(sh, clause.body) : 0
        let at = i
        while (command.clauses[at]!.end === ';&' && at + 1 < command.clauses.length) {
          at++
          const next = command.clauses[at]!
          status = next.body ? await executeList(sh, next.body) : 0
        }
        if (command.clauses[at]!.end !== ';;&') return status
        i = at
      }
      return status
    }
    case 'function':
      return defineFunction(sh, command)
    case 'coproc':
      return runCoproc(sh, command)
    case 'arith': {
      sh.line = command.line
      if (sh.option('xtrace')) await trace(sh, `(( ${command.text} ))`)
      const value = await arithmeticOrStatus(sh, command.text, command.line, '((: ')
      return value === undefined || value === 0n ? 1 : 0
    }
    case 'cond': {
      sh.line = command.line
      const trail: string[] = []
      const result = await evaluateCond(sh, command.test, trail)
      if (sh.option('xtrace')) for (const t of trail) await trace(sh, condTrace(t))
      return result
    }
    default:
      throw new Discard(1, false)
  }
}

export function homeOf(sh: Shell): string {
  return getScalar(sh, 'HOME') ?? '/'
}
