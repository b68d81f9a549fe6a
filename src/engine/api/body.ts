/** Request bodies (JSON, or YAML where the content type says so) and simple query options. */
import { parseYaml } from '#base/yaml.ts'
import type { Loose } from './loose.ts'
import * as status from './status.ts'
import type { ApiRequest } from './types.ts'

export function parseBody(request: ApiRequest): Loose {
  const type = (request.headers.get('content-type') ?? 'application/json').split(';')[0]!.trim()
  if (type.endsWith('yaml')) return parseYaml(request.body)
  try {
    return JSON.parse(request.body)
  } catch (error) {
    throw status.badRequest(`invalid body: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export function queryFlag(request: ApiRequest, name: string): boolean {
  const value = request.query.get(name)?.[0]
  return value !== undefined && value !== 'false' && value !== '0'
}
