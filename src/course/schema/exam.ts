/** labs/exams/<id>.yaml and labs/clusters/<name>.yaml. */
import { z } from 'zod'
import { id, strict } from './strict.ts'

export const exam = strict({
  title: z.string().min(3),
  minutes: z.number().int().min(1).max(240),
  /** Percent needed. */
  pass: z.number().int().min(1).max(100).default(66),
  tasks: z.array(strict({ lab: id, host: z.string().default('base'), points: z.number().int().min(1).max(20) })).min(1),
})
export type Exam = z.infer<typeof exam>

/** A shape of cluster: one of the engine's shapes by name, with what differs. */
export const clusterShape = strict({
  title: z.string(),
  shape: z.string(),
  version: z.string().optional(),
  plugin: z.string().optional(),
  proxyMode: z.string().optional(),
  podCidr: z.string().optional(),
  serviceCidr: z.string().optional(),
  addons: z.array(z.string()).optional(),
  /** Nodes that are machines with packages and nothing else: kubeadm makes them nodes. */
  blank: z.array(z.string()).optional(),
  /** Nodes whose swap is on. */
  swap: z.array(z.string()).optional(),
})
export type ClusterShape = z.infer<typeof clusterShape>
