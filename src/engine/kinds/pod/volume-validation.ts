/** ValidateVolumes: names and the sources that people use; sources that v1.35 can no longer run are only told apart. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { FieldErrors as Errors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors } from '#engine/api/names.ts'
import { validateClaimSpec } from '../persistentvolumeclaim/validation.ts'
import { all, isNegative, validateLocalPath } from '../shared/validation.ts'
import { validateFieldRef, validateResourceFieldRef } from './container-validation.ts'

const list = (value: Loose): Loose[] => value ?? []
const volumeFields = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid']
const MODE = 'must be a number between 0 and 0777 (octal), both inclusive'

function mode(value: number | undefined, at: string, errors: FieldErrors): void {
  if (value !== undefined && !(value >= 0 && value <= 0o777)) errors.invalid(at, value, MODE)
}

function keyToPath(items: Loose, at: string, errors: FieldErrors): void {
  for (const [i, k] of list(items).entries()) {
    const path = `${at}.items[${i}]`
    if (!k.key) errors.required(`${path}.key`)
    if (!k.path) errors.required(`${path}.path`)
    else validateLocalPath(k.path, `${path}.path`, errors, true)
    mode(k.mode, `${path}.mode`, errors)
  }
}

function downwardItem(item: Loose, at: string, errors: FieldErrors): void {
  if (!item.path) errors.required(`${at}.path`)
  else validateLocalPath(item.path, `${at}.path`, errors, true)
  if (item.fieldRef) {
    validateFieldRef(item.fieldRef, `${at}.fieldRef`, errors, volumeFields)
    if (item.resourceFieldRef) errors.invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
  } else if (item.resourceFieldRef) validateResourceFieldRef(item.resourceFieldRef, `${at}.resourceFieldRef`, errors, true)
  else errors.required(at, 'one of fieldRef and resourceFieldRef is required')
  mode(item.mode, `${at}.mode`, errors)
}

function projected(p: Loose, at: string, errors: FieldErrors): void {
  mode(p.defaultMode, `${at}.defaultMode`, errors)
  const paths = new Set<string>()
  const put = (path: string | undefined) => {
    if (!path) return
    if (paths.has(path)) errors.invalid(at, path, 'conflicting duplicate paths')
    paths.add(path)
  }
  for (const [i, s] of list(p.sources).entries()) {
    const path = `${at}.sources[${i}]`
    let count = 0
    const one = (name: string) => {
      if (count++ > 0) {
        errors.forbidden(`${path}.${name}`, 'may not specify more than 1 volume type per source')
        return false
      }
      return true
    }
    if (s.secret && one('secret')) {
      if (!s.secret.name) errors.required(`${path}.secret.name`)
      keyToPath(s.secret.items, `${path}.secret`, errors)
      for (const item of list(s.secret.items)) put(item.path)
    }
    if (s.configMap && one('configMap')) {
      if (!s.configMap.name) errors.required(`${path}.configMap.name`)
      keyToPath(s.configMap.items, `${path}.configMap`, errors)
      for (const item of list(s.configMap.items)) put(item.path)
    }
    if (s.downwardAPI && one('downwardAPI')) {
      for (const item of list(s.downwardAPI.items)) {
        downwardItem(item, `${path}.downwardAPI`, errors)
        put(item.path)
      }
    }
    if (s.serviceAccountToken && one('serviceAccountToken')) {
      const t = s.serviceAccountToken
      const seconds = t.expirationSeconds ?? 0
      if (seconds < 600) errors.invalid(`${path}.serviceAccountToken.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes')
      if (seconds > 2 ** 32) errors.invalid(`${path}.serviceAccountToken.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds')
      if (!t.path) errors.required(`${at}.path`)
      else validateLocalPath(t.path, `${at}.path`, errors, true)
      put(t.path)
    }
    if (s.clusterTrustBundle) one('clusterTrustBundle')
    if (s.podCertificate) one('podCertificate')
  }
}

const absolute = (path: string, at: string, errors: FieldErrors) => {
  if (!path.startsWith('/')) errors.invalid(at, path, 'must be an absolute path')
}

export const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']

export function validateHostPath(h: Loose, at: string, errors: FieldErrors): void {
  if (!h.path) {
    errors.required(`${at}.path`)
    return
  }
  if (String(h.path).split('/').includes('..')) errors.invalid(`${at}.path`, h.path, "must not contain '..'")
  if (h.type !== undefined && !hostPathTypes.includes(h.type)) errors.notSupported(`${at}.type`, h.type, hostPathTypes)
}

export function validateNfs(n: Loose, at: string, errors: FieldErrors): void {
  if (!n.server) errors.required(`${at}.server`)
  if (!n.path) errors.required(`${at}.path`)
  absolute(n.path ?? '', `${at}.path`, errors)
}

export function validateDriverName(name: string | undefined, at: string, errors: FieldErrors): void {
  if (!name) {
    errors.required(at)
    return
  }
  if (name.length > 63) errors.tooLong(at, 63)
  all(errors, at, name, dns1123SubdomainErrors(name.toLowerCase()))
}

const sources: Record<string, (source: Loose, at: string, errors: FieldErrors, podName: string) => void> = {
  emptyDir(e, at, errors) {
    if (e.sizeLimit !== undefined && isNegative(e.sizeLimit)) errors.forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')
  },
  hostPath: validateHostPath,
  secret(s, at, errors) {
    if (!s.secretName) errors.required(`${at}.secretName`)
    mode(s.defaultMode, `${at}.defaultMode`, errors)
    keyToPath(s.items, at, errors)
  },
  nfs: validateNfs,
  persistentVolumeClaim(c, at, errors) {
    if (!c.claimName) errors.required(`${at}.claimName`)
  },
  downwardAPI(d, at, errors) {
    mode(d.defaultMode, `${at}.defaultMode`, errors)
    for (const item of list(d.items)) downwardItem(item, at, errors)
  },
  configMap(c, at, errors) {
    if (!c.name) errors.required(`${at}.name`)
    mode(c.defaultMode, `${at}.defaultMode`, errors)
    keyToPath(c.items, at, errors)
  },
  projected,
  csi(c, at, errors) {
    validateDriverName(c.driver, `${at}.driver`, errors)
    if (c.nodePublishSecretRef && !c.nodePublishSecretRef.name) errors.required(`${at}.nodePublishSecretRef.name`)
  },
  ephemeral(e, at, errors) {
    if (!e.volumeClaimTemplate) errors.required(`${at}.volumeClaimTemplate`)
    else validateClaimSpec(e.volumeClaimTemplate.spec ?? {}, `${at}.volumeClaimTemplate.spec`, errors)
  },
  gcePersistentDisk() {}, awsElasticBlockStore() {}, gitRepo() {}, iscsi() {}, glusterfs() {}, rbd() {}, flexVolume() {}, cinder() {}, cephfs() {}, flocker() {}, fc() {}, azureFile() {}, vsphereVolume() {}, quobyte() {}, azureDisk() {},
  photonPersistentDisk() {}, portworxVolume() {}, scaleIO() {}, storageos() {}, image() {},
}

/** Answers the volumes that mounts may name. */
export function validateVolumes(volumes: Loose, at: string, errors: FieldErrors, podName: string): Map<string, Loose> {
  const known = new Map<string, Loose>()
  const names = new Set<string>()
  for (const [i, v] of list(volumes).entries()) {
    const path = `${at}[${i}]`
    const own = new Errors()
    let count = 0
    for (const [name, check] of Object.entries(sources)) {
      if (!v[name]) continue
      if (count++ > 0) own.forbidden(`${path}.${name}`, 'may not specify more than 1 volume type')
      else check(v[name], `${path}.${name}`, own, podName)
    }
    if (count === 0) own.required(path, 'must specify a volume type')
    if (!v.name) own.required(`${path}.name`)
    else {
      all(own, `${path}.name`, v.name, dns1123LabelErrors(v.name))
      if (names.has(v.name)) own.duplicate(`${path}.name`, v.name)
      else names.add(v.name)
    }
    if (own.list.length === 0) known.set(v.name, v)
    else errors.list.push(...own.list)
  }
  return known
}

