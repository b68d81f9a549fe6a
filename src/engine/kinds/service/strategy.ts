/** Services: defaults and strategy. Addresses and node ports are given by the allocator (allocator.ts). */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { dns1035LabelErrors } from '#engine/api/names.ts'
import { serviceDefaults } from './defaults.ts'
import { dropTypeDependent, serviceWarnings, validateService, validateServiceStatus, validateServiceUpdate } from './validation.ts'

export const serviceStrategy: Strategy & Partial<KindDefinition> = {
  allowCreateOnUpdate: true,
  defaults: serviceDefaults,
  validateName: dns1035LabelErrors,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatus,
  warnings: serviceWarnings,
  prepareForCreate(service) {
    service.status = { loadBalancer: {} }
  },
  prepareForUpdate(service, old) {
    service.status = old.status
    dropTypeDependent(service, old)
    if (service.spec.type !== 'LoadBalancer' && service.status?.loadBalancer?.ingress) service.status = { ...service.status, loadBalancer: {} }
  },
  selectableFields: (s) => ({ 'spec.clusterIP': s.spec?.clusterIP ?? '', 'spec.type': s.spec?.type ?? '' }),
}
