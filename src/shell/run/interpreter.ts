/** The interpreter of a shell, put together. */
import { expandParam } from '../expand/param.ts'
import type { Interpreter } from '../interpreter.ts'
import { executeCommand, executeList } from './execute.ts'
import { substituteCommand, substituteProcess } from './substitution.ts'

export const interpreter: Interpreter = { executeList, executeCommand, expandParam, substituteCommand, substituteProcess }
