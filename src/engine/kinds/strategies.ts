/** Which strategy serves which resource: `plural.group`, or `plural.group/version` where versions differ. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { apiServiceStrategy } from './apiservice/strategy.ts'
import { cronJobStrategy } from './cronjob/strategy.ts'
import { csiDriverStrategy } from './csidriver/strategy.ts'
import { crdStrategy } from './customresourcedefinition/strategy.ts'
import { daemonSetStrategy } from './daemonset/strategy.ts'
import { deploymentStrategy } from './deployment/strategy.ts'
import { eventsV1 } from './event/strategy.ts'
import { hpaStrategy, hpaV1 } from './horizontalpodautoscaler/strategy.ts'
import { jobStrategy } from './job/strategy.ts'
import { podStrategy } from './pod/strategy.ts'
import { replicaSetStrategy } from './replicaset/strategy.ts'
import { replicationControllerStrategy } from './replicationcontroller/strategy.ts'
import { serviceStrategy } from './service/strategy.ts'
import { simpleStrategies } from './simple.ts'
import { statefulSetStrategy } from './statefulset/strategy.ts'

export const strategies: Readonly<Record<string, Strategy & Partial<KindDefinition>>> = {
  ...simpleStrategies,
  'apiservices.apiregistration.k8s.io': apiServiceStrategy,
  'csidrivers.storage.k8s.io': csiDriverStrategy,
  'customresourcedefinitions.apiextensions.k8s.io': crdStrategy,
  'events.events.k8s.io': eventsV1,
  pods: podStrategy,
  services: serviceStrategy,
  replicationcontrollers: replicationControllerStrategy,
  'deployments.apps': deploymentStrategy,
  'replicasets.apps': replicaSetStrategy,
  'statefulsets.apps': statefulSetStrategy,
  'daemonsets.apps': daemonSetStrategy,
  'jobs.batch': jobStrategy,
  'cronjobs.batch': cronJobStrategy,
  'horizontalpodautoscalers.autoscaling': hpaStrategy,
  'horizontalpodautoscalers.autoscaling/v1': hpaV1,
}
