/** Lines as k8s.io/klog writes them: `I0302 09:00:00.123456       1 file.go:12] message`. */
export function klogLine(level: 'I' | 'W' | 'E' | 'F', now: number, pid: number, where: string, message: string): string {
  const d = new Date(Math.floor(now)).toISOString()
  const micros = String(Math.floor((now - Math.floor(now)) * 1000)).padStart(3, '0')
  return `${level}${d.slice(5, 7)}${d.slice(8, 10)} ${d.slice(11, 23)}${micros} ${String(pid).padStart(7)} ${where}] ${message}\n`
}
