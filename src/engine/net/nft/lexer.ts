/** Words of nft's language with the places where they stand (src/scanner.l), and the refusals that name such places. */
import type { Span } from './types.ts'

export interface Token extends Span {
  readonly kind: 'word' | 'number' | 'quoted' | 'wildcard' | 'sign' | 'newline' | 'end'
  readonly text: string
}

export interface Problem {
  readonly message: string
  /** Underlined by `^`; further ones by `~`. */
  readonly span: Span | undefined
  readonly also?: readonly Span[]
  /** Printed as it is. */
  readonly bare?: boolean
}

/** What nft prints as `Error: …`; nothing has been changed. */
export class NftError extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems[0]?.message ?? '')
    this.name = 'NftError'
    this.problems = problems
  }
}

export function refuse(message: string, span?: Span, also?: readonly Span[]): never {
  throw new NftError([{ message, span, ...(also && { also }) }])
}

const patterns: readonly (readonly [Token['kind'] | 'skip', RegExp])[] = [
  ['skip', /(?:[ \t\r]|\\\n|#[^\n]*)+/y],
  ['newline', /\n/y],
  ['quoted', /"[^"\n]*"/y],
  ['word', /(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}(?![0-9a-fA-F:])/y],
  ['word', /(?=[0-9a-fA-F:]*::|(?:[0-9a-fA-F]{1,4}:){7})[0-9a-fA-F:]+(?:\d+\.\d+\.\d+\.\d+)?/y],
  ['word', /\d+\.\d+\.\d+\.\d+/y],
  ['word', /(?:\d+(?:ms|[wdhms]))+(?![A-Za-z0-9])/y],
  ['number', /0[xX][0-9a-fA-F]+|\d+(?![A-Za-z0-9_])/y],
  ['wildcard', /[A-Za-z_.][A-Za-z0-9_./-]*\*/y],
  ['word', /[A-Za-z_][A-Za-z0-9_./-]*|\.[A-Za-z0-9_./-]+/y],
  ['word', /\d+[A-Za-z_][A-Za-z0-9_./-]*/y],
  ['sign', /==|!=|<=|>=|<<|>>|[{}()[\],:;/\-+*$=<>&|^!@.]/y],
]

export function tokenize(text: string): Token[] {
  const out: Token[] = []
  let at = 0
  scan: while (at < text.length) {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = at
      const m = pattern.exec(text)
      if (!m) continue
      const from = at
      at += m[0].length
      if (kind !== 'skip') out.push({ kind, text: kind === 'quoted' ? m[0].slice(1, -1) : m[0], from, to: at })
      continue scan
    }
    out.push({ kind: 'sign', text: '\0', from: at, to: at + 1 })
    at++
  }
  out.push({ kind: 'end', text: '', from: text.length, to: text.length })
  return out
}

/** Words that are keywords of the grammar: messages name them as they are, others as `string`. */
const keywords = new Set((
  'accept add ah all and arp bridge burst bypass bytes cgroup chain chains code comment comp continue counter counters cpu create ct daddr day dccp define delete describe destroy device devices dnat dport drop dscp dst dup dynamic ' +
  'ecn element elements esp ether eq established exists expectation expires export fib flag flags flow flowtable flowtables flush for forever frag from fully-random fwd ge get goto group gt gre handle hbh helper hook hour hoplimit icmp icmpv6 id ' +
  'iif iifgroup iifname iiftype import inc include index inet insert interval ip ip6 ipsec jhash jump l4proto le length level limit limits list log lshift lt map maps mark masquerade meta meters meter missing mod monitor mptcp name neq ' +
  'netdev never nfproto nftrace ne not notrack numgen offset oif oifgroup oifname oiftype options or original osf over packets performance persistent position postrouting prefix prerouting priority protocol proto-dst proto-src queue quota quotas ' +
  'random redefine redirect reject rename replace reply reset return rshift rt rtclassid rule rules ruleset saddr sctp secmark seed set sets size skgid skuid snaplen snat socket sport src state stateless status symhash synproxy table tables tcp ' +
  'template th time timeout to tproxy transparent type typeof udp udplite undefine update used vmap vlan vmap wildcard with xor xt auto-merge gc-interval policy memory constant iifkind oifkind length input output forward ingress egress'
).split(' '))

export const isKeyword = (word: string): boolean => keywords.has(word)

const signNames: Readonly<Record<string, string>> = { ',': 'comma', ';': 'semicolon', ':': 'colon', '{': "'{'", '}': "'}'", '(': "'('", ')': "')'", '[': "'['", ']': "']'", '$': "'$'", '\0': 'junk' }

export function nameOf(token: Token): string {
  if (token.kind === 'newline') return 'newline'
  if (token.kind === 'end') return 'end of file'
  if (token.kind === 'quoted') return 'quoted string'
  if (token.kind === 'wildcard') return 'string with a trailing asterisk'
  if (token.kind === 'number') return 'number'
  if (token.kind === 'word') return keywords.has(token.text) ? token.text : 'string'
  return signNames[token.text] ?? token.text
}
