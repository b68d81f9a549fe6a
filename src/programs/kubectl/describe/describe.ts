/** Which describer writes the text of which kind. */
import type { KubeObject } from '#engine/api/types.ts'
import type { Invocation } from '../cli/invocation.ts'
import type { Resource } from '../client/discovery.ts'
import { describeGeneric } from './generic.ts'

export async function describeObject(run: Invocation, resource: Resource, object: KubeObject, events: boolean): Promise<string> {
  return describeGeneric(run, resource, object, events)
}
