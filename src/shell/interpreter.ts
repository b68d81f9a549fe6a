/**
 * The parts of the interpreter that need each other in a circle: commands expand words, words run commands. A shell gets them when it is
 * made (run/interpreter.ts puts them together), so that what stands lower reaches what stands higher through it.
 */
import type { Segment } from './expand/segment.ts'
import type { Command, List, Param, Part } from './parser/ast.ts'
import type { Shell } from './state.ts'

export interface Interpreter {
  executeList(sh: Shell, list: List): Promise<number>
  /** `last`: nothing of this process comes after it. */
  executeCommand(sh: Shell, command: Command, last: boolean): Promise<number>
  /** `${…}` into segments. */
  expandParam(sh: Shell, param: Param, quoted: boolean, out: Segment[]): Promise<void>
  substituteCommand(sh: Shell, part: Extract<Part, { kind: 'command' }>): Promise<string>
  substituteProcess(sh: Shell, part: Extract<Part, { kind: 'process' }>): Promise<string>
}
