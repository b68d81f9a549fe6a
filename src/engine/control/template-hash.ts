/** Hashes that name generations of pods: FNV-1a over the template as Go dumps it, written in the alphabet that avoids words (rand.SafeEncodeString). */
import { encodeBytes } from '#base/bytes.ts'
import type { PodTemplate } from '#engine/kinds/pod/types.ts'
import { fnv32a } from './fnv.ts'
import { dumpTemplate } from './go-dump.ts'

const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

export function safeEncode(text: string): string {
  let out = ''
  for (const ch of text) out += alphabet[ch.charCodeAt(0) % alphabet.length]
  return out
}

const known = new WeakMap<object, string>()

/** `canonicalJson`, remembered by identity: objects of the store never change in place. */
export function storedJson(value: object): string {
  let text = known.get(value)
  if (text === undefined) {
    text = canonicalJson(value)
    known.set(value, text)
  }
  return text
}

/** Compact JSON with sorted keys. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`
  }
  return JSON.stringify(value)
}

/** What a template hashes to before collisions are counted. A controller asks at every turn, and every sitting asks about the same addons. */
const hashes = new Map<string, number>()
const remembered = 256
const ofTemplate = new WeakMap<PodTemplate, number>()

function templateHash(template: PodTemplate): number {
  const text = JSON.stringify(template)
  let hash = hashes.get(text)
  if (hash === undefined) {
    hash = fnv32a(encodeBytes(dumpTemplate(template)))
    if (hashes.size >= remembered) hashes.clear()
    hashes.set(text, hash)
  }
  return hash
}

export function podTemplateHash(template: PodTemplate, collisions: number | undefined): string {
  let hash = ofTemplate.get(template)
  if (hash === undefined) ofTemplate.set(template, (hash = templateHash(template)))
  if (collisions !== undefined) hash = fnv32a(Array.from({ length: 8 }, (_, i) => (i < 4 ? (collisions >>> (8 * i)) & 255 : 0)), hash)
  return safeEncode(String(hash))
}
