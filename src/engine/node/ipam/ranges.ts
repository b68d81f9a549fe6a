/**
 * host-local's ranges: sets of address ranges out of each of which a container gets one address. Models the canonicalisation and
 * checks of the host-local IPAM plugin v1.9, with its texts.
 */
import { CniError } from '../cni/types.ts'
import { formatIp, formatIpNet, lastOf, netContains, networkOf, nextIp, parseIp, parseIpNet, sameIp } from './address.ts'
import type { Ip, IpNet } from './address.ts'

/** As written in the configuration. */
export interface RangeConf {
  readonly subnet?: string
  readonly rangeStart?: string
  readonly rangeEnd?: string
  readonly gateway?: string
}

export interface Range {
  readonly subnet: IpNet
  readonly start: Ip
  readonly end: Ip
  readonly gateway: Ip
}

/** Never empty, one family. */
export type RangeSet = readonly Range[]

export function rangeContains(range: Range, ip: Ip): boolean {
  return netContains(range.subnet, ip) && ip.value >= range.start.value && ip.value <= range.end.value
}

function rangesOverlap(a: Range, b: Range): boolean {
  if (a.start.family !== b.start.family) return false
  return rangeContains(a, b.start) || rangeContains(a, b.end) || rangeContains(b, a.start) || rangeContains(b, a.end)
}

export function formatRange(range: Range): string {
  return `${formatIp(range.start)}-${formatIp(range.end)}`
}

export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(',')
}

function address(text: string): Ip {
  const ip = parseIp(text)
  if (!ip) throw new CniError(`invalid IP address: ${text}`)
  return ip
}

function canonicalize(conf: RangeConf): Range {
  const subnet = parseIpNet(conf.subnet ?? '')
  if (!subnet) throw new CniError('IP <nil> not v4 nor v6')
  const size = subnet.ip.family === 4 ? 32 : 128
  if (subnet.length > size - 2) throw new CniError(`Network ${formatIpNet(subnet)} too small to allocate from`)
  if (!sameIp(networkOf(subnet), subnet.ip)) {
    throw new CniError(`Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${formatIp(networkOf(subnet))}`)
  }
  const last = lastOf(subnet)
  const inside = (ip: Ip, start: Ip | undefined) => netContains(subnet, ip) && (!start || ip.value >= start.value)
  const gateway = conf.gateway ? address(conf.gateway) : nextIp(subnet.ip)
  const givenEnd = conf.rangeEnd ? address(conf.rangeEnd) : undefined
  const givenStart = conf.rangeStart ? address(conf.rangeStart) : undefined
  if (givenStart && (!inside(givenStart, undefined) || (givenEnd && givenStart.value > givenEnd.value))) {
    throw new CniError(`RangeStart ${formatIp(givenStart)} not in network ${formatIpNet(subnet)}`)
  }
  const start = givenStart ?? nextIp(subnet.ip)
  if (givenEnd && !inside(givenEnd, start)) throw new CniError(`RangeEnd ${formatIp(givenEnd)} not in network ${formatIpNet(subnet)}`)
  return { subnet, start, gateway, end: givenEnd ?? (subnet.ip.family === 4 ? { family: 4, value: last.value - 1n } : last) }
}

function canonicalizeSet(confs: readonly RangeConf[]): RangeSet {
  if (confs.length === 0) throw new CniError('empty range set')
  const set = confs.map(canonicalize)
  if (set.some((r) => r.start.family !== set[0]!.start.family)) throw new CniError('mixed address families')
  set.forEach((a, i) => {
    for (const b of set.slice(i + 1)) if (rangesOverlap(a, b)) throw new CniError(`subnets ${formatRange(a)} and ${formatRange(b)} overlap`)
  })
  return set
}

/** Throws CniError with the plugin's text where the ranges make no sense. */
export function canonicalizeRanges(confs: readonly (readonly RangeConf[])[]): RangeSet[] {
  if (confs.length === 0) throw new CniError('no IP ranges specified')
  for (const conf of confs.flat()) {
    if (conf.subnet !== undefined && !parseIpNet(conf.subnet)) throw new CniError(`invalid CIDR address: ${conf.subnet}`)
  }
  const sets = confs.map((set, i) => {
    try {
      return canonicalizeSet(set)
    } catch (error) {
      throw new CniError(`invalid range set ${i}: ${(error as Error).message}`)
    }
  })
  sets.forEach((a, i) => {
    for (const [j, b] of sets.slice(i + 1).entries()) {
      if (a.some((r) => b.some((q) => rangesOverlap(r, q)))) throw new CniError(`range set ${i} overlaps with ${i + j + 1}`)
    }
  })
  return sets
}

/** The order in which a set is searched: round robin after the last address that was given out, gateways left out. */
export function* candidates(set: RangeSet, lastReserved: Ip | undefined): Generator<{ readonly ip: Ip; readonly range: Range }> {
  let index = lastReserved ? set.findIndex((r) => rangeContains(r, lastReserved)) : -1
  let current = index < 0 ? undefined : lastReserved
  if (index < 0) index = 0
  let first: Ip | undefined
  for (;;) {
    let range = set[index]!
    if (current === undefined) current = range.start
    else if (sameIp(current, range.end)) {
      index = (index + 1) % set.length
      range = set[index]!
      current = range.start
    } else current = nextIp(current)
    if (first === undefined) first = current
    else if (sameIp(current, first)) return
    if (!sameIp(current, range.gateway)) yield { ip: current, range }
  }
}
