/** CSIDriver (pkg/apis/storage): defaults, checks of token requests and life cycles, what may not change, and what is advised. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Strategy } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'

const lifecycles = ['Persistent', 'Ephemeral']
const policies = ['ReadWriteOnceWithFSType', 'File', 'None']
const longest = 2 ** 32

function validate(driver: Loose, errors: FieldErrors): void {
  const { spec } = driver
  const audiences = new Set<string>()
  for (const [i, request] of ((spec.tokenRequests ?? []) as Loose[]).entries()) {
    const at = `spec.tokenRequests[${i}]`
    const audience = request.audience ?? ''
    if (audiences.has(audience)) errors.duplicate(`${at}.audience`, audience)
    audiences.add(audience)
    const seconds = request.expirationSeconds
    if (seconds === undefined || seconds === null) continue
    if (seconds < 600) errors.invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes')
    if (seconds > longest) errors.invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds')
  }
  for (const mode of (spec.volumeLifecycleModes ?? []) as string[]) if (!lifecycles.includes(mode)) errors.notSupported('spec.volumeLifecycleModes', mode, lifecycles)
  if (!policies.includes(spec.fsGroupPolicy)) errors.notSupported('spec.fsGroupPolicy', spec.fsGroupPolicy ?? '', policies)
}

export const csiDriverStrategy: Strategy = {
  validate,
  validateUpdate(driver, old, errors) {
    validate(driver, errors)
    if (driver.spec.attachRequired !== old.spec.attachRequired) errors.invalid('spec.attachedRequired', driver.spec.attachRequired, 'field is immutable')
    if (JSON.stringify(driver.spec.volumeLifecycleModes) !== JSON.stringify(old.spec.volumeLifecycleModes)) errors.invalid('spec.volumeLifecycleModes', driver.spec.volumeLifecycleModes, 'field is immutable')
  },
  warnings(driver) {
    const asked = driver.spec?.tokenRequests?.length > 0 && driver.spec.serviceAccountTokenInSecrets === undefined
    return asked ? ['spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes'] : []
  },
  defaults(driver) {
    const spec = (driver.spec ??= {})
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
}
