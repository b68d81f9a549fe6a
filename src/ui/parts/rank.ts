/** Things that match every word of what was typed, best first: a word's beginning counts more than its middle, the title's start most. */
export function rank<T>(typed: string, things: readonly T[], textOf: (thing: T) => string): readonly T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return things
  const scored = things.flatMap((thing, order) => {
    const text = textOf(thing).toLowerCase()
    let score = 0
    for (const word of words) {
      const at = text.indexOf(word)
      if (at < 0) return []
      score += at === 0 ? 0 : /[^a-z0-9]/.test(text[at - 1]!) ? 1 : 2
    }
    return [{ thing, score, order }]
  })
  return scored.sort((a, b) => a.score - b.score || a.order - b.order).map((s) => s.thing)
}
