/** What a container's security context leaves to root, and what /proc tells of it. */
import { beforeAll, expect, test } from 'vitest'
import { learner, type Learner } from './journey.ts'

let me: Learner
const security = { plain: '{}', bare: '{"capabilities":{"drop":["ALL"]}}', net: '{"capabilities":{"add":["NET_ADMIN"]}}', tight: '{"runAsUser":1000,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}', all: '{"privileged":true}' }

beforeAll(async () => {
  me = await learner()
  for (const [name, context] of Object.entries(security)) await me.run(`kubectl run ${name} --image=busybox --overrides='{"spec":{"containers":[{"name":"${name}","image":"busybox","command":["sleep","3600"],"securityContext":${context}}]}}'`)
  await me.run('kubectl wait --for=condition=Ready pod --all')
})

test('capabilities in effect and in reach', async () => {
  const told = await me.run(`for p in ${Object.keys(security).join(' ')}; do echo $p $(kubectl exec $p -- grep -E "CapEff|CapBnd|NoNew|Seccomp:" /proc/self/status); done`)
  expect(told).toBe(
    [
      'plain CapEff: 00000000a80425fb CapBnd: 00000000a80425fb NoNewPrivs: 0 Seccomp: 0',
      'bare CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 0 Seccomp: 0',
      'net CapEff: 00000000a80435fb CapBnd: 00000000a80435fb NoNewPrivs: 0 Seccomp: 0',
      'tight CapEff: 0000000000000000 CapBnd: 00000000a80425fb NoNewPrivs: 1 Seccomp: 2',
      'all CapEff: 000001ffffffffff CapBnd: 000001ffffffffff NoNewPrivs: 0 Seccomp: 0',
    ].join('\n'),
  )
})

test('root without capabilities is a user like others', async () => {
  const script = "touch /tmp/a; chown 1:1 /tmp/a; chmod 0 /tmp/a; cat /tmp/a; kill -0 1; echo kill $?"
  expect(await me.run(`kubectl exec plain -- sh -c '${script}'`)).toBe('kill 0')
  expect(await me.run(`kubectl exec bare -- sh -c '${script}'`)).toBe("chown: /tmp/a: Operation not permitted\ncat: can't open '/tmp/a': Permission denied\nkill 0")
})
