/** What Go's net package says of a connect(2) that failed. */
const dialErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EPERM: 'connect: operation not permitted',
  EACCES: 'connect: permission denied',
  ETIMEDOUT: 'connect: connection timed out',
  ECONNRESET: 'connect: connection reset by peer',
  EINVAL: 'connect: invalid argument',
}

export function dialText(errno: string): string {
  return dialErrors[errno] ?? `connect: ${errno}`
}
