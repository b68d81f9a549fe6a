/** k8s_external (services under a zone of their own by their outside addresses) and autopath @kubernetes (the search path walked on the server). */
import { dnsReply, rcode } from '#base/dns.ts'
import type { DnsRecord } from '#base/dns.ts'
import { argumentError } from '../corefile.ts'
import type { KubernetesPlugin } from '../kubernetes.ts'
import type { DnsRequest, Served, Setup } from '../plugin.ts'
import { addressType, fqdn, matchZone, normalName, record } from '../records.ts'

export const k8sExternal: Setup = (lines, context) => {
  const line = lines[0]!
  const zones = line.args.length > 0 ? line.args.map(normalName) : [...context.zones]
  let [apex, ttl, headless] = ['dns', 5, false]
  for (const option of line.block) {
    if (option.name === 'headless') headless = true
    else if (option.args.length === 0) throw argumentError(option, option.name)
    else if (option.name === 'apex') apex = option.args[0]!
    else if (option.name === 'ttl') ttl = Number(option.args[0])
  }
  return (next) => (request, done) => {
    const zone = matchZone(zones, request.name)
    const kubernetes = context.shared.get('kubernetes') as KubernetesPlugin | undefined
    if (zone === undefined || !kubernetes) return next(request, done)
    const { name, type } = request.question
    const soa = record(zone, 'SOA', Math.min(300, ttl), `ns1.${apex}.${zone} hostmaster.${apex}.${zone} 0 7200 1800 86400 ${ttl}`)
    const reply = (code: number, answers: readonly DnsRecord[], additional: readonly DnsRecord[] = []) =>
      done({ rcode: code, message: dnsReply(request.message, { rcode: code, authoritative: true, answers, additional, authority: answers.length === 0 ? [soa] : [] }) })
    if (request.name === zone) {
      if (type === 'SOA') return reply(0, [soa])
      return reply(0, type === 'NS' ? [record(name, 'NS', ttl, `ns1.${apex}.${zone}`)] : [])
    }
    const found = kubernetes.external(request.name, zone, headless)
    if (!found) return reply(rcode.nxDomain, [])
    if (type === 'SRV') {
      const weight = Math.max(1, Math.floor(100 / found.length))
      return reply(0, found.map((f) => record(name, 'SRV', ttl, `0 ${weight} ${f.port} ${f.domain}`)), found.map((f) => record(f.domain, addressType(f.host), ttl, f.host)))
    }
    reply(0, [...new Set(found.map((f) => f.host))].filter((h) => addressType(h) === type).map((h) => record(name, type, ttl, h)))
  }
}

export const autopath: Setup = (lines, context) => {
  const line = lines[0]!
  const source = line.args.at(-1)
  if (source === undefined) throw argumentError(line)
  const zones = line.args.length > 1 ? line.args.slice(0, -1).map(normalName) : [...context.zones]
  return (next) => (request, done) => {
    const kubernetes = context.shared.get('kubernetes') as KubernetesPlugin | undefined
    const { type } = request.question
    const search = source === '@kubernetes' ? kubernetes?.searchPath(request.client.address) : undefined
    if (!search || (type !== 'A' && type !== 'AAAA') || matchZone(zones, request.name) === undefined || !request.name.endsWith(`.${search[0]}`)) return next(request, done)
    const base = request.name.slice(0, request.name.length - search[0]!.length - 1)
    let first: Served | undefined
    const step = (index: number): void => {
      const suffix = search[index]
      if (suffix === undefined) return done(first!)
      const name = suffix === '' ? fqdn(base) : `${base}.${suffix}`
      const question = { ...request.question, name }
      const asked: DnsRequest = { ...request, question, name: normalName(name), message: { ...request.message, questions: [question] } }
      next(index === 0 ? request : asked, (served) => {
        first ??= served
        const m = served.message
        if (!m || m.rcode === rcode.nxDomain || index === 0) return m && m.rcode !== rcode.nxDomain ? done(served) : step(index + 1)
        const alias = m.answers[0] && normalName(m.answers[0].name) !== request.name ? [record(request.question.name, 'CNAME', m.answers[0].ttl, m.answers[0].name)] : []
        done({ ...served, message: { ...m, questions: request.message.questions, answers: [...alias, ...m.answers] } })
      })
    }
    step(0)
  }
}
