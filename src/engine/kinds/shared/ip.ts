/** IP addresses of both families as text validation needs them. */
import { parseIpv4, parseIpv6 } from '#base/ip.ts'

export function isIp(text: string): boolean {
  return parseIpv4(text) !== undefined || parseIpv6(text) !== undefined
}

