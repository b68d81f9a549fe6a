/** KYAML: the strict subset of YAML that kubectl 1.34 and later print with `-o kyaml`: braces and brackets, quoted strings, trailing commas. */
import { byBytes } from './json.ts'

const plainKey = /^[A-Za-z_][A-Za-z0-9_.-]*$/
const reserved = /^(y|n|yes|no|on|off|true|false|null|~)$/i

function scalar(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return value === null || value === undefined ? 'null' : String(value)
}

function write(value: unknown, level: string): string {
  const inner = `${level}  `
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    if (value.every((v) => typeof v === 'object' && v !== null)) return `[${value.map((v) => write(v, level)).join(', ')}]`
    return `[\n${value.map((v) => `${inner}${write(v, inner)},\n`).join('')}${level}]`
  }
  if (typeof value === 'object' && value !== null) {
    const map = value as Record<string, unknown>
    const keys = Object.keys(map).filter((k) => map[k] !== undefined).sort(byBytes)
    if (keys.length === 0) return '{}'
    return `{\n${keys.map((k) => `${inner}${plainKey.test(k) && !reserved.test(k) ? k : JSON.stringify(k)}: ${write(map[k], inner)},\n`).join('')}${level}}`
  }
  return scalar(value)
}

export function emitKyaml(value: unknown): string {
  return write(value, '') + '\n'
}
