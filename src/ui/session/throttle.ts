/** At most one run per `ms`, the last of those asked for: a cluster in motion changes every frame and must neither starve nor flood a panel. */
export function throttle(ms: number): (run: () => void) => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = -Infinity
  let wanted: (() => void) | undefined
  return (run) => {
    wanted = run
    if (timer !== undefined) return
    timer = setTimeout(
      () => {
        timer = undefined
        last = performance.now()
        wanted?.()
      },
      Math.max(30, last + ms - performance.now()),
    )
  }
}
