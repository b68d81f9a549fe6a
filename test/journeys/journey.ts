/** A learner at a terminal: types commands and keys, reads what came. One sitting for many steps; what chance decides (names, addresses, ages) is blanked. */
import type { Sitting } from '#session/sitting.ts'
import { sandbox } from '../world.ts'

export interface Learner {
  readonly sitting: Sitting
  /** Types a line, waits for the next prompt; the output without the line and the prompt. */
  run(command: string): Promise<string>
  /** The same with names, addresses and ages blanked and runs of blanks shortened. */
  see(command: string): Promise<string>
  /** Types keys and lets a moment of virtual time pass; what the screen got, control sequences taken out. */
  keys(keys: string, seconds?: number): Promise<string>
  /** Waits for a shown text: for shells inside pods, which have no marks. */
  until(text: string, keys: string): Promise<string>
  wait(seconds: number): Promise<void>
  /** Answers the open editor. */
  edit(change: (text: string) => string | undefined): Promise<string>
}

export async function learner(cluster = 'trio'): Promise<Learner> {
  const sitting = await sandbox(cluster, 'journey')
  await sitting.apply({ kind: 'terminal-open', terminal: 'main', columns: 200, rows: 50 })
  const terminal = sitting.terminals.get('main')!
  const { runner } = sitting
  await runner.runWhile(() => !terminal.atPrompt, 10_000)
  await runner.settlePrograms()
  const type = (data: string) => sitting.apply({ kind: 'key', terminal: 'main', data })
  /** From here on, up to the prompt. */
  const ended = async (from: number, prompts: number, what: string): Promise<string> => {
    if (!(await runner.runWhile(() => (terminal.prompts === prompts || !terminal.atPrompt) && !sitting.editors.has('main'), 600_000))) throw new Error(`no prompt after: ${what}\n${shown(terminal.output.slice(from))}`)
    // The mark comes just before the prompt.
    await runner.runFor(20)
    return shown(terminal.output.slice(from))
  }
  const run = async (command: string): Promise<string> => {
    const from = terminal.output.length
    const prompts = terminal.prompts
    await type(`${command}\r`)
    const text = await ended(from, prompts, command)
    const typed = command.split('\r').length
    return text.split('\n').slice(typed, sitting.editors.has('main') ? undefined : -1).join('\n')
  }
  return {
    sitting,
    run,
    see: async (command) => blank(await run(command)),
    keys: async (keys, seconds = 0.3) => {
      const from = terminal.output.length
      await type(keys)
      await runner.runFor(seconds * 1000)
      return shown(terminal.output.slice(from))
    },
    until: async (text, keys) => {
      const from = terminal.output.length
      await type(keys)
      if (!(await runner.runWhile(() => !shown(terminal.output.slice(from)).includes(text), 60_000))) throw new Error(`not shown: ${text}\n${shown(terminal.output.slice(from))}`)
      await runner.settlePrograms()
      return shown(terminal.output.slice(from))
    },
    wait: async (seconds) => void (await runner.runFor(seconds * 1000)),
    edit: async (change) => {
      const pending = sitting.editors.get('main')
      if (!pending) throw new Error('no editor is open')
      const from = terminal.output.length
      const prompts = terminal.prompts
      const text = change(pending.request.text)
      await sitting.apply({ kind: 'editor', terminal: 'main', saved: text !== undefined, text: text ?? pending.request.text })
      return (await ended(from, prompts, 'edit')).split('\n').slice(0, -1).join('\n')
    },
  }
}

/** Plain text: redrawn lines keep their last form. */
export function shown(output: string): string {
  return output
    .replace(/\x1b\][^\x07]*\x07/g, '')
    .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll('\x07', '')
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .join('\n')
}

/** Names that chance makes, addresses, the node that the scheduler chose, ages. */
export function blank(text: string): string {
  return text
    .replace(/-[0-9a-f]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-HASH-POD')
    .replace(/-[0-9a-f]{8,10}\b/g, '-HASH')
    .replace(/\b10\.244\.\d+\.\d+/g, 'POD-IP')
    .replace(/\b10\.(?:9[6-9]|10\d|11[01])\.\d+\.\d+/g, (ip) => (ip.startsWith('10.96.0.') ? ip : 'CLUSTER-IP'))
    .replace(/(?<= )(?:\d+[dhms])+(?=$| |\))/gm, 'AGE')
    .replace(/ on node0[12]\b/g, ' on NODE')
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME')
    .replace(/(?<=\S) {3,}/g, '  ')
    .replace(/(?<=endpointslice\S+-)[a-z0-9]{5}\b/g, 'ID')
    .replace(/(?<=pod-template-hash=)\w+/g, 'HASH')
    .replace(/ +$/gm, '')
}
