/** Collections of things that the simulator does not do, counted as failed so that the gap shows. A collection leaves this file when it gets a real adapter. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { collection, type Collection, type Outcome } from './collection.ts'

const json = (shared: string, path: string) => JSON.parse(readFileSync(join(shared, path), 'utf8')) as any
const files = (shared: string, folder: string) => readdirSync(join(shared, folder)).filter((f) => f.endsWith('.json')).sort()

function absent(name: string, needs: string, load: (shared: string) => readonly string[], outcome: Outcome): Collection {
  return collection<string>({ name, needs: [needs], load, id: (id) => id, run: () => outcome })
}

const missing = (what: string): Outcome => ({ result: 'failed', expected: 'as recorded', actual: `${what} is not modelled` })

export const collections = [
  absent(
    'kube-proxy/kubeadm',
    'golden/kube-proxy/kubeadm',
    (shared) => files(shared, 'golden/kube-proxy/kubeadm').flatMap((f) => (json(shared, `golden/kube-proxy/kubeadm/${f}`) as any[]).map((c, i) => `${f.replace('.json', '')}/${String(c.id ?? i)}`)),
    missing('the kubeadm command'),
  ),
]
