/** Ethernet addresses as numbers below 2^48 (fast map keys), printed as `ip link` prints them. */
export type Mac = number

export const broadcastMac: Mac = 0xffffffffffff
const pattern = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i

export function parseMac(text: string): Mac | undefined {
  if (!pattern.test(text)) return undefined
  let value = 0
  for (const part of text.split(':')) value = value * 256 + parseInt(part, 16)
  return value
}

export function formatMac(mac: Mac): string {
  const hex = mac.toString(16).padStart(12, '0')
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10, 12)}`
}

/** Group addresses, broadcast included. */
export function isMulticastMac(mac: Mac): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1
}
