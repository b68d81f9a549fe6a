/** kubectl debug: a container added to a running pod, a copy of a pod, and a pod that is at home on a node. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
  await me.run('kubectl run web --image=nginx; kubectl wait --for=condition=Ready pod/web')
})

const names = (text: string) => text.replace(/debugger-(node\d+-)?[a-z0-9]{5}\b/g, 'debugger-$1XXXXX')

test('an ephemeral container sees the processes of its target and is told about', async () => {
  expect(await me.run('kubectl debug web --image=busybox --target=web --profile=general -c look -- sleep 600')).toBe(
    'Targeting container "web". If you don\'t see processes from this container it may be because the container runtime doesn\'t support this feature.',
  )
  await me.run('sleep 5')
  expect(await me.run('kubectl get pod web -o jsonpath="{.status.containerStatuses[*].name} {.status.ephemeralContainerStatuses[*].name} {.status.ephemeralContainerStatuses[0].ready} {.spec.ephemeralContainers[0].securityContext}"; echo')).toBe('web look false {"capabilities":{"add":["SYS_PTRACE"]}}')
  expect(await me.run('kubectl exec web -c look -- ps | grep -c "nginx\\|sleep 600"')).toBe('2')
  expect(await me.run('kubectl describe pod web | grep -A2 "^Ephemeral"; kubectl get events --field-selector involvedObject.fieldPath="spec.ephemeralContainers{look}" -o jsonpath="{range .items[*]}{.reason} {end}"; echo')).toMatch(
    /^Ephemeral Containers:\n {2}look:\n {4}Container ID: {2}containerd:\/\/[0-9a-f]{64}\nPulling Pulled Created Started $/,
  )
  expect(await me.run('kubectl get pod web')).toMatch(/web +1\/1 +Running +0/)
})

test('one that has ended is not started again; its output is shown', async () => {
  expect(names(await me.run('kubectl debug web -i --image=busybox --profile=baseline -q -- hostname'))).toBe('web')
  await me.run('sleep 30')
  expect(await me.run('kubectl get pod web -o jsonpath="{.status.ephemeralContainerStatuses[?(@.name!=\'look\')].state.terminated.reason} {.status.ephemeralContainerStatuses[*].restartCount}"; echo')).toBe('Completed 0 0')
})

test('a copy leaves the original alone', async () => {
  expect(await me.run('kubectl debug web --copy-to=twin --profile=general --image=busybox -c dbg -- sleep 600; kubectl wait --for=condition=Ready pod/twin')).toBe('pod/twin condition met')
  expect(await me.run('kubectl get pod twin -o jsonpath="{.spec.shareProcessNamespace} {.metadata.labels} {.spec.containers[*].name}"; echo')).toBe('true  web dbg')
  expect(await me.run('kubectl debug web --copy-to=other --set-image=web=nginx:1.27 --profile=general; kubectl get pod other -o jsonpath="{.spec.containers[0].image}"; echo')).toBe('nginx:1.27')
})

test('a node is at /host', async () => {
  expect(names(await me.run('echo "chroot /host cat /etc/hostname" | kubectl debug node/node01 -i -q --image=busybox --profile=sysadmin'))).toBe('node01')
  expect(names(await me.run('kubectl get pods -l app.kubernetes.io/managed-by=kubectl-debug -o jsonpath="{.items[0].metadata.name} {.items[0].spec.hostNetwork} {.items[0].spec.nodeName}"; echo'))).toBe('node-debugger-node01-XXXXX true node01')
  expect(await me.run('chroot /nowhere; echo $?')).toBe("chroot: cannot change root directory to '/nowhere': Operation not permitted\n125")
})

test('what kubectl debug refuses', async () => {
  const refusals = ['web', 'web --image=busybox --replace', 'web --image=Busy --profile=general', 'web --image=busybox --profile=royal', 'web --image=busybox --copy-to=x --target=web --profile=general', 'web --image=busybox -t --profile=general', 'deploy/coredns -n kube-system --image=busybox --profile=general']
  const said: string[] = []
  for (const r of refusals) said.push(await me.run(`kubectl debug ${r}`))
  expect(said).toEqual([
    'error: you must specify --image when not using --copy-to.',
    'error: --replace may only be used with --copy-to.',
    'error: invalid image name "Busy": invalid reference format',
    'error: unknown profile: royal',
    'error: --target is incompatible with --copy-to. Use --share-processes instead.',
    'error: -i/--stdin is required for containers with -t/--tty=true',
    'error: "apps/v1, Kind=Deployment" not supported by debug',
  ])
})

test('what the API server refuses', async () => {
  const patch = (operation: string) => `kubectl patch pod web --subresource=ephemeralcontainers --type=json -p '[${operation}]'`
  expect(await me.run('kubectl debug web --image=busybox --target=nobody --profile=general -q')).toBe('The Pod "web" is invalid: spec.ephemeralContainers[2].targetContainerName: Not found: "nobody"')
  expect(await me.run('kubectl debug web --image=busybox -c web --profile=general -q')).toBe('The Pod "web" is invalid: spec.ephemeralContainers[2].name: Duplicate value: "web"')
  expect(await me.run(patch('{"op":"remove","path":"/spec/ephemeralContainers/0"}'))).toBe('The Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "look" may not be removed')
  expect(await me.run(patch('{"op":"replace","path":"/spec/ephemeralContainers/0/image","value":"x"}'))).toBe(
    'The Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "look" may not be changed\n@@ -1,6 +1,6 @@\n {\n  "Name": "look",\n- "Image": "busybox",\n+ "Image": "x",\n  "Command": [\n   "sleep",\n   "600"',
  )
})
