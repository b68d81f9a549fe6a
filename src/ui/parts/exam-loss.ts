/** What ending an exam now costs, in whole sentences. */
import { count, formatClock } from '../app/words.ts'

const list = new Intl.ListFormat('en')

export function lossOf(secondsLeft: number, secondsPerTask: readonly number[], flags: readonly number[]): string {
  const unopened = secondsPerTask.flatMap((s, n) => (s === 0 ? [String(n + 1)] : []))
  const flagged = flags.map((n) => String(n + 1))
  return [
    'Every task is judged as its cluster stands now, and you cannot come back to them.',
    `You give up the ${formatClock(secondsLeft)} that are left.`,
    ...(unopened.length > 0 ? [`${count(unopened.length, 'task was', 'tasks were')} never opened and will get no points: ${list.format(unopened)}.`] : []),
    ...(flagged.length > 0 ? [`${count(flagged.length, 'task is', 'tasks are')} still flagged: ${list.format(flagged)}.`] : []),
  ].join(' ')
}
