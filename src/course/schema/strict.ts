/** A zod object that refuses unknown fields and says which ones it knows, so that a typo can be answered with a suggestion. */
import { z } from 'zod'

z.config({ jitless: true })

export function strict<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? `known: ${Object.keys(shape).join(', ')}` : undefined) })
}

/** Ids of labs, tasks, checks, blocks: they are file names and database keys. */
export const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id has lower-case letters, digits and single dashes')
