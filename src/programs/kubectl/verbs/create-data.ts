/** `kubectl create configmap` and `kubectl create secret generic | tls | docker-registry`: keys from literals, files, folders and env files. */
import { toBase64 } from '#base/bytes.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation, Verb } from '../cli/invocation.ts'
import { goQuote } from '../print/json.ts'
import { newObject, spaceOf } from './create-workload.ts'
import { builtin, createGenerated, oneName } from './report.ts'

const keyPattern = /^[-._a-zA-Z0-9]+$/
const keyRule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

function keyProblem(key: string): string | undefined {
  if (key.length > 253) return 'must be no more than 253 characters'
  if (!keyPattern.test(key)) return keyRule
  if (key === '.') return 'must not be \'.\''
  if (key === '..') return "must not be '..'"
  return key.startsWith('..') ? "must not start with '..'" : undefined
}

function isText(text: string): boolean {
  return !/[\udc80-\udcff]/.test(text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''))
}

/** Pairs in order; the kind's name goes into complaints. */
function readPairs(run: Invocation, kind: 'ConfigMap' | 'Secret'): [string, string][] {
  const pairs: [string, string][] = []
  const put = (key: string, value: string) => {
    const problem = keyProblem(key)
    if (problem !== undefined) throw new Failure(`${goQuote(key)} is not a valid key name for a ${kind}: ${problem}`)
    if (pairs.some(([k]) => k === key)) throw new Failure(`cannot add key ${goQuote(key)}, another key by that name already exists in Data for ${kind} ${goQuote(run.args[0] ?? '')}`)
    pairs.push([key, value])
  }
  for (const source of run.flags.list('from-file')) {
    const at = source.indexOf('=')
    if (at === 0) throw new Failure(`key name for file path ${source.slice(1)} missing`)
    if (at > 0 && source.indexOf('=', at + 1) > 0) throw new Failure('key names or file paths cannot contain \'=\'')
    if (at === source.length - 1) throw new Failure(`file path for key name ${source.slice(0, -1)} missing`)
    const path = source.slice(at + 1)
    const { fs } = run.process
    if (!fs.exists(path)) throw new Failure(`error reading ${path}: no such file or directory`)
    if (fs.stat(path).type === 'directory') {
      if (at > 0) throw new Failure('cannot give a key name for a directory path')
      for (const name of fs.readDir(path)) {
        const full = `${path.replace(/\/$/, '')}/${name}`
        if (fs.stat(full).type === 'file' && keyProblem(name) === undefined) put(name, fs.readFile(full))
      }
    } else put(at > 0 ? source.slice(0, at) : path.split('/').at(-1)!, fs.readFile(path))
  }
  for (const literal of run.flags.list('from-literal')) {
    const at = literal.indexOf('=')
    if (at <= 0) throw new Failure(`invalid literal source ${literal}, expected key=value`)
    put(literal.slice(0, at), literal.slice(at + 1).replace(/^'(.*)'$/s, '$1').replace(/^"(.*)"$/s, '$1'))
  }
  for (const path of run.flags.list('from-env-file')) {
    if (!run.process.fs.exists(path)) throw new Failure(`error reading ${path}: no such file or directory`)
    run.process.fs.readFile(path).split('\n').forEach((raw) => {
      const line = raw.replace(/^\s+/, '').replace(/\r$/, '')
      if (line === '' || line.startsWith('#')) return
      const at = line.indexOf('=')
      const key = at < 0 ? line : line.slice(0, at)
      if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(key)) throw new Failure(`${goQuote(key)} is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')`)
      put(key, at < 0 ? (run.process.env.get(key) ?? '') : line.slice(at + 1))
    })
  }
  if (run.flags.list('from-env-file').length > 0 && (run.flags.list('from-file').length > 0 || run.flags.list('from-literal').length > 0)) throw new Failure('from-env-file cannot be combined with from-file or from-literal')
  return pairs
}

const sorted = (pairs: readonly [string, string][]): Record<string, string> => Object.fromEntries([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)))

export const createConfigMap: Verb = async (run) => {
  const name = oneName(run)
  const pairs = readPairs(run, 'ConfigMap')
  const data = sorted(pairs.filter(([, v]) => isText(v)))
  const binary = sorted(pairs.filter(([, v]) => !isText(v)).map(([k, v]) => [k, toBase64(v)]))
  const object = newObject('v1', 'ConfigMap', { name, ...spaceOf(run) }, { ...(Object.keys(data).length > 0 ? { data } : {}), ...(Object.keys(binary).length > 0 ? { binaryData: binary } : {}) })
  await createGenerated(run, builtin('', 'v1', 'configmaps', 'ConfigMap'), object, 'failed to create configmap:')
}

const secretResource = builtin('', 'v1', 'secrets', 'Secret')

export const createSecretGeneric: Verb = async (run) => {
  const name = oneName(run)
  const pairs = readPairs(run, 'Secret')
  const type = run.flags.string('type')
  const data = sorted(pairs.map(([k, v]) => [k, toBase64(v)]))
  const object = newObject('v1', 'Secret', { name, ...spaceOf(run) }, { ...(Object.keys(data).length > 0 ? { data } : {}), ...(type ? { type } : {}) })
  await createGenerated(run, secretResource, object, 'failed to create secret')
}

function readPem(run: Invocation, path: string): string {
  if (!run.process.fs.exists(path)) throw new Failure(`Cannot read file ${path}, open ${path}: no such file or directory`)
  return run.process.fs.readFile(path)
}

export const createSecretTls: Verb = async (run) => {
  const name = oneName(run)
  const [cert, key] = [run.flags.string('cert'), run.flags.string('key')]
  if (cert === '' || key === '') throw new Failure('key and cert must be specified')
  const certificate = readPem(run, cert)
  const privateKey = readPem(run, key)
  const pem = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/
  if (!pem.test(certificate)) throw new Failure('tls: failed to find any PEM data in certificate input')
  if (!/-----BEGIN CERTIFICATE-----/.test(certificate)) throw new Failure(/PRIVATE KEY/.test(certificate) ? 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched' : 'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: []')
  if (!pem.test(privateKey)) throw new Failure('tls: failed to find any PEM data in key input')
  if (!/PRIVATE KEY-----/.test(privateKey)) throw new Failure(/CERTIFICATE/.test(privateKey) ? 'tls: found a certificate rather than a key in the PEM for the private key' : 'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: []')
  const object = newObject('v1', 'Secret', { name, ...spaceOf(run) }, { data: { 'tls.crt': toBase64(certificate), 'tls.key': toBase64(privateKey) }, type: 'kubernetes.io/tls' })
  await createGenerated(run, secretResource, object, 'failed to create secret')
}

export const createSecretDocker: Verb = async (run) => {
  const name = oneName(run)
  const files = run.flags.list('from-file')
  const [user, password, email, server] = ['docker-username', 'docker-password', 'docker-email', 'docker-server'].map((f) => run.flags.string(f)) as [string, string, string, string]
  let config: string
  if (files.length === 0) {
    if (user === '' || password === '' || server === '') throw new Failure('either --from-file or the combination of --docker-username, --docker-password and --docker-server is required')
    config = JSON.stringify({ auths: { [server]: { username: user, password, ...(email ? { email } : {}), auth: toBase64(`${user}:${password}`) } } })
  } else {
    const path = files[0]!.slice(files[0]!.indexOf('=') + 1)
    if (!run.process.fs.exists(path)) throw new Failure(`error reading ${path}: no such file or directory`)
    config = run.process.fs.readFile(path)
  }
  const object = newObject('v1', 'Secret', { name, ...spaceOf(run) }, { data: { '.dockerconfigjson': toBase64(config) }, type: 'kubernetes.io/dockerconfigjson' })
  await createGenerated(run, secretResource, object, 'failed to create secret')
}
