import { describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { RestoreError } from '../error.ts'
import { SimNetwork } from '../network.ts'

const fresh = () => new SimNetwork(new Sim({ seed: 1, start: 0 })).createNamespace('a')

function restore(text: string, options: { noflush?: boolean; counters?: boolean } = {}, ns = fresh()): { said: string; saved: string } {
  let said = ''
  try {
    ns.netfilter.restore(text, options)
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error
    said = `${error.exitCode} ${error.message}`
  }
  return { said, saved: ns.netfilter.save() }
}

const hint = "\nTry `iptables-restore -h' or 'iptables-restore --help' for more information."
const version = 'iptables-restore v1.8.9 (nf_tables): '

/** Each leaves the tables untouched. */
const refusals: readonly (readonly [text: string, said: string])[] = [
  ['*filter\n-A NOSUCH -j DROP\nCOMMIT\n', '1 iptables-restore: line 2 failed: No chain/target/match by that name.'],
  ['*filter\n-A INPUT -j NOSUCH\nCOMMIT\n', `2 ${version}Chain 'NOSUCH' does not exist\nError occurred at line: 3${hint}`],
  ['*filter\n-A INPUT -p tcp --dport 99999 -j DROP\nCOMMIT\n', `2 ${version}invalid port/service \`99999' specified\nError occurred at line: 2${hint}`],
  ['*filter\n-A INPUT -j MASQUERADE\nCOMMIT\n', `4 ${version}\nline 2: RULE_APPEND failed (Invalid argument): rule in chain INPUT`],
  ['*nat\n:X - [0:0]\n-A X -j MASQUERADE\n-A PREROUTING -j X\nCOMMIT\n', `4 ${version}\nline 4: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING`],
  ['*filter\n:A - [0:0]\n:A - [0:0]\n:INPUT FOO\nCOMMIT\n', '1 iptables-restore: line 4 failed: Bad policy name.'],
  ['*filter\n:A\nCOMMIT\n', `2 ${version}iptables-restore: line 2 policy invalid\nError occurred at line: 2${hint}`],
  ['*filter\nfoo\nCOMMIT\n', `2 Bad argument \`foo'\nError occurred at line: 2${hint}`],
  ['foo\n', '1 iptables-restore: line 1 failed'],
  ['*filter\n-A INPUT --foo\nCOMMIT\n', `2 ${version}unknown option "--foo"\nError occurred at line: 2${hint}`],
  ['*filter\n-A INPUT -j DROP\n', '1 iptables-restore: COMMIT expected at line 3'],
  ['*nosuch\nCOMMIT\n', `2 ${version}iptables-restore: line 1 table name 'nosuch' invalid\nError occurred at line: 1${hint}`],
  ['*filter\n-N foo\n-A foo -j ACCEPT\n-I foo 5 -j DROP\nCOMMIT\n', '1 iptables-restore: line 4 failed: Index of insertion too big.'],
  ['*filter\n:foo - [0:0]\n-X foo\n-D INPUT -j ACCEPT\nCOMMIT\n', '1 iptables-restore: line 4 failed: Bad rule (does a matching rule exist in that chain?).'],
  ['*filter\n:foo - [0:0]\n-A INPUT -j foo\n-X foo\nCOMMIT\n', `4 ${version}\nline 4: CHAIN_DEL failed (Device or resource busy): chain foo`],
  ['*filter\n-A INPUT -s 1.2.3.4\n-t nat -A INPUT\nCOMMIT\n', `2 ${version}The -t option cannot be used in iptables-restore.\n\nError occurred at line: 3${hint}`],
]

describe('iptables-restore', () => {
  test.each(refusals)('%j', (text, said) => {
    expect(restore(text)).toEqual({ said, saved: '' })
  })

  test('each table takes effect at its own COMMIT', () => {
    const { said, saved } = restore('*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j NOSUCH\nCOMMIT\n')
    expect(said).toBe(`2 ${version}Chain 'NOSUCH' does not exist\nError occurred at line: 6${hint}`)
    expect(saved).toBe('*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n')
  })

  test('noflush empties only the chains that are named', () => {
    const ns = fresh()
    restore('*filter\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -s 1.1.1.1 -j DROP\n-A B -j ACCEPT\nCOMMIT\n', {}, ns)
    expect(restore('*filter\n:A - [0:0]\n:C - [0:0]\n-A A -s 2.2.2.2 -j DROP\n-A C -j A\nCOMMIT\n', { noflush: true }, ns)).toEqual({
      said: '',
      saved: '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n-A INPUT -j A\n-A A -s 2.2.2.2/32 -j DROP\n-A B -j ACCEPT\n-A C -j A\nCOMMIT\n',
    })
    expect(restore('*filter\nCOMMIT\n', {}, ns).saved).toBe('*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n')
  })

  test('counters are taken with -c only', () => {
    const ns = fresh()
    restore('*filter\n:INPUT DROP [5:6]\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n', { counters: true }, ns)
    expect(ns.netfilter.save(undefined, { counters: true })).toBe('*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n')
    expect(restore('*filter\n:INPUT DROP [5:6]\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n').saved).toBe('*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n')
  })
})
