/** The head of a line of klog: `W1121 19:04:58.560232   27375 version.go:108] `. */
export function klogHead(level: 'I' | 'W' | 'E', now: number, pid: number, where: string): string {
  const d = new Date(Math.floor(now)).toISOString()
  return `${level}${d.slice(5, 7)}${d.slice(8, 10)} ${d.slice(11, 23)}${String(Math.floor((now % 1) * 1000)).padStart(3, '0')} ${String(pid).padStart(7)} ${where}] `
}
