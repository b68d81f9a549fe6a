/**
 * Makes what a recorded cluster and the simulator printed comparable, by the rules of the transcripts' README: ages, times, identifiers, generated names,
 * allocated addresses and ports become placeholders; what is random in kubectl itself is sorted; what a scenario wrote down itself stays.
 */
const alpha = 'bcdfghjklmnpqrstvwxz2456789'
const suffix = `[${alpha}]{5}`
const hash = `(?:[${alpha}]{8,10}|[456789bcdf]{6,7})`
const duration = '(?:\\d+y(?:\\d+d)?|\\d+d(?:\\d+h)?|\\d+h(?:\\d+m)?(?:\\d+s)?|\\d+m(?:\\d+s)?|\\d+s|\\d+ms|0s)'
const durationOnly = new RegExp(`^(?:${duration}|<unknown>|<invalid>)$`)
const [open, mid, close] = ['\x01', '\x02', '\x03']
const markPattern = /\x01([a-z-]+)\x02([^\x03]*)\x03/g

const ageColumns = new Set(['AGE', 'LAST SEEN', 'FIRST SEEN', 'LAST SCHEDULE', 'DURATION'])
const nodeColumns = new Set(['OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME'])
const standInSources = ['kwok', 'kwok-controller']
const nodeSources = ['kubelet', 'kwok', 'kwok-controller', 'node-controller', 'kube-proxy']
const nodeReasons = new Set([
  'Pulling', 'Pulled', 'Created', 'Started', 'Killing', 'BackOff', 'Failed', 'Unhealthy', 'FailedMount', 'FailedCreatePodSandBox', 'SandboxChanged', 'NodeReady', 'NodeNotReady', 'NodeHasSufficientMemory', 'Starting',
  'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'RegisteredNode', 'NodeAllocatableEnforced', 'NodeNotSchedulable', 'NodeSchedulable', 'SuccessfulAttachVolume', 'CIDRAssignmentFailed',
])
const perOutput = new Set(['pod', 'pod-ip'])

type Column = readonly [name: string, start: number]

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const indentOf = (line: string): number => line.length - line.replace(/^ +/, '').length
const blind = (line: string): string => line.replace(markPattern, '<$1>')
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export class Normaliser {
  readonly #literal: string
  readonly #masks: readonly (readonly [RegExp, string])[]
  readonly #numbers = new Map<string, Map<string, number>>()
  #local = new Map<string, Map<string, number>>()
  readonly #known = new Map<string, boolean>()
  /** Recorded with a real kubelet: its events and statuses are compared. */
  readonly #kubelet: boolean

  constructor(literal: string, masks: readonly (readonly [string, string])[], options: { readonly kubelet?: boolean } = {}) {
    this.#kubelet = options.kubelet ?? false
    this.#literal = literal
    this.#masks = masks.map(([pattern, text]) => [new RegExp(pattern.replace(/^\(\?m\)/, ''), /^\(\?m\)/.test(pattern) ? 'gm' : 'g'), text.replace(/\\(\d)/g, '$$$1')])
  }

  command(cmd: string, stdout: string, stderr: string): { readonly stdout: string; readonly stderr: string } {
    this.#local = new Map()
    return { stdout: this.#text(stdout, cmd), stderr: this.#text(stderr, cmd) }
  }

  get #sources(): readonly string[] {
    return this.#kubelet ? standInSources : nodeSources
  }

  #isLiteral(value: string): boolean {
    let known = this.#known.get(value)
    if (known === undefined) {
      known = this.#literal.includes(value) && new RegExp(`(?<![A-Za-z0-9.-])${escapeRegExp(value)}(?![A-Za-z0-9-])(?!\\.[0-9])`).test(this.#literal)
      this.#known.set(value, known)
    }
    return known
  }

  #number(kind: string, value: string): number {
    const table = perOutput.has(kind) ? this.#local : this.#numbers
    let names = table.get(kind)
    if (!names) table.set(kind, (names = new Map()))
    let n = names.get(value)
    if (n === undefined) names.set(value, (n = names.size + 1))
    return n
  }

  #text(raw: string, cmd: string): string {
    let text = raw.replace(/\x1b\[[0-9;]*m/g, '').replaceAll('\r\n', '\n').replaceAll('\t\n', '\n').replace(/[\x01\x02\x03]/g, '')
    if (text.trim() === '') return ''
    text = cleanJson(text, this.#kubelet)
    text = yamlBlocks(text, this.#kubelet)
    const prose = isProse(cmd)
    let lines = text.split('\n').map((l) => l.trimEnd())
    while (lines.at(-1) === '') lines.pop()
    if (!prose) lines = this.#describe(this.#tables(lines, cmd))
    text = lines.join('\n')
    for (const [pattern, to] of this.#masks) text = text.replace(pattern, to)
    text = this.#global(text, cmd)
    if (this.#kubelet) text = kubeletValues(text, cmd)
    if (!prose) text = this.#order(this.#values(text).split('\n'), cmd).join('\n')
    text = text.replace(markPattern, (_, kind: string, value: string) => `<${kind}-${this.#number(kind, value)}>`)
    return sortAddressLists(text).split('\n').map(collapse).join('\n')
  }

  #tables(lines: readonly string[], cmd: string): string[] {
    const out: string[] = []
    let columns: Column[] | undefined
    const listing = isListing(cmd)
    for (const line of lines) {
      const head = headerColumns(line)
      if (head) {
        columns = head
        out.push(head.map(([c]) => c).join('  '))
        continue
      }
      if (line.trim() === '') {
        columns = undefined
        out.push(line)
        continue
      }
      const cells = columns ? splitCells(line, columns) : undefined
      if (!cells) {
        out.push(listing && !/^(error|Error|Warning|No resources)/.test(line) ? this.#looseAges(line) : line)
        continue
      }
      const row = new Map(columns!.map(([name], i) => [name, cell(name, cells[i]!)]))
      if (!isNodeEvent(row, this.#kubelet)) out.push(columns!.map(([name]) => row.get(name)!).join('  '))
    }
    return out
  }

  #looseAges(line: string): string {
    return line.replace(new RegExp(`\\((${duration}) ago\\)`, 'g'), '(<age> ago)').replace(new RegExp(`(\\s)(${duration}|<unknown>|<invalid>)(?=\\s|$)`, 'g'), (whole, before: string, value: string) => (/^\d+m$/.test(value) && this.#isLiteral(value) ? whole : `${before}<age>`))
  }

  #describe(lines: readonly string[]): string[] {
    const out: string[] = []
    for (let i = 0; i < lines.length; ) {
      let line = lines[i]!
      const next = lines[i + 1]
      if (/^\s*Events:\s*$/.test(line) && next !== undefined && /^\s*(LAST SEEN|Type\s+Reason|FirstSeen)/.test(next)) {
        i = this.#eventBlock(lines, i, out)
        continue
      }
      if (/^\s*Conditions:\s*$/.test(line) && next !== undefined && /^\s*Type\s+Status/.test(next)) {
        i = conditionBlock(lines, i, out, this.#kubelet)
        continue
      }
      if (/^\s*Type\s+Resource\s+Min\s+Max/.test(line)) {
        let j = i + 1
        while (j < lines.length && lines[j]!.trim() !== '') j++
        const rows = lines.slice(i + 1, j).filter((l) => /[^- ]/.test(l))
        out.push(line, ...rows.sort((a, b) => byText(a.trim().split(/\s+/).join('\0'), b.trim().split(/\s+/).join('\0'))))
        i = j
        continue
      }
      i++
      let m = new RegExp(`^(\\s*(?:Normal|Warning)\\s+[A-Z]\\w+\\s+)(?:${duration}|<unknown>|<invalid>)(?:\\s+\\(x\\d+ over [^)]*\\))?\\s+(\\S+)(\\s.*)?$`).exec(line)
      if (m) {
        if (this.#sources.includes(m[2]!.replace(/,+$/, ''))) continue
        line = `${m[1]!}<age>  ${m[2]!}${m[3] ?? ''}`
      }
      m = /^(\s*)(Age|Duration|Last Schedule Time):(\s+)(\S.*)$/.exec(line)
      if (m && durationOnly.test(m[4]!)) line = `${m[1]!}${m[2]!}:${m[3]!}<age>`
      m = /^(\s*)(Container ID|Image ID|Machine ID|System UUID|Boot ID|Kernel Version|OS Image|Container Runtime Version|HolderIdentity|RenewTime|AcquireTime):(.*)$/.exec(line)
      if (m && (!this.#kubelet || m[3]!.trim() !== '')) line = `${m[1]!}${m[2]!}:  <${m[2]!.toLowerCase().replaceAll(' ', '-')}>`
      line = line.replace(new RegExp(`(\\S+ \\(\\d+%\\)\\s+)${duration}$`), '$1<age>')
      if (line.includes('kwok.x-k8s.io') && /^(kwok\.x-k8s\.io|type=kwok)/.test(line.trim())) continue
      out.push(line)
    }
    return out
  }

  #eventBlock(lines: readonly string[], at: number, out: string[]): number {
    const indent = indentOf(lines[at]!)
    const columns: Column[] = [...lines[at + 1]!.matchAll(/\S+(?: \S+)*/g)].map((m) => [m[0], m.index])
    let j = at + 2
    const rows: string[] = []
    for (; j < lines.length && lines[j]!.trim() !== '' && indentOf(lines[j]!) > indent; j++) {
      let cells = splitLimited(lines[j]!.trim(), columns.length)
      if (cells.length !== columns.length) cells = splitCells(lines[j]!, columns) ?? [...cells, ...Array<string>(columns.length - cells.length).fill('')]
      if (!/[^- ]/.test(cells.join(''))) continue
      const row = new Map(columns.map(([c], k) => [c, cells[k]!]))
      const source = row.get('From') ?? ''
      if (source !== '' ? this.#sources.includes(source.split(',')[0]!.trim()) : !this.#kubelet && nodeReasons.has(row.get('Reason') ?? '')) continue
      if (row.has('Age')) row.set('Age', '<age>')
      rows.push(columns.map(([c]) => row.get(c) ?? '').filter((v) => v !== '').join('  '))
    }
    const pad = ' '.repeat(indent)
    if (rows.length === 0) {
      out.push(`${pad}Events:  <none>`)
      return j
    }
    const sorted = uniqueSorted(rows, (r) => blind(this.#values(this.#global(r, ''))))
    out.push(`${pad}Events:`, `${pad}  ${columns.map(([c]) => c).join('  ')}`, ...sorted.map((r) => `${pad}  ${r}`))
    return j
  }

  #unlessLiteral(pattern: RegExp, text: string, to: string): string {
    return text.replace(pattern, (m) => (this.#isLiteral(m) ? m : to))
  }

  #global(input: string, cmd: string): string {
    let text = input.replace(/-----BEGIN ([A-Z ]+)-----.*?-----END \1-----/gs, '<pem $1>')
    text = this.#unlessLiteral(/LS0tLS1CRUdJTi[A-Za-z0-9+/=]+/g, text, '<pem-base64>')
    text = this.#unlessLiteral(/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, text, '<token>')
    text = this.#unlessLiteral(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, text, '<uid>')
    text = this.#unlessLiteral(/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?(?: UTC)?/g, text, '<time>')
    text = this.#unlessLiteral(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} (?:[+-]\d{4}|[A-Z]{3})(?: [A-Z]{3})?/g, text, '<time>')
    text = text.replace(/(resourceVersion"?: ?)"\d+"/g, '$1"<rv>"').replace(/(Resource Version:\s+)\d+/g, '$1<rv>')
    text = text.replace(/^([EWIF])\d{4} \d{2}:\d{2}:\d{2}\.\d+ +\d+ (\w+\.go):\d+\]/gm, '$1<time> $2]')
    text = text.replace(/\b(default-scheduler, default-scheduler)-[\w.-]+/g, '$1-<host>')
    text = text.replace(/\bsha256:[0-9a-f]{64}\b/g, 'sha256:<digest>').replace(/X509SHA256=[0-9a-f]+/g, 'X509SHA256=<digest>').replace(/\bcontainerd:\/\/[0-9a-f]{64}\b/g, '<container-id>')
    text = text.replace(/\/tmp\/[\w.]+-edit-[A-Za-z0-9]+\.(yaml|json)/g, '/tmp/kubectl-edit-<n>.$1').replace(/\/tmp\/(LIVE|MERGED)-\d+/g, '/tmp/$1-<n>')
    text = text.replace(/(object given to jsonpath engine was:\n\s*).*/g, '$1<object>')
    text = text.replace(/\bv1\.(\d+)\.\d+(?:[-+][0-9A-Za-z.+-]+)?/g, (m, minor: string) => (this.#isLiteral(m) ? m : `v1.${minor}.<patch>`))
    if (/\bversion\b/.test(cmd)) text = text.replace(/("?(?:gitCommit|gitTreeState|buildDate|goVersion|compiler|platform)"?: )\S+?(,?)$/gm, '$1<build>$2')
    return text
  }

  #values(input: string): string {
    const mark = (kind: string, value: string) => `${open}${kind}${mid}${value}${close}`
    const forms: readonly (readonly [RegExp, (m: RegExpExecArray, word: string) => string])[] = [
      [new RegExp(`^(.+)-(${hash})-(${suffix})$`), (m, w) => `${m[1]!}-${mark('hash', m[2]!)}-${mark('pod', w)}`],
      [new RegExp(`^(.+)-(\\d{8})-(${suffix})$`), (m, w) => `${m[1]!}-${mark('run', m[2]!)}-${mark('pod', w)}`],
      [/^(.+)-(\d{8})$/, (m) => `${m[1]!}-${mark('run', m[2]!)}`],
      [new RegExp(`^(.+)-(${hash})$`), (m) => `${m[1]!}-${mark('hash', m[2]!)}`],
      [new RegExp(`^(.+)-(${suffix})$`), (m, w) => `${m[1]!}-${mark('pod', w)}`],
    ]
    let text = input.replace(/\bkube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<suffix>')
    text = text.replace(/(?<=[a-z0-9])\.(1[0-9a-f]{15})\b/g, (_, id: string) => `.${mark('event', id)}`)
    text = text.replace(/(?<![A-Za-z0-9-])[a-z0-9]+(?:-[a-z0-9]+)+(?![A-Za-z0-9-])/g, (word) => {
      if (this.#isLiteral(word)) return word
      for (const [pattern, to] of forms) {
        const m = pattern.exec(word)
        if (m) return to(m, word)
      }
      return word
    })
    text = text.replace(new RegExp(`((?:pod-template-hash|controller-revision-hash)(?:=|"?: ?"?))(${hash})\\b`, 'g'), (_, head: string, h: string) => head + mark('hash', h))
    const podIp = this.#kubelet ? /(?<![\d.])192\.168\.\d{1,3}\.\d{1,3}(?![\d.])/g : /(?<![\d.])192\.168\.\d{1,3}\.\d{1,3}(?![\d./])/g
    text = text.replace(podIp, (m) => (this.#isLiteral(m) || (this.#kubelet && /\.(0|1|255)$/.test(m)) ? m : mark('pod-ip', m)))
    text = text.replace(/(?<![\d.])10\.(?:9[6-9]|10\d|11[01])\.\d{1,3}\.\d{1,3}(?![\d./])/g, (m) => (m === '10.96.0.1' || m === '10.96.0.10' || this.#isLiteral(m) ? m : mark('cluster-ip', m)))
    return text.replace(/(?<![\w.\x02-])3[0-2]\d{3}(?![\w.-])/g, (m) => (Number(m) > 30000 && Number(m) < 32767 && !this.#isLiteral(m) ? mark('node-port', m) : m))
  }

  #order(input: readonly string[], cmd: string): string[] {
    let lines = [...input]
    if (this.#kubelet) {
      if (cmd.includes('nslookup')) lines = sortedRuns(lines.filter((l) => l.trim() !== ''), '** ')
      if (/\blogs\b.*--all-containers/.test(cmd)) return lines.sort((a, b) => byText(blind(a), blind(b)))
      if (/-- ps\b/.test(cmd)) lines = lines.map((l) => l.replace(/^( *)(?!1 )\d+( +\S+ )/, '$1<pid>$2'))
    }
    if (/\brollout\s+status\b/.test(cmd)) lines = rolloutLines(lines)
    if (/\b(kubectl|k)\b.*\bdrain\b/.test(cmd) || /\b(label|annotate)\b.*--list\b/.test(cmd)) return lines.sort((a, b) => byText(blind(a), blind(b)))
    if (/\bcan-i\b.*--list\b/.test(cmd) && lines.length > 1) return [lines[0]!, ...lines.slice(1).sort((a, b) => byText(blind(a), blind(b)))]
    if (/\b(get\s+(events?|ev)|kubectl\s+events|k\s+events)\b/.test(cmd) && !/--sort-by|-o json|-o yaml/.test(cmd)) {
      const head = lines.length > 0 && headerColumns(lines[0]!) ? lines.slice(0, 1) : []
      return [...head, ...uniqueSorted(lines.slice(head.length), blind)]
    }
    if (cmd.includes('--sort-by') || /-o[ =]?(json|yaml)\b/.test(cmd)) return lines
    const out: string[] = []
    let group: string[] = []
    let key: string | undefined
    const flush = () => {
      out.push(...group.sort((a, b) => byText(blind(a), blind(b))))
      group = []
    }
    for (const line of sortedBullets(lines)) {
      const name = line.split('  ')[0]!
      const first = name.includes(open) ? blind(name) : undefined
      if (first !== undefined && first === key) {
        group.push(line)
        continue
      }
      flush()
      key = undefined
      if (first === undefined) out.push(line)
      else {
        group = [line]
        key = first
      }
    }
    flush()
    return out
  }
}

function cell(column: string, text: string): string {
  if (ageColumns.has(column)) {
    const base = text.replace(/\s*\(x\d+ over [^)]*\)/, '')
    return durationOnly.test(base) ? '<age>' : base
  }
  if (column === 'COUNT' && /^\d+$/.test(text)) return '<n>'
  if (nodeColumns.has(column) && text !== '') return `<${column.toLowerCase()}>`
  if (column === 'RESTARTS') return text.replace(new RegExp(`\\((${duration}) ago\\)`), '(<age> ago)')
  return text
}

function cleanJson(text: string, kubelet: boolean): string {
  const probe = text.trim()
  if (!/^[{[]/.test(probe) || !/[}\]]$/.test(probe)) return text
  try {
    return JSON.stringify(clean(JSON.parse(probe), kubelet), null, 4)
  } catch {
    return text
  }
}

function clean(node: unknown, kubelet: boolean): unknown {
  if (Array.isArray(node)) return node.map((n) => clean(n, kubelet))
  if (typeof node !== 'object' || node === null) return node
  const out: Record<string, unknown> = {}
  for (const [k, v] of Object.entries(node)) {
    if (k === 'managedFields') continue
    out[k] = !kubelet && k === 'status' && typeof v === 'object' && v !== null && 'containerStatuses' in v ? '<node-status>' : clean(v, kubelet)
  }
  return out
}

function yamlBlocks(text: string, kubelet: boolean): string {
  if (!text.includes('managedFields:') && !text.includes('containerStatuses:')) return text
  const lines = text.split('\n')
  const out: string[] = []
  for (let i = 0; i < lines.length; ) {
    const m = /^(\s*)(?:- )?(managedFields|status):\s*$/.exec(lines[i]!)
    if (m && /^(managedFields|status)/.test(lines[i]!.trimStart())) {
      const indent = m[1]!.length
      let j = i + 1
      while (j < lines.length && lines[j]!.trim() !== '' && (indentOf(lines[j]!) > indent || (indentOf(lines[j]!) === indent && lines[j]!.trimStart().startsWith('- ')))) j++
      if (m[2] === 'managedFields') {
        i = j
        continue
      }
      if (!kubelet && lines.slice(i, j).some((b) => /^\s*containerStatuses:/.test(b))) {
        out.push(`${m[1]!}status: <node-status>`)
        i = j
        continue
      }
    }
    out.push(lines[i++]!)
  }
  return out.join('\n')
}

function conditionBlock(lines: readonly string[], at: number, out: string[], kubelet: boolean): number {
  const indent = indentOf(lines[at]!)
  let j = at + 2
  const rows: string[] = []
  for (; j < lines.length && lines[j]!.trim() !== '' && indentOf(lines[j]!) > indent; j++) {
    const row = lines[j]!.trim().replace(/\s{2,}/g, '  ')
    const first = row.split('  ')[0]!.split(' ')[0]!
    if (/[^- ]/.test(row) && (kubelet || first !== 'PodReadyToStartContainers') && first !== 'NetworkUnavailable') rows.push(row)
  }
  const pad = ' '.repeat(indent)
  out.push(`${pad}Conditions:`, `${pad}  ${lines[at + 1]!.trim().replace(/\s{2,}/g, '  ')}`, ...rows.sort(byText).map((r) => `${pad}  ${r}`))
  return j
}

function isProse(cmd: string): boolean {
  return /(^|\s)(--help|-h|explain|options)(\s|$)/.test(cmd) || /\b(kubectl|k)\s+help\b/.test(cmd)
}

function isListing(cmd: string): boolean {
  return /\b(kubectl|k)\b[^|;&]*\b(get|top|events)\b/.test(cmd) && !/(-o|--output)[ =]*'?"?(yaml|json|jsonpath|go-template|name|custom-columns|jsonpath-as-json)/.test(cmd)
}

function headerColumns(line: string): Column[] | undefined {
  if (!/^[A-Z][A-Z0-9()/%_.# -]*$/.test(line)) return undefined
  const columns: Column[] = [...line.matchAll(/\S+(?: \S+)*/g)].map((m) => [m[0], m.index])
  if (!columns.every(([name]) => /^[A-Za-z]/.test(name))) return undefined
  if (columns.length === 1 && !['NAME', 'NODE', 'IMAGE', 'IP', 'POD'].includes(columns[0]![0])) return undefined
  return columns
}

function splitCells(line: string, columns: readonly Column[]): string[] | undefined {
  for (const [, start] of columns.slice(1)) if (start < line.length && start > 0 && line[start - 1] !== ' ') return undefined
  const cells = columns.map(([, start], k) => line.slice(start, columns[k + 1]?.[1] ?? line.length).trim())
  return cells[0] === '' ? undefined : cells
}

/** Python's re.split with a limit: the rest stays whole. */
function splitLimited(text: string, parts: number): string[] {
  const out: string[] = []
  let rest = text
  while (out.length < parts - 1) {
    const m = /\s{2,}/.exec(rest)
    if (!m) break
    out.push(rest.slice(0, m.index))
    rest = rest.slice(m.index + m[0].length)
  }
  return [...out, rest]
}

function isNodeEvent(row: ReadonlyMap<string, string>, kubelet: boolean): boolean {
  if (!row.has('REASON') || !row.has('OBJECT')) return false
  if (row.has('SOURCE')) return (kubelet ? standInSources : nodeSources).includes(row.get('SOURCE')!.split(',')[0]!.trim())
  if (kubelet) return false
  return nodeReasons.has(row.get('REASON')!) && ['pod', 'node', 'Pod', 'Node'].includes(row.get('OBJECT')!.split('/')[0]!)
}

function uniqueSorted(rows: readonly string[], key: (row: string) => string): string[] {
  return [...rows].map((r) => [key(r), r] as const).sort((a, b) => byText(a[0], b[0])).map(([, r]) => r).filter((r, i, all) => all.indexOf(r) === i)
}

function sortedBullets(lines: readonly string[]): string[] {
  const out: string[] = []
  let bullets: string[] = []
  for (const line of [...lines, undefined]) {
    if (line?.startsWith('* ')) {
      bullets.push(line)
      continue
    }
    out.push(...bullets.sort((a, b) => byText(blind(a), blind(b))))
    bullets = []
    if (line !== undefined) out.push(line)
  }
  return out
}

/** Neighbouring lines with the same start, sorted. */
function sortedRuns(lines: readonly string[], start: string): string[] {
  const out: string[] = []
  let run: string[] = []
  for (const line of [...lines, undefined]) {
    if (line?.startsWith(start)) {
      run.push(line)
      continue
    }
    out.push(...run.sort((a, b) => byText(blind(a), blind(b))))
    run = []
    if (line !== undefined) out.push(line)
  }
  return out
}

/** What only a real kubelet and runtime write. */
function kubeletValues(input: string, cmd: string): string {
  let text = input.replace(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g, '<container-id>').replaceAll('containerd://<container-id>', '<container-id>')
  text = text.replace(/\bin [0-9.a-zµ]+ \([0-9.a-zµ]+ including waiting\)\. Image size: \d+ bytes/g, 'in <age> (<age> including waiting). Image size: <n> bytes')
  text = text.replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>').replace(/\bveth[0-9a-f]{8}\b/g, '<veth>').replace(/@if\d+/g, '@if<n>').replace(/\bfe80::[0-9a-f:]+/g, '<link-local>')
  text = text.replace(/((?:\d{1,3}\.){3}\d{1,3}:)\d{4,5}(->)/g, '$1<port>$2').replace(/\/run\/netns\/cni-[0-9a-f-]+/g, '/run/netns/cni-<id>')
  text = text.replace(new RegExp(`\\(x\\d+ over (?:${duration})\\)`, 'g'), '(x<n> over <age>)').replace(/(error: container \S+ has not been ready for )\S+/g, '$1<age>').replace(/Terminating \(lasts [^)]*\)/g, 'Terminating (lasts <age>)')
  text = text.replace(/(imageID"?: "?)(?:[a-z0-9.]+\/[\w./-]+@)?sha256:[0-9a-f<>digest]+/g, '$1<image-id>').replace(/\b\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\b/g, '<time>').replace(/\bOS: Linux \S+/g, 'OS: Linux <kernel>')
  text = text.replace(/\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+/g, '..<data>').replace(/(-[rwxs-]{9}|[dl][rwxst-]{9})( +\d+ +\S+ +\S+ +\d+) \w{3} +\d+ +\d\d:\d\d/g, '$1$2 <date>').replace(/(l[rwx]{9} +\d+ +\S+ +\S+ +)\d+( <date> \.\.data)/g, '$1<n>$2')
  if (/\b(describe|desc)\b.*\bnodes?\b/.test(cmd)) text = text.replace(/\(\d+%\)/g, '(<n>%)').replace(/^( {2}(?:cpu|memory|ephemeral-storage|hugepages-\w+):\s+)\S+$/gm, '$1<n>')
  return text
}

function rolloutLines(lines: readonly string[]): string[] {
  const done = lines.some((l) => /successfully rolled out|roll out complete|rolling update complete/.test(l))
  const out: string[] = []
  for (const line of lines) if (!(line.toLowerCase().startsWith('waiting for ') && (done || out.at(-1) === line))) out.push(line)
  return out
}

function sortAddressLists(text: string): string {
  return text.replace(/<pod-ip-\d+>(?::\d+)?(?:,<pod-ip-\d+>(?::\d+)?)+/g, (list) => {
    const n = (p: string) => Number(/<pod-ip-(\d+)>/.exec(p)![1])
    return list.split(',').sort((a, b) => n(a) - n(b) || byText(a, b)).join(',')
  })
}

function collapse(line: string): string {
  const stripped = line.replace(/^[ \t]+/, '')
  return line.slice(0, line.length - stripped.length) + stripped.replace(/[ \t]{2,}/g, '  ').trimEnd()
}
