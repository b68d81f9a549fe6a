/**
 * Patches of what kubeadm writes, from a folder: `TARGET[SUFFIX][+TYPE].EXTENSION` (cmd/kubeadm/app/util/patches). A strategic merge joins lists of objects by
 * their names, as the lists of a pod are.
 */
import { parseYaml } from '#base/go-yaml/parse.ts'
import { jsonPatch, JsonPatchError, mergePatch, type PatchOperation } from '#engine/api/merge-patch.ts'
import { FsError } from '#engine/machine/files.ts'
import { Failure, fileProblem, type Run } from './run.ts'

const targets = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubeletconfiguration', 'corednsdeployment']
const mimes = { json: 'application/json-patch+json', merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json' } as const
type Type = keyof typeof mimes

interface PatchSet {
  readonly target: string
  readonly type: Type
  readonly patches: readonly unknown[]
}

function parseName(name: string): { readonly target: string; readonly type: Type } | { readonly ignored: string } {
  if (!/.+\.(json|yaml)$/.test(name)) return { ignored: 'the file extension must be one of [json yaml]' }
  const m = new RegExp(`^(${targets.join('|')})([^.+\\n]*)?(\\+)?(json|merge|strategic)?`).exec(name)
  if (!m) return { ignored: `unknown target, must be one of [${targets.join(' ')}]` }
  if (m[3] && !m[4]) throw new Failure("unknown or missing patch type after '+', must be one of [json merge strategic]")
  return { target: m[1]!, type: (m[4] as Type | undefined) ?? 'strategic' }
}

/** Lists of named things are joined by name, those with a merge key of another kind are replaced. */
const mergeKeys: Readonly<Record<string, string>> = { containers: 'name', initContainers: 'name', volumes: 'name', env: 'name', volumeMounts: 'mountPath', ports: 'containerPort', imagePullSecrets: 'name', hostAliases: 'ip' }

function strategic(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const base = (typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...(target as Record<string, unknown>) } : {}) as Record<string, unknown>
  if ((patch as Record<string, unknown>)['$patch'] === 'replace') return Object.fromEntries(Object.entries(patch).filter(([k]) => k !== '$patch'))
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue
    if (value === null) delete base[name]
    else if (Array.isArray(value) && Array.isArray(base[name]) && mergeKeys[name] !== undefined && value.every((v) => typeof v === 'object' && v !== null)) {
      const key = mergeKeys[name]!
      const list = [...(base[name] as Record<string, unknown>[])]
      for (const item of value as Record<string, unknown>[]) {
        const at = list.findIndex((l) => l[key] === item[key])
        if (item['$patch'] === 'delete') list.splice(at, at < 0 ? 0 : 1)
        else if (at < 0) list.unshift(strategic(undefined, item) as Record<string, unknown>)
        else list[at] = strategic(list[at], item) as Record<string, unknown>
      }
      base[name] = list
    } else base[name] = strategic(base[name], value)
  }
  return base
}

/** One reading of the folder serves a whole run. */
export class Patches {
  readonly #run: Run
  readonly #folder: string
  #sets: readonly PatchSet[] | undefined

  constructor(run: Run, folder: string) {
    this.#run = run
    this.#folder = folder
  }

  async #read(): Promise<readonly PatchSet[]> {
    if (this.#sets) return this.#sets
    const { fs } = this.#run
    const folder = this.#folder
    await this.#run.out(`[patches] Reading patches from path ${JSON.stringify(folder)}`)
    const sets: PatchSet[] = []
    const found: string[] = []
    const ignored: string[] = []
    const walk = async (path: string): Promise<void> => {
      for (const name of fs.readDir(path)) {
        const full = `${path}/${name}`
        if (fs.stat(full).type === 'directory') {
          await walk(full)
          continue
        }
        const parsed = parseName(name)
        const text = 'ignored' in parsed ? '' : fs.readFile(full)
        if ('ignored' in parsed || text === '') {
          await this.#run.out('ignored' in parsed ? `[patches] Ignoring file ${JSON.stringify(name)}: ${parsed.ignored}` : `[patches] Ignoring empty file: ${JSON.stringify(name)}`)
          ignored.push(name)
          continue
        }
        const patches = text.split(/^---(?:[ \t].*)?$/m).filter((p) => p.trim() !== '').map((p) => parseYaml(p))
        found.push(name)
        sets.push({ target: parsed.target, type: parsed.type, patches })
      }
    }
    try {
      if (fs.lstat(folder).type !== 'directory') throw new Failure(`could not list patch files for path ${JSON.stringify(folder)}: getPatchSetsFromPath ${folder.split('/').at(-1)!}: not a directory`)
      await walk(folder)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Failure(`could not list patch files for path ${JSON.stringify(folder)}: ${fileProblem('lstat', folder, error)}`)
    }
    if (found.length > 0) await this.#run.out(`[patches] Found the following patch files: [${found.join(' ')}]`)
    if (ignored.length > 0) await this.#run.out(`[patches] Ignored the following files: [${ignored.join(' ')}]`)
    return (this.#sets = sets)
  }

  /** The object with all patches for it applied; the object itself without a folder. */
  async apply(target: string, object: object): Promise<object> {
    if (this.#folder === '') return object
    let patched: unknown = object
    for (const set of await this.#read()) {
      if (set.target !== target) continue
      for (const patch of set.patches) {
        patched = applyOne(set, patched, patch)
        await this.#run.out(`[patches] Applied patch of type ${JSON.stringify(mimes[set.type])} to target ${JSON.stringify(target)}`)
      }
    }
    return patched as object
  }
}

function applyOne(set: PatchSet, target: unknown, patch: unknown): unknown {
  if (set.type === 'merge') return mergePatch(target as never, patch as never)
  if (set.type === 'strategic') return strategic(target, patch)
  try {
    return jsonPatch(target as never, patch as readonly PatchOperation[])
  } catch (error) {
    if (!(error instanceof JsonPatchError)) throw error
    throw new Failure(`could not apply the following patch of type ${JSON.stringify(mimes.json)} to target ${JSON.stringify(set.target)}:\n${JSON.stringify(patch)}\n: ${error.message}`)
  }
}
