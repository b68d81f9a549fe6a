/** lab.yaml: what a lab demands and how it is judged. The field reference is generated from these schemas. */
import { z } from 'zod'
import { id, strict } from './strict.ts'

/** The five domains of the CKA and their weights in percent. */
export const domains = {
  troubleshooting: { title: 'Troubleshooting', weight: 30 },
  'cluster-architecture': { title: 'Cluster Architecture, Installation and Configuration', weight: 25 },
  'services-networking': { title: 'Servicing and Networking', weight: 20 },
  'workloads-scheduling': { title: 'Workloads and Scheduling', weight: 15 },
  storage: { title: 'Storage', weight: 10 },
} as const

export type Domain = keyof typeof domains

const place = z.string().regex(/^(node:[\w.-]+|host:[\w.-]+|[a-z0-9-]+\/[\w.=/-]+)$/, 'a place is namespace/pod, namespace/label=value, node:NAME or host:NAME')
const port = z.number().int().min(1).max(65535)
const protocol = z.enum(['tcp', 'udp']).default('tcp')
const seconds = z.number().positive().max(120).default(3)

/** How a value found in an object is judged; exactly what is named must hold. */
const condition = strict({
  /** `spec.ports[0].port`, `spec.containers[name=web].image`, `spec.template.spec.containers[*].image`. */
  path: z.string().min(1),
  equals: z.unknown().optional(),
  /** Every element or key of this must be in the value; for text, it must contain it. */
  contains: z.unknown().optional(),
  matches: z.string().optional(),
  exists: z.boolean().optional(),
  atLeast: z.number().optional(),
  atMost: z.number().optional(),
})

/** A certificate authority to judge by: a PEM file on a host. */
const authority = strict({ host: z.string(), path: z.string() })

const control = strict({ from: place, to: z.string().optional(), port: port.optional() })

/** One schema per kind of check. */
export const checkKinds = {
  reachable: strict({ from: place, to: z.string(), port, protocol, timeout: seconds }),
  unreachable: strict({ from: place, to: z.string(), port, protocol, timeout: seconds, because: z.enum(['policy', 'no-endpoints', 'firewall']).default('policy'), control: control.optional() }),
  http: strict({
    from: place,
    url: z.string().regex(/^https?:\/\//),
    method: z.string().default('GET'),
    host: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
    status: z.number().int().default(200),
    contains: z.string().optional(),
    /** https: the certificate must verify against this authority, for `host` or the URL's name; without it any certificate will do. */
    ca: authority.optional(),
    /** A header of the answer that must hold this text, as `Location` of a redirect. */
    answers: z.record(z.string(), z.string()).default({}),
    /** Repeated requests; all must pass. */
    times: z.number().int().min(1).max(100).default(1),
    /** At least so many different bodies over `times` requests. */
    spread: z.number().int().optional(),
    timeout: seconds,
  }),
  /** Which certificate is shown to a client that names `name`, and whether `ca` vouches for it. */
  tls: strict({ from: place, to: z.string(), port: port.default(443), name: z.string(), ca: authority, trusted: z.boolean().default(true), timeout: seconds }),
  dns: strict({ from: place, name: z.string(), type: z.enum(['A', 'SRV', 'PTR', 'CNAME', 'TXT']).default('A'), code: z.enum(['NOERROR', 'NXDOMAIN']).default('NOERROR'), answers: z.array(z.string()).optional(), count: z.number().int().optional() }),
  endpoints: strict({ service: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'namespace/name'), ready: z.number().int().optional(), atLeast: z.number().int().optional(), selector: z.string().optional(), port: port.optional() }),
  resource: strict({ kind: z.string(), namespace: z.string().optional(), name: z.string().optional(), selector: z.string().optional(), exists: z.boolean().default(true), where: z.array(condition).default([]) }),
  'can-i': strict({ as: z.string(), groups: z.array(z.string()).default([]), verb: z.string(), resource: z.string(), namespace: z.string().optional(), name: z.string().optional(), allowed: z.boolean().default(true) }),
  file: strict({ host: z.string(), path: z.string(), exists: z.boolean().default(true), contains: z.string().optional(), matches: z.string().optional(), equals: z.string().optional() }),
  command: strict({ on: place, run: z.string(), exit: z.number().int().default(0), contains: z.string().optional(), matches: z.string().optional() }),
  unchanged: strict({ kind: z.string(), namespace: z.string().optional(), name: z.string(), fields: z.array(z.string()).default(['spec']), sameObject: z.boolean().default(false) }),
} as const

export type CheckKind = keyof typeof checkKinds | 'trial'

const plain = {
  id: id.optional(),
  /** One sentence that says what is demanded; the same facts as the task's text. */
  title: z.string().min(5),
  reachable: checkKinds.reachable.optional(),
  unreachable: checkKinds.unreachable.optional(),
  http: checkKinds.http.optional(),
  tls: checkKinds.tls.optional(),
  dns: checkKinds.dns.optional(),
  endpoints: checkKinds.endpoints.optional(),
  resource: checkKinds.resource.optional(),
  'can-i': checkKinds['can-i'].optional(),
  file: checkKinds.file.optional(),
  command: checkKinds.command.optional(),
  unchanged: checkKinds.unchanged.optional(),
}

/** In a branch of the world: do something, let it settle, then check. */
const trial = strict({ on: place.default('host:base'), do: z.string(), settle: z.number().positive().max(600).default(60), then: z.array(oneKind(strict(plain))).min(1) })

export const check = oneKind(strict({ ...plain, trial: trial.optional() }))

function oneKind<S extends z.ZodType>(schema: S) {
  return schema.refine((value) => kindsIn(value).length === 1, { error: `a check has exactly one of: ${[...Object.keys(checkKinds), 'trial'].join(', ')}` })
}

function kindsIn(value: unknown): string[] {
  const names: readonly string[] = [...Object.keys(checkKinds), 'trial']
  return value !== null && typeof value === 'object' ? Object.keys(value).filter((k) => names.includes(k) && (value as Record<string, unknown>)[k] !== undefined) : []
}

/** The one kind that a valid check has. */
export function kindOf(value: Check): CheckKind {
  return kindsIn(value)[0] as CheckKind
}

export const lab = strict({
  title: z.string().min(3),
  domain: z.enum(Object.keys(domains) as [Domain, ...Domain[]]),
  competency: z.string().min(3),
  difficulty: z.number().int().min(1).max(5),
  minutes: z.number().int().min(1).max(60),
  /** A name in labs/clusters. */
  cluster: z.string(),
  module: z.string().optional(),
  /** The story, shown above the tasks. */
  story: z.string().default(''),
  tasks: z.array(strict({ id, text: z.string().min(10), points: z.number().int().min(1).max(20), checks: z.array(check).min(1) })).min(1),
  /** Three rungs: where to look, what to see, what to do. */
  hints: z.array(z.string().min(5)).length(3),
  debrief: z.string().min(20),
})

export type Lab = z.infer<typeof lab>
export type Check = z.infer<typeof check>
export type CheckOf<K extends keyof typeof checkKinds> = z.infer<(typeof checkKinds)[K]>
export type Condition = z.infer<typeof condition>
