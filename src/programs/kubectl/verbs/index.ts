/** Which function runs which command. */
import type { Verb } from '../cli/invocation.ts'
import { apply, setLastApplied, viewLastApplied } from './apply.ts'
import { createConfigMap, createSecretDocker, createSecretGeneric, createSecretTls } from './create-data.ts'
import { createIngress, createService } from './create-network.ts'
import { createClusterRole, createClusterRoleBinding, createRole, createRoleBinding } from './create-rbac.ts'
import { createCronJob, createDeployment, createDisruptionBudget, createJob, createNamespace, createPriorityClass, createQuota, createServiceAccount, createToken } from './create-workload.ts'
import { create, replace } from './create.ts'
import { delete_ } from './delete.ts'
import { describe } from './describe.ts'
import { get } from './get.ts'

export const verbs: Readonly<Record<string, Verb>> = {
  'kubectl get': get,
  'kubectl describe': describe,
  'kubectl create': create,
  'kubectl create namespace': createNamespace,
  'kubectl create serviceaccount': createServiceAccount,
  'kubectl create deployment': createDeployment,
  'kubectl create job': createJob,
  'kubectl create cronjob': createCronJob,
  'kubectl create configmap': createConfigMap,
  'kubectl create secret generic': createSecretGeneric,
  'kubectl create secret tls': createSecretTls,
  'kubectl create secret docker-registry': createSecretDocker,
  'kubectl create service clusterip': createService.clusterip,
  'kubectl create service nodeport': createService.nodeport,
  'kubectl create service loadbalancer': createService.loadbalancer,
  'kubectl create service externalname': createService.externalname,
  'kubectl create ingress': createIngress,
  'kubectl create role': createRole,
  'kubectl create clusterrole': createClusterRole,
  'kubectl create rolebinding': createRoleBinding,
  'kubectl create clusterrolebinding': createClusterRoleBinding,
  'kubectl create priorityclass': createPriorityClass,
  'kubectl create poddisruptionbudget': createDisruptionBudget,
  'kubectl create quota': createQuota,
  'kubectl create token': createToken,
  'kubectl replace': replace,
  'kubectl apply': apply,
  'kubectl apply view-last-applied': viewLastApplied,
  'kubectl apply set-last-applied': setLastApplied,
  'kubectl delete': delete_,
}
