/** The sittings that are alive. Leaving a page keeps its sitting for a while, so that coming back is instant; an exam keeps all of its own. */
import { Sitting, type Opening } from './sitting.svelte.ts'

const alive = new Map<string, Sitting>()
const keptBesidesExam = 2

export function useSitting(key: string, opening: Opening): Sitting {
  const found = alive.get(key)
  const sitting = found && found.status !== 'failed' ? found : new Sitting(key, opening)
  alive.delete(key)
  alive.set(key, sitting)
  const spare = [...alive.keys()].filter((k) => !k.startsWith('exam:'))
  for (const old of spare.slice(0, Math.max(0, spare.length - keptBesidesExam))) void dropSitting(old)
  return sitting
}

export function findSitting(key: string): Sitting | undefined {
  return alive.get(key)
}

/** Ends the worker; what was done stays stored. */
export async function dropSitting(key: string): Promise<void> {
  const sitting = alive.get(key)
  alive.delete(key)
  await sitting?.close()
}

export function saveAll(): void {
  for (const sitting of alive.values()) void sitting.save()
}

addEventListener('pagehide', saveAll)
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') saveAll()
})
setInterval(saveAll, 15_000)
