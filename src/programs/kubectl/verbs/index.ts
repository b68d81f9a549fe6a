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
import { annotate, label, patch } from './label.ts'
import { approve, canI, deny, whoAmI } from './auth.ts'
import { autoscale, scale } from './scale.ts'
import { apiResources, apiVersions, clusterInfo, clusterInfoDump, completion, kustomize, options, pluginList, version } from './cluster.ts'
import { topNodes, topPods } from './top.ts'
import { attach, exec, logs } from './stream.ts'
import { configSet, configUnset, configView, currentContext, deleteCluster, deleteContext, deleteUser, getClusters, getContexts, getUsers, renameContext, setCluster, setContext, setCredentials, useContext } from './config.ts'
import { cordon, drain, taint, uncordon } from './node.ts'
import { cp } from './copy.ts'
import { debug } from './debug.ts'
import { diff, edit } from './edit.ts'
import { explain } from './explain.ts'
import { expose, run_ } from './run.ts'
import { get } from './get.ts'
import { listEvents } from './events.ts'
import { portForward } from './port-forward.ts'
import { rolloutHistory, rolloutPause, rolloutRestart, rolloutResume, rolloutStatus, rolloutUndo } from './rollout.ts'
import { setEnv, setImage, setResources, setSelector, setServiceAccount, setSubject } from './set.ts'
import { wait } from './wait.ts'

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
  'kubectl run': run_,
  'kubectl expose': expose,
  'kubectl scale': scale,
  'kubectl autoscale': autoscale,
  'kubectl label': label,
  'kubectl annotate': annotate,
  'kubectl patch': patch,
  'kubectl edit': edit,
  'kubectl diff': diff,
  'kubectl wait': wait,
  'kubectl events': listEvents,
  'kubectl explain': explain,
  'kubectl rollout status': rolloutStatus,
  'kubectl rollout history': rolloutHistory,
  'kubectl rollout undo': rolloutUndo,
  'kubectl rollout restart': rolloutRestart,
  'kubectl rollout pause': rolloutPause,
  'kubectl rollout resume': rolloutResume,
  'kubectl set image': setImage,
  'kubectl set env': setEnv,
  'kubectl set resources': setResources,
  'kubectl set selector': setSelector,
  'kubectl set serviceaccount': setServiceAccount,
  'kubectl set subject': setSubject,
  'kubectl logs': logs,
  'kubectl exec': exec,
  'kubectl attach': attach,
  'kubectl cp': cp,
  'kubectl debug': debug,
  'kubectl port-forward': portForward,
  'kubectl auth can-i': canI,
  'kubectl auth whoami': whoAmI,
  'kubectl certificate approve': approve,
  'kubectl certificate deny': deny,
  'kubectl cordon': cordon,
  'kubectl uncordon': uncordon,
  'kubectl drain': drain,
  'kubectl taint': taint,
  'kubectl top node': topNodes,
  'kubectl top pod': topPods,
  'kubectl api-resources': apiResources,
  'kubectl api-versions': apiVersions,
  'kubectl version': version,
  'kubectl cluster-info': clusterInfo,
  'kubectl cluster-info dump': clusterInfoDump,
  'kubectl options': options,
  'kubectl completion': completion,
  'kubectl kustomize': kustomize,
  'kubectl plugin list': pluginList,
  'kubectl config current-context': currentContext,
  'kubectl config get-contexts': getContexts,
  'kubectl config get-clusters': getClusters,
  'kubectl config get-users': getUsers,
  'kubectl config use-context': useContext,
  'kubectl config set-context': setContext,
  'kubectl config set-cluster': setCluster,
  'kubectl config set-credentials': setCredentials,
  'kubectl config delete-context': deleteContext,
  'kubectl config delete-cluster': deleteCluster,
  'kubectl config delete-user': deleteUser,
  'kubectl config rename-context': renameContext,
  'kubectl config set': configSet,
  'kubectl config unset': configUnset,
  'kubectl config view': configView,
}
