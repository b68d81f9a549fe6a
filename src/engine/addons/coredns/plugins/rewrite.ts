/** The rewrite plugin's name and type rules and the template plugin. Left out: edns0, cname and ttl rules, expressions in templates beyond names, groups and matches. */
import { dnsRcodes, dnsReply } from '#base/dns.ts'
import type { DnsRecord } from '#base/dns.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { Line } from '../corefile.ts'
import type { DnsRequest, Setup } from '../plugin.ts'
import { matchZone, normalName, record } from '../records.ts'

interface RewriteRule {
  readonly stop: boolean
  /** The question's new name, or undefined where the rule does not match. */
  apply(request: DnsRequest): { readonly name?: string; readonly type?: string } | undefined
  /** How names in the answer go back. */
  back(name: string, original: string, rewritten: string): string
}

/** Go's regular expressions as JavaScript's, as far as they differ in practice. */
export function goRegExp(text: string): RegExp {
  return new RegExp(text.replace(/\(\?P</g, '(?<').replace(/^\(\?i\)/, ''), text.startsWith('(?i)') ? 'i' : '')
}

function nameRule(args: readonly string[], stop: boolean, auto: boolean): RewriteRule {
  const kinds = ['exact', 'prefix', 'suffix', 'substring', 'regex']
  const kind = kinds.includes(args[0]!) ? args[0]! : 'exact'
  const [from, to, ...rest] = kinds.includes(args[0]!) ? args.slice(1) : args
  if (from === undefined || to === undefined) throw new Error('too few arguments for a name rule')
  const answerAuto = auto || (rest[0] === 'answer' && rest[1] === 'auto') || kind === 'exact'
  const answerName = rest[0] === 'answer' && rest[1] === 'name' ? { from: goRegExp(rest[2] ?? ''), to: rest[3] ?? '' } : undefined
  const groups = (text: string, m: RegExpExecArray) => text.replace(/\{(\d+)\}/g, (_, n: string) => m[Number(n)] ?? '')
  const rewrite = (name: string): string | undefined => {
    switch (kind) {
      case 'prefix':
        return name.startsWith(from.toLowerCase()) ? to + name.slice(from.length) : undefined
      case 'suffix': {
        const tail = from.toLowerCase()
        return name.endsWith(tail.endsWith('.') ? tail : `${tail}.`) || name.endsWith(tail) ? normalName(name.slice(0, name.length - (tail.endsWith('.') ? tail.length : tail.length + 1)) + to) : undefined
      }
      case 'substring':
        return name.includes(from.toLowerCase()) ? name.replaceAll(from.toLowerCase(), to) : undefined
      case 'regex': {
        const m = goRegExp(from).exec(name)
        return m ? normalName(groups(to, m)) : undefined
      }
      default:
        return name === normalName(from) ? normalName(to) : undefined
    }
  }
  return {
    stop,
    apply: (request) => {
      const name = rewrite(request.name)
      return name === undefined || name === request.name ? undefined : { name }
    },
    back: (name, original, rewritten) => {
      if (answerName) {
        const m = answerName.from.exec(normalName(name))
        return m ? normalName(groups(answerName.to, m)) : name
      }
      return answerAuto && normalName(name) === rewritten ? original : name
    },
  }
}

function ruleOf(words: readonly string[]): RewriteRule {
  const [first, ...rest] = words
  const mode = first === 'stop' || first === 'continue' ? first : 'stop'
  const [field, ...args] = first === mode ? rest : words
  if (field === undefined) throw new Error('no rule type specified for rewrite')
  if (field === 'name') return nameRule(args, mode === 'stop', false)
  if (field === 'type' || field === 'class') {
    if (args.length !== 2) throw new Error(`${field} rules must have exactly two arguments`)
    return { stop: mode === 'stop', apply: (r) => (field === 'type' && r.question.type === args[0]!.toUpperCase() ? { type: args[1]!.toUpperCase() } : undefined), back: (n) => n }
  }
  if (field === 'edns0' || field === 'ttl' || field === 'cname' || field === 'rcode') return { stop: mode === 'stop', apply: () => undefined, back: (n) => n }
  throw new Error(`invalid rule type ${JSON.stringify(field)}`)
}

export const rewrite: Setup = (lines) => {
  const rules = lines.map((line) => {
    if (line.block.length === 0) return ruleOf(line.args)
    const name = line.block.find((b) => b.name === 'name')
    const answer = line.block.find((b) => b.name === 'answer')
    return ruleOf([...line.args, ...(name ? ['name', ...name.args] : []), ...(answer ? ['answer', ...answer.args] : [])])
  })
  return (next) => (request, done) => {
    let current = request
    const applied: { rule: RewriteRule; original: string; rewritten: string }[] = []
    for (const rule of rules) {
      const change = rule.apply(current)
      if (!change) continue
      const question = { ...current.question, ...change }
      if (change.name !== undefined) applied.push({ rule, original: current.question.name, rewritten: change.name })
      current = { ...current, question, name: normalName(question.name), message: { ...current.message, questions: [question] } }
      if (rule.stop) break
    }
    if (current === request) return next(request, done)
    next(current, (served) => {
      const m = served.message
      if (!m) return done(served)
      const back = (records: readonly DnsRecord[]) => records.map((r) => ({ ...r, name: applied.reduceRight((n, a) => a.rule.back(n, a.original, a.rewritten), r.name) }))
      done({ ...served, message: { ...m, questions: request.message.questions, answers: back(m.answers), authority: m.authority, additional: back(m.additional) } })
    })
  }
}

/** Go's template actions that CoreDNS' examples use: .Name, .Group.x, .Match, index. */
function expand(template: string, request: DnsRequest, match: RegExpExecArray): string {
  return template.replace(/\{\{\s*(.*?)\s*\}\}/g, (_, action: string) => {
    if (action === '.Name') return request.question.name
    if (action === '.Type') return request.question.type
    if (action === '.Class') return request.question.class
    if (action === '.Zone') return '.'
    const group = /^\.Group\.(\w+)$/.exec(action)
    if (group) return match.groups?.[group[1]!] ?? ''
    const index = /^index \.(?:Match|Group) "?(\w+)"?$/.exec(action)
    if (index) return /^\d+$/.test(index[1]!) ? (match[Number(index[1])] ?? '') : (match.groups?.[index[1]!] ?? '')
    return ''
  })
}

function recordOf(text: string): DnsRecord | undefined {
  const m = /^(\S+)\s+(?:(\d+)\s+)?(?:IN\s+)?([A-Z]+)\s+(.*)$/.exec(text.trim())
  return m ? record(normalName(m[1]!), m[3]!, Number(m[2] ?? 3600), m[4]!.trim()) : undefined
}

export const template: Setup = (lines, context) => {
  const rules = lines.map((line: Line) => {
    const [klass, type, ...zoneArgs] = line.args
    if (klass === undefined || type === undefined) throw argumentError(line)
    const rule = { type: type.toUpperCase(), zones: zoneArgs.length > 0 ? zoneArgs.map(normalName) : [...context.zones], matches: [] as RegExp[], answer: [] as string[], additional: [] as string[], authority: [] as string[], rcode: 0, fallthrough: undefined as string[] | undefined }
    for (const option of line.block) {
      if (option.name === 'match') rule.matches.push(...option.args.map(goRegExp))
      else if (option.name === 'answer' || option.name === 'additional' || option.name === 'authority') rule[option.name].push(...option.args)
      else if (option.name === 'rcode') rule.rcode = dnsRcodes.indexOf(option.args[0] ?? '')
      else if (option.name === 'fallthrough') rule.fallthrough = option.args.length === 0 ? ['.'] : option.args.map(normalName)
      else if (option.name !== 'upstream' && option.name !== 'ederror') throw parseError(option, `unknown property '${option.name}'`)
    }
    if (rule.matches.length === 0) rule.matches.push(/.*/)
    return rule
  })
  return (next) => (request, done) => {
    for (const rule of rules) {
      if ((rule.type !== 'ANY' && rule.type !== request.question.type) || matchZone(rule.zones, request.name) === undefined) continue
      const match = rule.matches.map((m) => m.exec(request.name)).find((m) => m !== null)
      if (!match) {
        if (rule.fallthrough && matchZone(rule.fallthrough, request.name) !== undefined) continue
        return next(request, done)
      }
      if (rule.rcode === 2) return done({ rcode: 2 })
      const make = (texts: readonly string[]) => texts.flatMap((t) => recordOf(expand(t, request, match)) ?? [])
      return done({ rcode: rule.rcode, message: dnsReply(request.message, { authoritative: true, rcode: rule.rcode, answers: make(rule.answer), additional: make(rule.additional), authority: make(rule.authority) }) })
    }
    next(request, done)
  }
}
