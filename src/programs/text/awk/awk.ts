/** awk (mawk): options, then the program. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { Fatal, nameOf, readText, tool } from '../common.ts'
import { AwkError, awkEscapes, parseAwk } from './parse.ts'
import { Awk } from './run.ts'
import { Input } from './values.ts'

/** What mawk prints without a program. */
const usage = (name: string) => `Usage: ${name} [Options] [Program] [file ...]

Program:
    The -f option value is the name of a file containing program text.
    If no -f option is given, a "--" ends option processing; the following
    parameters are the program text.

Options:
    -f program-file  Program  text is read from file instead of from the
                     command-line.  Multiple -f options are accepted.
    -F value         sets the field separator, FS, to value.
    -v var=value     assigns value to program variable var.
    --               unambiguous end of options.

    Implementation-specific options are prefixed with "-W".  They can be
    abbreviated:

    -W version       show version information and exit.
    -W dump          show assembler-like listing of program and exit.
    -W help          show this message and exit.
    -W interactive   set unbuffered output, line-buffered input.
    -W exec file     use file as program as well as last option.
    -W random=number set initial random seed.
    -W sprintf=number adjust size of sprintf buffer.
    -W posix_space   do not consider "\\n" a space.
    -W usage         show this message and exit.
`

export const awk: Program = tool(async (process) => {
  const name = nameOf(process)
  const args = process.argv.slice(1)
  const assigns: [string, string][] = []
  let fs: string | undefined
  const sources: string[] = []
  let i = 0
  for (; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      i++
      break
    }
    if (!/^-./.test(a)) break
    if (a.startsWith('-F')) {
      fs = a.length > 2 ? a.slice(2) : args[++i]
      if (fs === undefined) throw new Fatal(`${name}: option -F lacks argument`, 2)
    }
    else if (a.startsWith('-v')) {
      const text = a.startsWith('-v') && a.length > 2 ? a.slice(2) : (args[++i] ?? '')
      const m = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text)
      if (!m) throw new Fatal(`${name}: improper assignment: -v ${text}`, 2)
      assigns.push([m[1]!, m[2]!])
    } else if (a.startsWith('-f')) {
      const path = a.length > 2 ? a.slice(2) : (args[++i] ?? '')
      try {
        sources.push(await readText(process, path))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new Fatal(`${name}: cannot open ${path} (${strerror(error.code)})`, 2)
      }
    } else if (a.startsWith('-W')) {
      const option = a.length > 2 ? a.slice(2) : (args[++i] ?? '')
      if (/^v/.test(option)) {
        await process.stdout.write('mawk 1.3.4 20200120\n')
        return 0
      }
      if (/^[hu]/.test(option)) {
        await process.stdout.write(usage(name))
        return 0
      }
      if (!/^[bdeirsp]/.test(option)) await process.stderr.write(`${name}: vacuous option: -W ${option}\n`)
    } else throw new Fatal(`${name}: not an option: ${a}`, 2)
  }
  if (sources.length === 0) {
    const text = args[i++]
    if (text === undefined) {
      await process.stderr.write(usage(name))
      return 2
    }
    sources.push(text)
  }
  try {
    const machine = new Awk(process, parseAwk(sources.join('\n')), args.slice(i))
    if (fs !== undefined) machine.globals.set('FS', fs === 't' ? 't' : awkEscapes(fs))
    for (const [variable, value] of assigns) machine.setVar(variable, new Input(awkEscapes(value)))
    return await machine.run()
  } catch (error) {
    if (error instanceof Fatal && error.message.startsWith('mawk: ')) throw new Fatal(`${name}: ${error.message.slice(6)}`, error.code)
    if (error instanceof AwkError) throw new Fatal(`${name}: ${error.message}`, 2)
    throw error
  }
})
