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

const proxy = 'golden/kube-proxy/proxy'
const nftables = (pick: (step: any) => number) => (shared: string) =>
  files(shared, proxy).flatMap((file) => {
    const scenario = json(shared, `${proxy}/${file}`)
    return ((scenario.modes.nftables ?? []) as any[]).flatMap((step, i) => Array.from({ length: pick(step) }, (_, k) => `${scenario.id}#${i}.${k}`))
  })

export const collections = [
  absent('kube-proxy/nftables-rules', proxy, nftables((step) => Object.keys(step.rules ?? {}).length), missing("kube-proxy's nftables mode")),
  absent('kube-proxy/nftables-packets', proxy, nftables((step) => (step.probes ?? []).length), missing("kube-proxy's nftables mode")),
  absent(
    'kube-proxy/kubeadm',
    'golden/kube-proxy/kubeadm',
    (shared) => files(shared, 'golden/kube-proxy/kubeadm').flatMap((f) => (json(shared, `golden/kube-proxy/kubeadm/${f}`) as any[]).map((c, i) => `${f.replace('.json', '')}/${String(c.id ?? i)}`)),
    missing('the kubeadm command'),
  ),
]
