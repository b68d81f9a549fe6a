/** Ephemeral containers: what they may be (validateEphemeralContainers), and that those that are there stay as they are (ValidatePodEphemeralContainersUpdate). */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { internalDiff, internalForm } from '../shared/internal-form.ts'
import { validateContainerCommon } from './container-validation.ts'
import type { PodFacts } from './container-validation.ts'

const list = (value: Loose): Loose[] => value ?? []
const refused = 'cannot be set for an Ephemeral Container'
/** In the order of the struct. */
const unsupported = ['ports', 'resources', 'resizePolicy', 'restartPolicy', 'restartPolicyRules', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']

const isSet = (value: Loose): boolean => value !== undefined && value !== null && value !== '' && !(typeof value === 'object' && Object.keys(value).length === 0)

export function validateEphemeralContainers(facts: PodFacts, at: string, errors: FieldErrors): void {
  const { spec } = facts
  const others = new Set<string>([...list(spec.containers), ...list(spec.initContainers)].map((c) => c.name))
  const names = new Set(others)
  for (const [i, c] of list(spec.ephemeralContainers).entries()) {
    const path = `${at}[${i}]`
    validateContainerCommon(c, path, errors, facts)
    if (names.has(c.name)) errors.duplicate(`${path}.name`, c.name)
    else names.add(c.name)
    if (c.targetContainerName && !others.has(c.targetContainerName)) errors.notFound(`${path}.targetContainerName`, c.targetContainerName)
    for (const field of unsupported) if (isSet(c[field])) errors.forbidden(`${path}.${field}`, refused)
    for (const [n, mount] of list(c.volumeMounts).entries()) for (const field of ['subPath', 'subPathExpr']) if (mount[field]) errors.forbidden(`${path}.volumeMounts[${n}].${field}`, refused)
  }
}

export function validateEphemeralUpdate(pod: Loose, old: Loose, errors: FieldErrors): void {
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    errors.forbidden('', 'static pods do not support ephemeral containers')
    return
  }
  const at = 'spec.ephemeralContainers'
  for (const before of list(old.spec.ephemeralContainers)) {
    const now = list(pod.spec.ephemeralContainers).find((c) => c.name === before.name)
    if (!now) errors.forbidden(at, `existing ephemeral containers ${JSON.stringify(before.name)} may not be removed\n`)
    else if (!equal(before, now)) errors.forbidden(at, `existing ephemeral containers ${JSON.stringify(before.name)} may not be changed\n${internalDiff(internalForm('EphemeralContainer', before), internalForm('EphemeralContainer', now))}`)
  }
}
