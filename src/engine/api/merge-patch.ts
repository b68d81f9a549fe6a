/** RFC 7386 (JSON merge patch) and RFC 6902 (JSON patch) on JSON data; the target is never changed. Error texts are those of evanphx/json-patch as the API server passes them on. */
import { copy, equal, isObject, type Loose } from './loose.ts'

export function mergePatch(target: Loose, patch: Loose): Loose {
  if (!isObject(patch)) return patch
  const out: Record<string, Loose> = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key]
    else out[key] = isObject(value) ? mergePatch(out[key], value) : copy(value)
  }
  return out
}

export interface PatchOperation {
  readonly op?: Loose
  readonly path?: Loose
  readonly from?: Loose
  readonly value?: Loose
}

export class JsonPatchError extends Error {}

const unescape = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~')

export function jsonPatch(target: Loose, operations: readonly PatchOperation[]): Loose {
  let root = copy(target)
  for (const operation of operations) root = apply(root, operation)
  return root
}

function split(path: string): string[] {
  return path === '' ? [] : path.split('/').slice(1).map(unescape)
}

/** The container of the last part of a path, or undefined. */
function container(root: Loose, parts: readonly string[]): Loose {
  let at = root
  for (const part of parts.slice(0, -1)) {
    if (Array.isArray(at)) {
      if (!/^-?\d+$/.test(part)) return undefined
      at = at[Number(part) < 0 ? at.length + Number(part) : Number(part)]
    } else if (isObject(at)) at = at[part]
    else return undefined
    if (at === undefined || at === null || typeof at !== 'object') return undefined
  }
  return at
}

function index(list: readonly unknown[], part: string, op: string, path: string, limit: number): number {
  if (!/^[+-]?\d+$/.test(part)) throw new JsonPatchError(`strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`)
  const n = Number(part)
  const at = n < 0 ? limit + n : n
  if (n >= limit || at < 0) throw new JsonPatchError(op === 'add' ? `Unable to access invalid index: ${n}: invalid index referenced` : `Unable to access invalid index: ${n}: invalid index referenced`)
  return at
}

function read(root: Loose, path: string, op: string): Loose {
  const parts = split(path)
  if (parts.length === 0) return root
  const at = container(root, parts)
  const last = parts.at(-1)!
  if (at === undefined) throw new JsonPatchError(`${op} operation does not apply: doc is missing path: ${path}: missing value`)
  const value = Array.isArray(at) ? at[index(at, last, op, path, at.length)] : at[last]
  if (value === undefined) throw new JsonPatchError(`${op} operation does not apply: doc is missing key: ${path}: missing value`)
  return value
}

function add(root: Loose, path: string, value: Loose, op: string): Loose {
  const parts = split(path)
  if (parts.length === 0) return copy(value)
  const at = container(root, parts)
  const last = parts.at(-1)!
  if (at === undefined) throw new JsonPatchError(`${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`)
  if (Array.isArray(at)) {
    if (last === '-') at.push(copy(value))
    else at.splice(index(at, last, op, path, at.length + 1), 0, copy(value))
  } else at[last] = copy(value)
  return root
}

function remove(root: Loose, path: string, op: string): Loose {
  const parts = split(path)
  const at = container(root, parts)
  const last = parts.at(-1) ?? ''
  if (at === undefined) throw new JsonPatchError(`${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`)
  if (Array.isArray(at)) at.splice(index(at, last, op, path, at.length), 1)
  else if (!(last in at)) throw new JsonPatchError(`Unable to remove nonexistent key: ${last}: missing value`)
  else delete at[last]
  return root
}

function apply(root: Loose, operation: PatchOperation): Loose {
  const { op, path } = operation
  if (typeof path !== 'string') throw new JsonPatchError(`${op} operation failed to decode path: missing value`)
  if (path !== '' && !path.startsWith('/')) throw new JsonPatchError(`${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`)
  switch (op) {
    case 'add':
      return add(root, path, operation.value, 'add')
    case 'remove':
      return remove(root, path, 'remove')
    case 'replace': {
      const parts = split(path)
      if (parts.length === 0) return copy(operation.value)
      const at = container(root, parts)
      const last = parts.at(-1)!
      if (at === undefined) throw new JsonPatchError(`replace operation does not apply: doc is missing path: ${path}: missing value`)
      if (Array.isArray(at)) at[index(at, last, 'replace', path, at.length)] = copy(operation.value)
      // Upstream's library replaces what is not there, too.
      else at[last] = copy(operation.value)
      return root
    }
    case 'move': {
      const value = read(root, String(operation.from), 'move')
      return add(remove(root, String(operation.from), 'move'), path, value, 'move')
    }
    case 'copy':
      return add(root, path, copy(read(root, String(operation.from), 'copy')), 'copy')
    case 'test': {
      let actual: Loose
      try {
        actual = read(root, path, 'test')
      } catch (error) {
        if (operation.value === null || operation.value === undefined) return root
        throw error
      }
      if (!equal(actual, operation.value)) throw new JsonPatchError(`testing value ${path} failed: test failed`)
      return root
    }
  }
  throw new JsonPatchError(`Unexpected kind: ${op}`)
}
