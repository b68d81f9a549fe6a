/** linux/transcripts: each command of the recorded terminal sessions is a case; equal after the README's normalisation of both sides. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collection } from './collection.ts'
import { runTranscript, type StepResult, type Transcript, type TranscriptStep } from './linux-transcripts.ts'

interface Case {
  readonly transcript: Transcript
  readonly index: number
  readonly step: TranscriptStep
  readonly cmd: string
}

/** What the README's normalisation leaves open is left open on both sides. */
function normalise(text: string, step: TranscriptStep, named: ReadonlySet<string>, macs: Map<string, string>): string {
  let t = text
  const date = '(?:<DATE>|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \\w{3} +\\d+ [\\d:]+ (?:UTC )?\\d{4}|\\d{4}-\\d\\d-\\d\\d [\\d:]{8})'
  t = t
    .replace(new RegExp(date, 'g'), '<DATE>')
    .replace(/\d+\.\d+(?: ms\b)/g, '<T> ms').replace(/time=[\d.<T>]+ ms/g, 'time=<T> ms').replace(/time \d+ms/g, 'time <T>ms').replace(/(\] {2})[\d.]+ms/g, '$1<T>ms')
    .replace(/(rtt min\/avg\/max\/mdev = )[\d./<T>]+ ms(, pipe \d+)?/g, '$1<T> ms').replace(/after \d+ ms/g, 'after <T> ms').replace(/after \d+ milliseconds/g, 'after <T> milliseconds')
    .replace(/^((?:ipv4 +2 )?(?:tcp|udp|icmp|sctp|unknown) +\d+) \d+ /gm, '$1 <T> ').replace(/expires \d+sec/g, 'expires <T>sec').replace(/(Query time:) \d+ msec/g, '$1 <T> msec')
    .replace(/^\d\d:\d\d:\d\d\.\d{6} /gm, '<TIME> ').replace(/^\[\d{10}\.\d{6}\]/gm, '[<TIME>]').replace(/(100%|\s{4}) +[\d.]+[KMG]?=[\d.]+s/g, '$1 <RATE>=<T>s').replace(/\((?:[\d.]+ [KMG]?B\/s|<RATE>)\)/g, '(<RATE>)')
    .replace(/\b(id )\d+/g, '$1<ID>').replace(/\bid=\d+/g, 'id=<ID>').replace(/(status: \w+, id:) \d+/g, '$1 <ID>').replace(/: \d+([+*%$|-]*)( \[|\s\w+\?| \d+\/)/g, ': <ID>$1$2')
    .replace(/seq \d{5,}/g, 'seq <SEQ>').replace(/ack \d{5,}/g, 'ack <SEQ>').replace(/TS val \d+ ecr \d+/g, 'TS val <N> ecr <N>').replace(/initval 0x[0-9a-f]+/g, 'initval <N>').replace(/(?:\d+|<N>) packets? received by filter/g, '<N> packets received by filter')
    .replace(/pid=\d+/g, 'pid=<PID>').replace(/(hold_timer|message_age_timer|forward_delay_timer) +[\d.]+/g, '$1 <T>')
  t = t.replace(/(?<![\d.])(3[3-9]\d{3}|32[89]\d\d|327[7-9]\d|3276[89]|[45]\d{4}|60\d{3})(?![\d.])/g, (port) => (Number(port) >= 32768 && Number(port) <= 60999 && !named.has(port) ? '<EPH>' : port))
  t = t.replace(/(?<=[\d.]\.|sport=|dport=|:)(3[3-9]\d{3}|32[89]\d\d|327[7-9]\d|3276[89]|[45]\d{4}|60\d{3})(?![\d.])/g, (port) => (Number(port) >= 32768 && Number(port) <= 60999 && !named.has(port) ? '<EPH>' : port))
  t = t.replace(/(?<!02:00)(?<![0-9a-f:])([0-9a-f]{2}(?::[0-9a-f]{2}){5})(?![0-9a-f:])/g, (mac) => {
    if (/^02:00:00|^ff:ff:ff:ff:ff:ff$|^00:00:00|^01:|^33:33/.test(mac)) return mac
    if (!macs.has(mac)) macs.set(mac, `<MAC${macs.size + 1}>`)
    return macs.get(mac)!
  })
  if (step.sorted) t = t.split('\n').sort().join('\n')
  return t
}

/** `<USAGE>` stands for the rest of a usage text after its third line. */
function sameUsage(expected: string, actual: string): boolean {
  const at = expected.indexOf('<USAGE>')
  return at >= 0 ? actual.startsWith(expected.slice(0, at)) : expected === actual
}

const runs = new Map<string, Promise<(StepResult | undefined)[]>>()

export const collections = [
  collection<Case>({
    name: 'linux/transcripts',
    needs: ['golden/linux/transcripts'],
    load(shared) {
      const dir = join(shared, 'golden/linux/transcripts')
      return readdirSync(dir).sort().flatMap((file) => {
        const transcript = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Transcript
        const background = new Map(transcript.steps.flatMap((s) => (s.bg !== undefined ? [[s.bg, s.cmd!] as const] : [])))
        return transcript.steps.flatMap((step, index) => {
          const cmd = step.wait !== undefined ? background.get(step.wait) : step.bg === undefined ? step.cmd : undefined
          return cmd !== undefined && !step.varies ? [{ transcript, index, step, cmd }] : []
        })
      })
    },
    id: (c) => `${c.transcript.id}#${c.index}`,
    async run(c) {
      let run = runs.get(c.transcript.id)
      if (!run) runs.set(c.transcript.id, (run = runTranscript(c.transcript)))
      const result = (await run)[c.index]!
      const named = new Set([JSON.stringify([c.transcript.prep, c.transcript.steps.map((s) => [s.cmd, s.listen])])].flatMap((text) => text.match(/\d{5}/g) ?? []))
      const step = { ...c.step, cmd: c.cmd }
      const both = (r: { stdout?: string; stderr?: string; exit?: number | undefined }) => {
        const macs = new Map<string, string>()
        return `${normalise(r.stdout ?? '', step, named, macs)}\n--- stderr\n${normalise(r.stderr ?? '', { host: '' }, named, macs)}\n--- exit ${r.exit}`
      }
      const expected = both(c.step)
      const actual = both(result)
      // Random MAC addresses are numbered over the whole session in the recordings.
      const flat = (t: string) => t.replace(/<MAC\d+>/g, '<MAC>')
      return sameUsage(flat(expected), flat(actual)) ? { result: 'passed' } : { result: 'failed', expected, actual }
    },
  }),
]
