/**
 * The image registries of the simulated internet: docker.io, registry.k8s.io and quay.io serve what the image tables name; an unknown repository
 * is refused as Docker Hub refuses it, an unknown tag is not found, any other registry does not resolve. Digests are
 * derived from the names.
 */
import { hex, sha256 } from '#base/sha.ts'
import type { ImageBehaviour, ImageTable } from './image.ts'
import { canonical, parseReference, repositoryOf } from './reference.ts'

export interface RegistryImage {
  readonly behaviour: ImageBehaviour
  /** docker.io/library/nginx:1.27 */
  readonly name: string
  /** sha256:… of the configuration: the image id of the runtime. */
  readonly id: string
  /** sha256:… of the manifest. */
  readonly digest: string
}

export type PullResult = { readonly ok: true; readonly image: RegistryImage; readonly milliseconds: number } | { readonly ok: false; readonly error: string; readonly milliseconds: number }

const knownHosts = new Set(['docker.io', 'registry.k8s.io', 'quay.io', 'ghcr.io', 'gcr.io'])
/** Bytes per virtual millisecond. */
const bandwidth = 24_000

export class Registry {
  readonly #images = new Map<string, ImageBehaviour>()
  readonly #builds = new Map<string, ImageBehaviour>()
  /** False: no road to the internet. */
  online = true

  constructor(tables: readonly ImageTable[]) {
    for (const table of tables) for (const [, image] of table) this.#images.set(image.repository, image)
  }

  get images(): Iterable<ImageBehaviour> {
    return this.#images.values()
  }

  lookup(reference: string): RegistryImage | undefined {
    const parsed = parseReference(reference)
    if (!parsed.ok) return undefined
    const behaviour = this.#images.get(repositoryOf(parsed.reference))
    if (!behaviour) return undefined
    const digest = parsed.reference.digest
    const tag = digest !== undefined ? behaviour.tags.find((t) => digestOf(behaviour, t) === digest) : (parsed.reference.tag ?? 'latest')
    if (tag === undefined || (!behaviour.tags.includes(tag) && tag !== 'latest' && versionOf(behaviour, tag) === undefined)) return undefined
    const real = tag === 'latest' && !behaviour.tags.includes('latest') ? behaviour.tags[0]! : tag
    return { behaviour: this.#build(behaviour, real), name: `${behaviour.repository}:${tag}`, id: `sha256:${sha256Of(`config ${behaviour.repository}:${real}`)}`, digest: digestOf(behaviour, real) }
  }

  #build(image: ImageBehaviour, tag: string): ImageBehaviour {
    const known = image.builds?.[tag]
    if (known || image.tags.includes(tag)) return known ?? image
    const key = `${image.repository}:${tag}`
    let build = this.#builds.get(key)
    if (!build) {
      const variant = image.variants?.filter((v) => tag.endsWith(v)).sort((a, b) => b.length - a.length)[0]
      build = image.builds?.[variant?.slice(1) ?? ''] ?? image
      const version = versionOf(image, tag)
      if (image.versionVariable !== undefined && version !== undefined) build = { ...build, env: { ...build.env, [image.versionVariable]: version } }
      this.#builds.set(key, build)
    }
    return build
  }

  /** containerd's resolve, fetch and unpack. */
  pull(reference: string): PullResult {
    const parsed = parseReference(reference)
    if (!parsed.ok) return { ok: false, error: `rpc error: code = InvalidArgument desc = failed to parse image reference "${reference}": ${parsed.error}`, milliseconds: 1 }
    const name = canonical(parsed.reference)
    const repository = repositoryOf(parsed.reference)
    const wrap = (code: string, text: string, milliseconds: number): PullResult => ({ ok: false, error: `rpc error: code = ${code} desc = failed to pull and unpack image "${name}": failed to resolve image: ${text}`, milliseconds })
    const host = parsed.reference.domain === 'docker.io' ? 'registry-1.docker.io' : parsed.reference.domain
    if (!this.online || !knownHosts.has(parsed.reference.domain)) {
      const what = parsed.reference.digest ?? parsed.reference.tag ?? 'latest'
      return wrap('Unknown', `failed to do request: Head "https://${host}/v2/${parsed.reference.path}/manifests/${what}": dial tcp: lookup ${host.replace(/:\d+$/, '')}: no such host`, 40)
    }
    if (!this.#images.has(repository)) {
      if (parsed.reference.domain === 'docker.io') return wrap('Unknown', 'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed', 700)
      return wrap('NotFound', `${name}: not found`, 500)
    }
    const image = this.lookup(reference)
    if (!image) return wrap('NotFound', `${name}: not found`, 600)
    return { ok: true, image, milliseconds: 900 + image.behaviour.size / bandwidth }
  }
}

/** The version that a tag by rule stands for; undefined: the registry has no such tag. */
function versionOf(image: ImageBehaviour, tag: string): string | undefined {
  const versions = image.versions ?? {}
  for (const variant of ['', ...(image.variants ?? [])]) {
    if (!tag.endsWith(variant)) continue
    const plain = tag.slice(0, tag.length - variant.length)
    const [, minor, patch] = /^((?:v?\d+\.)?v?\d+)(?:\.(\d+))?$/.exec(plain) ?? []
    const whole = versions[plain]
    if (whole !== undefined) return whole < 0 ? plain : `${plain}.${whole}`
    if (minor !== undefined && patch !== undefined && String(Number(patch)) === patch && Number(patch) <= (versions[minor] ?? -1)) return plain
    // A major alone is its newest minor.
    const newest = /^\d+$/.test(plain) ? Object.keys(versions).filter((v) => v.startsWith(`${plain}.`)).at(-1) : undefined
    if (newest !== undefined) return versions[newest]! < 0 ? newest : `${newest}.${versions[newest]!}`
  }
  return undefined
}

function digestOf(image: ImageBehaviour, tag: string): string {
  return `sha256:${sha256Of(`manifest ${image.repository}:${tag}`)}`
}

const hashes = new Map<string, string>()

/** Remembered: the same few images are looked up for every container. */
export function sha256Of(text: string): string {
  let hash = hashes.get(text)
  if (hash === undefined) {
    hash = hex(sha256(text))
    if (hashes.size >= 1024) hashes.clear()
    hashes.set(text, hash)
  }
  return hash
}
