/** Item 3 of what a learner can do: kubectl on the usual kinds, with the mistakes that people make. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
beforeAll(async () => {
  me = await learner()
})

test('a deployment is made, rolls out, scales, changes its image and comes back', async () => {
  expect(await me.see('kubectl create deployment web --image=nginx:1.27 --replicas=2')).toMatchInlineSnapshot(`"deployment.apps/web created"`)
  expect(await me.see('kubectl get deploy,rs,pods')).toMatchInlineSnapshot(`
    "NAME  READY  UP-TO-DATE  AVAILABLE  AGE
    deployment.apps/web  0/2  2  0  AGE

    NAME  DESIRED  CURRENT  READY  AGE
    replicaset.apps/web-HASH  2  2  0  AGE

    NAME  READY  STATUS  RESTARTS  AGE
    pod/web-HASH-POD  0/1  ContainerCreating  0  AGE
    pod/web-HASH-POD  0/1  ContainerCreating  0  AGE"
  `)
  expect((await me.run('kubectl rollout status deployment/web')).split('\n').at(-1)).toBe('deployment "web" successfully rolled out')
  expect(await me.see('kubectl get pods --show-labels')).toMatchInlineSnapshot(`
    "NAME  READY  STATUS  RESTARTS  AGE  LABELS
    web-HASH-POD  1/1  Running  0  AGE  app=web,pod-template-hash=HASH
    web-HASH-POD  1/1  Running  0  AGE  app=web,pod-template-hash=HASH"
  `)
  expect(await me.see('kubectl scale deploy web --replicas=3; kubectl rollout status deploy/web | tail -1; kubectl get deploy web')).toMatchInlineSnapshot(`
    "deployment.apps/web scaled
    deployment "web" successfully rolled out
    NAME  READY  UP-TO-DATE  AVAILABLE  AGE
    web  3/3  3  3  AGE"
  `)
  expect(await me.see('k set image deployment/web nginx=nginx:1.28 && k rollout status deploy/web | tail -1')).toMatchInlineSnapshot(`
    "deployment.apps/web image updated
    deployment "web" successfully rolled out"
  `)
  expect(await me.see('kubectl get rs -o custom-columns=IMAGE:.spec.template.spec.containers[0].image,WANT:.spec.replicas --sort-by=.spec.replicas')).toMatchInlineSnapshot(`
    "IMAGE  WANT
    nginx:1.27  0
    nginx:1.28  3"
  `)
  expect(await me.see('kubectl rollout history deploy/web')).toMatchInlineSnapshot(`
    "deployment.apps/web
    REVISION  CHANGE-CAUSE
    1  <none>
    2  <none>
    "
  `)
  expect(await me.see('kubectl rollout undo deploy/web; kubectl rollout status deploy/web | tail -1; kubectl get deploy web -o jsonpath="{.spec.template.spec.containers[*].image}{\'\\n\'}"')).toMatchInlineSnapshot(`
    "deployment.apps/web rolled back
    deployment "web" successfully rolled out
    nginx:1.27"
  `)
  expect(await me.see('kubectl rollout undo deploy/web --to-revision=9')).toMatchInlineSnapshot(`"error: unable to find specified revision 9 in history"`)
  expect(await me.see('kubectl set image deploy/web foo=nginx')).toMatchInlineSnapshot(`"error: unable to find container named "foo""`)
})

test('an image that does not exist stops a rollout half way, and undo mends it', async () => {
  await me.run('kubectl set image deploy/web nginx=nginx:nosuch')
  await me.wait(25)
  expect(await me.see('kubectl get pods --sort-by=.metadata.creationTimestamp | awk \'{print $2, $3}\' | sed s/ErrImagePull/ImagePullBackOff/')).toMatchInlineSnapshot(`
    "READY STATUS
    1/1 Running
    1/1 Running
    1/1 Running
    0/1 ImagePullBackOff"
  `)
  expect(await me.see('kubectl rollout status deploy/web --timeout=2s')).toMatchInlineSnapshot(`
    "Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...
    error: timed out waiting for the condition"
  `)
  expect(await me.see('kubectl rollout undo deploy/web; kubectl rollout status deploy/web | tail -1; kubectl get deploy web')).toMatchInlineSnapshot(`
    "deployment.apps/web rolled back
    deployment "web" successfully rolled out
    NAME  READY  UP-TO-DATE  AVAILABLE  AGE
    web  3/3  3  3  AGE"
  `)
})

test('a deleted pod is replaced', async () => {
  const before = (await me.run('kubectl get pods -l app=web -o name')).split('\n')
  expect(await me.see(`kubectl delete ${before[0]}`)).toBe('pod "web-HASH-POD" deleted from default namespace')
  await me.wait(5)
  const after = (await me.run('kubectl get pods -l app=web -o name')).split('\n')
  expect({ count: after.length, kept: after.filter((p) => before.includes(p)).length }).toEqual({ count: 3, kept: 2 })
})

test('expose makes a Service with endpoints, and a dry run makes nothing', async () => {
  expect(await me.see('kubectl expose deployment web --port=80 --target-port=8080 --name=web2 --dry-run=client -o yaml')).toMatchInlineSnapshot(`
    "apiVersion: v1
    kind: Service
    metadata:
      labels:
        app: web
      name: web2
      namespace: default
    spec:
      ports:
      - port: 80
        protocol: TCP
        targetPort: 8080
      selector:
        app: web
    status:
      loadBalancer: {}"
  `)
  expect(await me.see('kubectl expose deployment web --port=80; kubectl get svc,endpoints,endpointslices 2>&1')).toMatchInlineSnapshot(`
    "service/web exposed
    Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
    NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
    service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE
    service/web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE

    NAME  ENDPOINTS  AGE
    endpoints/kubernetes  172.20.10.11:6443  AGE
    endpoints/web  POD-IP:80,POD-IP:80,POD-IP:80  AGE

    NAME  ADDRESSTYPE  PORTS  ENDPOINTS  AGE
    endpointslice.discovery.k8s.io/kubernetes  IPv4  6443  172.20.10.11  AGE
    endpointslice.discovery.k8s.io/web-ID  IPv4  80  POD-IP,POD-IP,POD-IP  AGE"
  `)
  expect(await me.see('kubectl describe svc web')).toMatchInlineSnapshot(`
    "Name:  web
    Namespace:  default
    Labels:  app=web
    Annotations:  <none>
    Selector:  app=web
    Type:  ClusterIP
    IP Family Policy:  SingleStack
    IP Families:  IPv4
    IP:  CLUSTER-IP
    IPs:  CLUSTER-IP
    Port:  <unset>  80/TCP
    TargetPort:  80/TCP
    Endpoints:  POD-IP:80,POD-IP:80,POD-IP:80
    Session Affinity:  None
    Internal Traffic Policy:  Cluster
    Events:  <none>"
  `)
  expect(await me.see('kubectl expose deployment web --port=80')).toMatchInlineSnapshot(`"Error from server (AlreadyExists): services "web" already exists"`)
})

test('objects are created from flags and files, labelled, annotated, edited, deleted', async () => {
  expect(await me.see('kubectl create ns shop; kubectl create configmap cfg --from-literal=a=1; kubectl create secret generic sec --from-literal=pw=hunter2; kubectl create service clusterip foo --tcp=80:8080')).toMatchInlineSnapshot(`
    "namespace/shop created
    configmap/cfg created
    secret/sec created
    service/foo created"
  `)
  expect(await me.see('kubectl get cm cfg -o yaml | grep -v "uid\\|resourceVersion"; kubectl get secret sec -o jsonpath="{.data.pw}" | base64 -d; echo')).toMatchInlineSnapshot(`
    "apiVersion: v1
    data:
      a: "1"
    kind: ConfigMap
    metadata:
      creationTimestamp: "TIME"
      name: cfg
      namespace: default
    hunter2"
  `)
  expect(await me.see('kubectl describe secret sec; kubectl describe cm cfg')).toMatchInlineSnapshot(`
    "Name:  sec
    Namespace:  default
    Labels:  <none>
    Annotations:  <none>

    Type:  Opaque

    Data
    ====
    pw:  7 bytes
    Name:  cfg
    Namespace:  default
    Labels:  <none>
    Annotations:  <none>

    Data
    ====
    a:
    ----
    1


    BinaryData
    ====

    Events:  <none>"
  `)
  expect(await me.see('kubectl label deploy web tier=front; kubectl label deploy web tier=back; kubectl label deploy web tier=back --overwrite; kubectl label deploy web tier-; kubectl annotate deploy web note="hello there"')).toMatchInlineSnapshot(`
    "deployment.apps/web labeled
    error: 'tier' already has a value (front), and --overwrite is false
    deployment.apps/web labeled
    deployment.apps/web unlabeled
    deployment.apps/web annotated"
  `)
  expect(await me.see('kubectl run one --image=nginx --dry-run=client -o yaml > one.yaml; kubectl apply -f one.yaml; kubectl apply -f one.yaml; kubectl create -f one.yaml; kubectl delete -f one.yaml --now')).toMatchInlineSnapshot(`
    "pod/one created
    pod/one unchanged
    Error from server (AlreadyExists): error when creating "one.yaml": pods "one" already exists
    pod "one" deleted from default namespace"
  `)
  expect(await me.see('kubectl get cm,secret,ing,netpol -A | grep -c kube-root-ca.crt')).toBe('5')
  expect(await me.see('kubectl delete ns shop; kubectl get ns')).toMatchInlineSnapshot(`
    "namespace "shop" deleted
    NAME  STATUS  AGE
    default  Active  AGE
    kube-node-lease  Active  AGE
    kube-public  Active  AGE
    kube-system  Active  AGE"
  `)
})

test('kubectl edit saves, gives up without a change, and refuses nonsense', async () => {
  await me.run('kubectl edit deploy web')
  expect(await me.edit((text) => text.replace('replicas: 3', 'replicas: 2'))).toBe('deployment.apps/web edited')
  await me.run('kubectl edit deploy web')
  expect(await me.edit(() => undefined)).toBe('Edit cancelled, no changes made.')
  await me.run('kubectl edit deploy web')
  expect((await me.edit((text) => text.replace(/app: web/g, 'app: other'))).split('\n')[0]).toMatchInlineSnapshot(`"error: deployments.apps "web" is invalid"`)
  expect(me.sitting.editors.get('main')!.request.text.split('\n').slice(0, 8).join('\n')).toMatchInlineSnapshot(`
    "# Please edit the object below. Lines beginning with a '#' will be ignored,
    # and an empty file will abort the edit. If an error occurs while saving this file will be
    # reopened with the relevant failures.
    #
    # deployments.apps "web" was not valid:
    # * spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable
    #
    apiVersion: apps/v1"
  `)
  expect((await me.edit(() => undefined)).replace(/kubectl-edit-\d+/g, 'kubectl-edit-N')).toMatchInlineSnapshot(`
    "A copy of your changes has been stored to "/tmp/kubectl-edit-N.yaml"
    error: Edit cancelled, no valid changes were saved."
  `)
  expect(await me.run('kubectl edit deploy nope')).toBe('Error from server (NotFound): deployments.apps "nope" not found')
  expect(await me.run('kubectl get deploy web -o jsonpath="{.spec.replicas} {.metadata.labels.app}{\'\\n\'}"')).toBe('2 web')
})

test('mistakes are answered in kubectl\'s words', async () => {
  const mistakes = ['kubectl get pod nope', 'kubectl get pdo', 'kubectl gte pods', 'kubectl get pods -o foo', 'kubectl delete', 'kubectl create deployment', 'kubectl scale deploy web', 'kubectl logs', 'kubectl exec nope -- ls', 'kubectl get pods -n nope', 'kubectl apply -f nope.yaml', 'kubectl apply', 'kubectl explain deploy.spec.foo', 'kubectl wait --for=condition=Ready pod/nope --timeout=3s', 'printf "kind: Pod\\n" | kubectl apply -f -', 'printf "a: b: c\\n" | kubectl apply -f -', 'kubectl run x --image=nginx --dry-run=client -o yaml | sed s/image:/imag:/ | kubectl apply -f -', 'kubectl describe pod nope', 'kubectl port-forward svc/nope 8080:80', 'kubectl get svc web -o jsonpath={.spec']
  const answers: Record<string, string> = {}
  for (const mistake of mistakes) answers[mistake] = await me.run(mistake)
  expect(answers).toMatchInlineSnapshot(`
    {
      "kubectl apply": "error: must specify one of -f and -k",
      "kubectl apply -f nope.yaml": "error: the path "nope.yaml" does not exist",
      "kubectl create deployment": "error: required flag(s) "image" not set",
      "kubectl delete": "error: You must provide one or more resources by argument or filename.
    Example resource specifications include:
       '-f rsrc.yaml'
       '--filename=rsrc.json'
       '<resource> <name>'
       '<resource>'",
      "kubectl describe pod nope": "Error from server (NotFound): pods "nope" not found",
      "kubectl exec nope -- ls": "Error from server (NotFound): pods "nope" not found",
      "kubectl explain deploy.spec.foo": "error: field "foo" does not exist",
      "kubectl get pdo": "error: the server doesn't have a resource type "pdo"",
      "kubectl get pod nope": "Error from server (NotFound): pods "nope" not found",
      "kubectl get pods -n nope": "No resources found in nope namespace.",
      "kubectl get pods -o foo": "error: unable to match a printer suitable for the output format "foo", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml",
      "kubectl get svc web -o jsonpath={.spec": "error: error parsing jsonpath {.spec, unclosed action",
      "kubectl gte pods": "error: unknown command "gte" for "kubectl"

    Did you mean this?
    	get",
      "kubectl logs": "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
    POD or TYPE/NAME is a required argument for the logs command
    See 'kubectl logs -h' for help and examples",
      "kubectl port-forward svc/nope 8080:80": "Error from server (NotFound): services "nope" not found",
      "kubectl run x --image=nginx --dry-run=client -o yaml | sed s/image:/imag:/ | kubectl apply -f -": "Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imag"",
      "kubectl scale deploy web": "error: required flag(s) "replicas" not set",
      "kubectl wait --for=condition=Ready pod/nope --timeout=3s": "Error from server (NotFound): pods "nope" not found",
      "printf "a: b: c\\n" | kubectl apply -f -": "error: error parsing STDIN: error converting YAML to JSON: yaml: mapping values are not allowed in this context",
      "printf "kind: Pod\\n" | kubectl apply -f -": "error: error validating "STDIN": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false",
    }
  `)
})

test('explain and wait', async () => {
  expect(await me.see('kubectl explain service.spec.ports.nodePort')).toMatchInlineSnapshot(`
    "KIND:  Service
    VERSION:  v1

    FIELD: nodePort <integer>


    DESCRIPTION:
        The port on each node on which this service is exposed when type is NodePort
        or LoadBalancer.  Usually assigned by the system. If a value is specified,
        in-range, and not in use it will be used, otherwise the operation will fail.
        If not specified, a port will be allocated if this Service requires one.  If
        this field is specified when creating a Service which does not need it,
        creation will fail. This field will be wiped when updating a Service to no
        longer need it (e.g. changing type from NodePort to ClusterIP). More info:
        https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport

    "
  `)
  expect(await me.see('kubectl wait --for=condition=Available deploy/web --timeout=30s; kubectl wait --for=jsonpath="{.spec.replicas}"=2 deploy/web; kubectl wait --for=condition=Ready pod -l app=nope --timeout=3s')).toMatchInlineSnapshot(`
    "deployment.apps/web condition met
    deployment.apps/web condition met
    error: no matching resources found"
  `)
})

test('get -w streams through a pipe and ends at Ctrl-C', async () => {
  await me.keys('kubectl get pods -w -l app=web | grep --line-buffered Running\r', 1)
  const seen = await me.keys('', 1)
  expect(seen).toBe('')
  await me.sitting.command('kubectl delete $(kubectl get pods -l app=web -o name | head -1) --wait=false')
  expect((await me.keys('', 10)).split('\n').filter((l) => /1\/1 +Running/.test(l)).length).toBe(1)
  expect(await me.keys('\x03')).toMatch(/^\^C\nstudent@base:~\$ $/)
})

test('logs, exec and an interactive shell in a pod', async () => {
  await me.run('kubectl run talk --image=busybox:1.36 -- sh -c "echo one; echo two; sleep 3600"')
  await me.run('kubectl wait --for=condition=Ready pod/talk')
  expect(await me.run('kubectl logs talk; kubectl logs talk --tail=1; kubectl logs talk -c nope')).toMatchInlineSnapshot(`
    "one
    two
    two
    error: container nope is not valid for pod talk"
  `)
  expect(await me.run('kubectl exec talk -- hostname; kubectl exec talk -- sh -c "exit 3"; echo $?')).toMatchInlineSnapshot(`
    "talk
    command terminated with exit code 3
    3"
  `)
  expect(await me.until('/ # ', 'kubectl exec -it talk -- sh\r')).toBe('kubectl exec -it talk -- sh\n/ # ')
  expect(await me.until('/ # ', 'echo $((6*7)) $(hostname)\r')).toBe('echo $((6*7)) $(hostname)\n42 talk\n/ # ')
  expect(await me.keys('exit\r', 1)).toBe('exit\nstudent@base:~$ ')
})

test('port-forward in the background carries curl', async () => {
  await me.keys('kubectl port-forward svc/web 8080:80 &\r', 1)
  expect(await me.run('curl -s localhost:8080 | grep title')).toBe('Handling connection for 8080\n<title>Welcome to nginx!</title>')
  expect(await me.run('jobs')).toBe('[1]+  Running                 kubectl port-forward svc/web 8080:80 &')
  expect(await me.run('kill %1; sleep 1; curl -s localhost:8080; echo $?')).toContain('7')
  expect(await me.run('kubectl port-forward svc/web 80')).toMatchInlineSnapshot(`
    "Unable to listen on port 80: Listeners failed to create with the following errors: [unable to create listener: Error listen tcp4 127.0.0.1:80: bind: permission denied]
    error: unable to listen on any of the requested ports: [{80 80}]"
  `)
})
