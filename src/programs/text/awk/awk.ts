/** awk (mawk): options, then the program. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Program } from '#engine/machine/process.ts'
import { Fatal, nameOf, readText, tool } from '../common.ts'
import { AwkError, awkEscapes, parseAwk } from './parse.ts'
import { Awk } from './run.ts'
import { Input } from './values.ts'

export const awk: Program = tool(async (process) => {
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
    if (a.startsWith('-F')) fs = a.length > 2 ? a.slice(2) : args[++i]
    else if (a.startsWith('-v') || a === '--assign') {
      const text = a.startsWith('-v') && a.length > 2 ? a.slice(2) : (args[++i] ?? '')
      const m = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text)
      if (!m) throw new Fatal(`mawk: improper assignment: -v ${text}`, 2)
      assigns.push([m[1]!, m[2]!])
    } else if (a.startsWith('-f')) {
      const path = a.length > 2 ? a.slice(2) : (args[++i] ?? '')
      try {
        sources.push(await readText(process, path))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new Fatal(`mawk: couldn't open ${path}: ${strerror(error.code)}`.replace(/couldn't open (.*?):.*/, 'cannot open $1 (' + strerror(error.code) + ')'), 2)
      }
    } else if (a.startsWith('-W') || a.startsWith('--')) {
      if (a === '-W' && args[i + 1] !== undefined) i++
      if (a === '--version' || a === '-Wversion' || a === '-W') {
        await process.stdout.write('mawk 1.3.4 20200120\n')
        return 0
      }
    } else throw new Fatal(`mawk: not an option: ${a}`, 2)
  }
  if (sources.length === 0) {
    const text = args[i++]
    if (text === undefined) throw new Fatal('Usage: mawk [Options] [Program] [file ...]', 2)
    sources.push(text)
  }
  try {
    const machine = new Awk(process, parseAwk(sources.join('\n')), args.slice(i))
    if (fs !== undefined) machine.globals.set('FS', fs === 't' ? 't' : awkEscapes(fs))
    for (const [name, value] of assigns) machine.setVar(name, new Input(awkEscapes(value)))
    return await machine.run()
  } catch (error) {
    if (error instanceof AwkError) throw new Fatal(`${nameOf(process)}: ${error.message}`, 2)
    throw error
  }
})
