/**
 * SessionApi: the interface ↔ the engine. Plain JSON-safe data both ways. Carried by a Web Worker in the app, called directly in
 * tests and the CLI. One session is one learner's sitting: a cluster, its terminals, a lab or lesson, a grader, a tracer.
 */

/** What to open. The files of the content come with it: the engine never reads a disk. */
export type OpenRequest =
  | { readonly kind: 'lab'; readonly lab: LabBundle; readonly resume?: SittingLog }
  | { readonly kind: 'lesson'; readonly lesson: { readonly id: string; readonly cluster: string }; readonly resume?: SittingLog }
  | { readonly kind: 'sandbox'; readonly cluster: string; readonly resume?: SittingLog }

/** A lab folder as text: file path below the folder → content. */
export interface LabBundle {
  readonly id: string
  readonly files: Readonly<Record<string, string>>
}

/** A sitting is a seed and the ordered inputs: enough to rebuild cluster and terminals to the byte. */
export interface SittingLog {
  readonly version: 1
  readonly seed: string
  readonly open: { readonly kind: 'lab' | 'lesson' | 'sandbox'; readonly id: string; readonly cluster: string }
  /** Which build of the engine answered; another one may answer with other names and times. */
  readonly engine?: string
  readonly inputs: readonly SittingInput[]
  /** Virtual ms since the start up to which the sitting had run. */
  readonly until: number
}

/** `at`: virtual ms since the sitting's start at which the input was applied. */
export type SittingInput =
  | { readonly at: number; readonly kind: 'terminal-open'; readonly terminal: string; readonly columns: number; readonly rows: number }
  | { readonly at: number; readonly kind: 'terminal-close'; readonly terminal: string }
  | { readonly at: number; readonly kind: 'key'; readonly terminal: string; readonly data: string }
  | { readonly at: number; readonly kind: 'resize'; readonly terminal: string; readonly columns: number; readonly rows: number }
  | { readonly at: number; readonly kind: 'editor'; readonly terminal: string; readonly saved: boolean; readonly text: string }
  | { readonly at: number; readonly kind: 'skip'; readonly to: number }
  /** A bash script run on the workstation outside any terminal (proofs, transcripts, the CLI); it had ended before the next input. */
  | { readonly at: number; readonly kind: 'script'; readonly script: string }

export interface SessionInfo {
  /** The log that was resumed comes from another build of the engine. */
  readonly otherEngine?: true
  readonly cluster: ClusterInfo
  readonly lab?: LabInfo
  /** Host names that a terminal can be opened on; the first is the workstation. */
  readonly hosts: readonly string[]
  /** Virtual ms since the epoch at the start. */
  readonly start: number
}

export interface ClusterInfo {
  readonly name: string
  readonly title: string
  readonly version: string
  readonly nodes: readonly string[]
  readonly plugin: string
  readonly proxyMode: string
}

export interface LabInfo {
  readonly id: string
  readonly title: string
  readonly domain: string
  readonly competency: string
  readonly difficulty: number
  readonly minutes: number
  readonly tasks: readonly { readonly id: string; readonly text: string; readonly points: number }[]
  readonly hints: number
  /** Markdown, shown above the tasks; may be empty. */
  readonly story: string
}

export interface CheckResult {
  readonly id: string
  /** One sentence: what is demanded. */
  readonly title: string
  readonly pass: boolean
  readonly expected: string
  readonly observed: string
  /** Why it is so, in a sentence that names the object or rule; empty when nothing is to be said. */
  readonly why: string
  /** Lines of proof: command outputs, trace lines. */
  readonly evidence: readonly string[]
  /** Where to look next. */
  readonly links: readonly CheckLink[]
}

export type CheckLink =
  | { readonly kind: 'object'; readonly object: ObjectRef; readonly command: string }
  | { readonly kind: 'trace'; readonly request: TraceRequest; readonly command: string }
  | { readonly kind: 'command'; readonly command: string }

export interface ObjectRef {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export interface GradeResult {
  readonly at: number
  readonly points: number
  readonly outOf: number
  readonly tasks: readonly { readonly id: string; readonly pass: boolean; readonly points: number; readonly checks: readonly CheckResult[] }[]
}

/** An object that the learner's cluster and the solution's do not have alike. YAML of what one writes, without status and what the server fills in; absent where there is no such object. */
export interface ObjectDifference {
  readonly ref: ObjectRef
  readonly learner?: string
  readonly solution?: string
}

export interface TraceRequest {
  /** `pod/NAME`, `NAMESPACE/NAME`, a node name or `workstation`. */
  readonly from: string
  /** A pod, a service, a DNS name or an address. */
  readonly to: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
}

export interface TraceReport {
  readonly request: TraceRequest
  /** The sentence at the top: what became of it and who decided. */
  readonly summary: string
  readonly verdict: 'delivered' | 'dropped' | 'rejected' | 'unreachable' | 'timed-out' | 'looped' | 'name-not-found'
  readonly next: string
  readonly forward: readonly TraceBand[]
  readonly reply: readonly TraceBand[]
}

/** What one network namespace did with the packet, its stages in order. */
export interface TraceBand {
  readonly node: string
  readonly namespace: string
  readonly title: string
  readonly steps: readonly TraceStep[]
}

export interface TraceStep {
  readonly stage: string
  readonly device?: string
  readonly rule?: string
  readonly object?: ObjectRef
  readonly why: string
  /** Header fields that this step changed. */
  readonly changes: readonly { readonly field: string; readonly before: string; readonly after: string }[]
  readonly decisive: boolean
}

/** The network map: everything is placed by structure. */
export interface MapSnapshot {
  readonly revision: number
  readonly nodes: readonly MapNode[]
  readonly services: readonly MapService[]
  /** Pods that no node has been chosen for. */
  readonly unplaced?: readonly MapPod[]
  /** Bare machines: no API server has served here yet. */
  readonly noApi?: true
  readonly tunnels: readonly { readonly from: string; readonly to: string; readonly kind: string }[]
}

export interface MapNode {
  readonly name: string
  readonly address: string
  readonly podCidr: string
  readonly ready: boolean
  readonly role: string
  readonly bridge: string
  readonly pods: readonly MapPod[]
}

export interface MapPod {
  readonly namespace: string
  readonly name: string
  readonly address: string
  readonly phase: string
  readonly ready: boolean
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
}

export interface MapService {
  readonly namespace: string
  readonly name: string
  readonly type: string
  readonly address: string
  /** Addresses at which it is reached from outside: the load balancer's and `externalIPs`. */
  readonly external?: readonly string[]
  readonly ports: readonly string[]
  readonly endpoints: readonly { readonly pod?: string; readonly address: string; readonly ready: boolean }[]
}

export interface PolicyMatrix {
  readonly subjects: readonly { readonly id: string; readonly namespace: string; readonly title: string; readonly pods: readonly string[] }[]
  readonly ports: readonly { readonly port: number; readonly protocol: string }[]
  /** Row = from, column = to; true where packets pass. */
  readonly cells: readonly (readonly { readonly allowed: boolean; readonly why: string }[])[]
  /** Nothing on the nodes turns NetworkPolicies into rules, so none of them counts. */
  readonly unenforced?: true
}

export interface TimelineEntry {
  readonly at: number
  readonly kind: 'command' | 'event'
  readonly text: string
}

export interface SessionMethods {
  /** Boots a cluster of this shape ahead of an `open` that will want one. */
  prepare(cluster: string): void
  open(request: OpenRequest): SessionInfo
  close(): void
  /** Columns × rows; `host` defaults to the workstation. Output comes as `output` events. */
  openTerminal(terminal: string, size: { columns: number; rows: number }): void
  closeTerminal(terminal: string): void
  input(terminal: string, data: string): void
  resize(terminal: string, size: { columns: number; rows: number }): void
  /** Answers the `editor` event. */
  editorDone(terminal: string, result: { saved: boolean; text: string }): void
  /** Runs one line in the terminal as if it were typed and waits for its prompt. */
  run(terminal: string, command: string): { exit: number }
  grade(task?: string): GradeResult
  /** The next hint, or the one with this number (1 is the first) again. */
  hint(rung?: number): { text: string; left: number } | undefined
  solution(): { script: string; debrief: string }
  /** Carries the solution out on a cluster of its own, from the lab's start, and compares objects with the learner's. */
  compare(): readonly ObjectDifference[]
  trace(request: TraceRequest): TraceReport
  map(): MapSnapshot
  matrix(port: number, protocol: 'tcp' | 'udp'): PolicyMatrix
  /** Every object that somebody may want to look at, the learner's before the system's. */
  objects(): readonly ObjectRef[]
  /** YAML of one object, what owns it, and its events. */
  object(ref: ObjectRef): { yaml: string; events: readonly string[]; owners: readonly ObjectRef[]; owned: readonly ObjectRef[] } | undefined
  timeline(): readonly TimelineEntry[]
  /** 1 follows the wall clock, 0 stands still. */
  setSpeed(speed: number): void
  /** Jumps to the next event of the cluster. */
  skip(): { now: number }
  /** Takes the last command (or `to`, a timeline time) back: the cluster before it, by replay. */
  undo(to?: number): { undone: string } | undefined
  reset(): void
  log(): SittingLog
}

export interface SessionEvents {
  /** Batched per frame. */
  output: { readonly terminal: string; readonly data: string }
  /** A program asks for the editor over the terminal pane. */
  editor: { readonly terminal: string; readonly path: string; readonly text: string; readonly keys: 'vi' | 'nano'; readonly readOnly: boolean }
  /** The map changed; ask again when it is shown. */
  mapChanged: { readonly revision: number }
  clock: { readonly now: number }
  /** The sitting grew: the interface stores it through HostApi. */
  logged: { readonly inputs: number }
  /** Terminals were rebuilt (undo, reset, resume): the whole screen text comes as output after this. */
  rebuilt: { readonly terminals: readonly string[] }
  /** A bug reached the boundary: the replay that shows it. */
  crashed: { readonly message: string; readonly log: SittingLog }
}
