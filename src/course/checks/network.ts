/**
 * Checks that send packets. "Blocked" counts only if the name resolved, a backend listens, the named cause ended the packet,
 * and the control route still works: a broken cluster must not pass as a closed door.
 */
import type { Inspect } from '../inspect.ts'
import type { CheckOf } from '../schema/lab.ts'
import { outcome, probeText, traceLink, type CheckOutcome } from './outcome.ts'

export async function reachable(demand: CheckOf<'reachable'>, inspect: Inspect): Promise<CheckOutcome> {
  const probe = await inspect.probe(demand)
  const target = `${demand.to} port ${demand.port}/${demand.protocol}`
  return outcome(probe.outcome === 'connected', `${demand.from} reaches ${target}`, probeText(probe, demand.to), {
    why: probe.outcome === 'connected' ? '' : (probe.cause?.text ?? ''),
    evidence: probe.cause?.rule === undefined ? [] : [probe.cause.rule],
    links: [traceLink(demand.from, demand.to, demand.port, demand.protocol)],
  })
}

const causes = { policy: 'a NetworkPolicy', 'no-endpoints': 'a Service without endpoints', firewall: 'a firewall rule' } as const

export async function unreachable(demand: CheckOf<'unreachable'>, inspect: Inspect): Promise<CheckOutcome> {
  const expected = `${demand.from} is kept from ${demand.to} port ${demand.port}/${demand.protocol} by ${causes[demand.because]}`
  const links = [traceLink(demand.from, demand.to, demand.port, demand.protocol)]
  const probe = await inspect.probe(demand)
  const evidence = probe.cause?.rule === undefined ? [] : [probe.cause.rule]
  const no = (observed: string, why: string) => outcome(false, expected, observed, { why, evidence, links })
  if (probe.outcome === 'connected') return no(probeText(probe, demand.to), 'Nothing on the way stops this traffic.')
  if (probe.outcome === 'name-not-found' || probe.outcome === 'no-such-place') return no(probeText(probe, demand.to), 'A target that cannot be named is not a blocked one.')
  if (probe.cause?.kind !== demand.because) return no(probeText(probe, demand.to), `It fails, but not for the demanded cause: ${probe.cause?.text ?? 'no rule stopped it'}`)
  if (demand.because === 'policy' && !probe.backendListens) return no(probeText(probe, demand.to), `Nothing listens behind ${demand.to} on this port, so this says nothing about policies.`)
  if (demand.control) {
    const control = { from: demand.control.from, to: demand.control.to ?? demand.to, port: demand.control.port ?? demand.port, protocol: demand.protocol, timeout: demand.timeout }
    const still = await inspect.probe(control)
    if (still.outcome !== 'connected') {
      return outcome(false, `${expected}, while ${control.from} still reaches ${control.to} port ${control.port}`, `${control.from}: ${probeText(still, control.to)}`, {
        why: still.cause?.text ?? '',
        links: [traceLink(control.from, control.to, control.port, demand.protocol)],
      })
    }
  }
  return outcome(true, expected, probeText(probe, demand.to), { why: probe.cause.text, evidence, links })
}

export async function http(demand: CheckOf<'http'>, inspect: Inspect): Promise<CheckOutcome> {
  const what = `${demand.method} ${demand.url}${demand.host === undefined ? '' : ` with Host: ${demand.host}`}`
  const told = Object.entries(demand.answers).map(([name, text]) => ` with "${text}" in ${name}`).join('')
  const trusted = demand.ca === undefined ? '' : ` with a certificate that ${demand.ca.path} on ${demand.ca.host} vouches for`
  const expected = `${demand.from}: ${what} answers ${demand.status}${trusted}${told}${demand.contains === undefined ? '' : ` with "${demand.contains}" in the body`}${demand.spread === undefined ? '' : `, from at least ${demand.spread} backends in ${demand.times} requests`}`
  const url = new RegExp('^(https?)://([^/:]+)(?::(\\d+))?').exec(demand.url)!
  const port = url[3] === undefined ? (url[1] === 'https' ? 443 : 80) : Number(url[3])
  const links = [traceLink(demand.from, url[2]!, port, 'tcp')]
  const bodies = new Set<string>()
  const ca = demand.ca && (await inspect.readFile(demand.ca.host, demand.ca.path))
  if (demand.ca && ca === undefined) return outcome(false, expected, `there is no ${demand.ca.path} on ${demand.ca.host}`)
  let seen = ''
  for (let i = 0; i < demand.times; i++) {
    const answer = await inspect.http({ from: demand.from, url: demand.url, method: demand.method, headers: demand.headers, timeout: demand.timeout, ...(demand.host === undefined ? {} : { host: demand.host }), ...(ca === undefined ? {} : { ca }) })
    if (!answer.ok) return outcome(false, expected, answer.tls ?? probeText(answer.probe, url[2]!), { why: answer.probe.cause?.text ?? '', evidence: answer.probe.cause?.rule === undefined ? [] : [answer.probe.cause.rule], links })
    seen = `HTTP ${answer.status}`
    const evidence = [`HTTP ${answer.status}`, ...answer.body.split('\n').slice(0, 4)]
    if (answer.status !== demand.status) return outcome(false, expected, seen, { evidence, links })
    for (const [name, text] of Object.entries(demand.answers)) {
      const value = answer.headers[name.toLowerCase()]
      if (value?.includes(text) !== true) return outcome(false, expected, value === undefined ? `${seen} without ${name}` : `${seen} with ${name}: ${value}`, { evidence, links })
    }
    if (demand.contains !== undefined && !answer.body.includes(demand.contains)) return outcome(false, expected, `${seen}, but the body says "${answer.body.trim().slice(0, 120)}"`, { evidence, links })
    bodies.add(answer.body)
  }
  if (demand.spread !== undefined && bodies.size < demand.spread) return outcome(false, expected, `${bodies.size} different ${bodies.size === 1 ? 'answer' : 'answers'} in ${demand.times} requests`, { links })
  return outcome(true, expected, seen, { links })
}

export async function tls(demand: CheckOf<'tls'>, inspect: Inspect): Promise<CheckOutcome> {
  const { from, to, port, name, ca, trusted, timeout } = demand
  const expected = `${from}: ${to} port ${port} shows a certificate for ${name} that ${ca.path} on ${ca.host} ${trusted ? 'vouches' : 'does not vouch'} for`
  const links = [traceLink(from, to, port, 'tcp'), { kind: 'command' as const, command: `openssl s_client -connect ${to}:${port} -servername ${name}` }]
  const authorities = await inspect.readFile(ca.host, ca.path)
  if (authorities === undefined) return outcome(false, expected, `there is no ${ca.path} on ${ca.host}`)
  const shown = await inspect.tls({ from, to, port, name, ca: authorities, timeout })
  if (!shown.ok) return outcome(false, expected, shown.tls ?? probeText(shown.probe, to), { why: shown.probe.cause?.text ?? '', links })
  const names = shown.names.length === 0 ? '' : ` for ${shown.names.join(', ')}`
  return outcome((shown.problem === undefined) === trusted, expected, `a certificate of ${shown.subject}${names}, issued by ${shown.issuer}${shown.problem === undefined ? '' : `: ${shown.problem}`}`, { links })
}

export async function dns(demand: CheckOf<'dns'>, inspect: Inspect): Promise<CheckOutcome> {
  const wanted = demand.answers === undefined ? '' : `: ${demand.answers.join(', ')}`
  const expected = `${demand.from} looks up ${demand.name} (${demand.type}) and gets ${demand.code}${wanted}${demand.count === undefined ? '' : ` with ${demand.count} answers`}`
  const result = await inspect.dns(demand.from, demand.name, demand.type)
  const observed = `${result.code}${result.answers.length === 0 ? '' : `: ${result.answers.join(', ')}`}`
  const pass =
    result.code === demand.code &&
    (demand.code !== 'NOERROR' || result.answers.length > 0) &&
    (demand.answers === undefined || [...demand.answers].sort().join() === [...result.answers].sort().join()) &&
    (demand.count === undefined || demand.count === result.answers.length)
  return outcome(pass, expected, observed, { links: [{ kind: 'command', command: `nslookup ${demand.name}` }] })
}
