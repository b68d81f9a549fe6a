/** Request bodies (JSON, or YAML where the content type says so) and simple query options. */
import { parseYaml } from '#base/go-yaml/parse.ts'
import { JsonError, parseJson, summarize } from './json.ts'
import { isObject, type Loose } from './loose.ts'
import * as status from './status.ts'
import type { ApiRequest } from './types.ts'

const STRUCT = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

/** A body of no particular type (patches, delete options). `what`: said before what is wrong with its JSON. */
export function parseBody(request: ApiRequest, what = ''): Loose {
  const type = (request.headers.get('content-type') ?? 'application/json').split(';')[0]!.trim()
  if (type.endsWith('yaml')) {
    try {
      return parseYaml(request.body) as Loose
    } catch (error) {
      throw status.badRequest(`error decoding YAML: error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  try {
    return parseJson(request.body).value
  } catch (error) {
    if (error instanceof JsonError) throw status.badRequest(what + error.message)
    throw error
  }
}

/** The body of a create or update for `kind`: always an object. Fields given twice are added to `duplicates`. */
export function parseObject(request: ApiRequest, kind: string, duplicates: string[]): Loose {
  const refuse = (text: string) => status.badRequest(`the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${text} (${summarize(request.body)})`)
  const type = (request.headers.get('content-type') ?? 'application/json').split(';')[0]!.trim()
  let value: Loose
  if (type.endsWith('yaml')) value = parseBody(request)
  else {
    try {
      const parsed = parseJson(request.body)
      value = parsed.value
      duplicates.push(...parsed.duplicates)
    } catch (error) {
      if (error instanceof JsonError) throw refuse(error.message)
      throw error
    }
  }
  if (value === null || value === undefined) return {}
  if (!isObject(value)) throw refuse(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value} into Go value of type ${STRUCT}`)
  for (const field of ['apiVersion', 'kind']) {
    const v = value[field]
    if (v === undefined || v === null || typeof v === 'string') continue
    throw refuse(`json: cannot unmarshal ${Array.isArray(v) ? 'array' : typeof v === 'boolean' ? 'bool' : typeof v} into Go struct field .${field} of type string`)
  }
  return value
}

export function queryFlag(request: ApiRequest, name: string): boolean {
  const value = request.query.get(name)?.[0]
  return value !== undefined && value !== 'false' && value !== '0'
}
