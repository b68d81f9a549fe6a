/** Files as kubeadm writes and reads them: parents made, modes kept; certificates and keys below a folder. */
import { decodeCertificates, decodeKey, encodeCertificate, encodeKey, type Certificate, type KeyPair } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import { publicKeyPem } from '#engine/kubeadm/certificates.ts'
import { fileProblem, type Run } from './run.ts'

export function writeFile(run: Run, path: string, text: string, mode: number, folderMode = 0o700): void {
  const folder = path.slice(0, path.lastIndexOf('/'))
  if (!run.fs.exists(folder)) run.fs.mkdir(folder, { parents: true, mode: folderMode })
  run.fs.writeFile(path, text, { mode })
  run.fs.chmod(path, mode)
}

export function readFile(run: Run, path: string): string | undefined {
  try {
    return run.fs.readFile(path)
  } catch (error) {
    if (error instanceof FsError) return undefined
    throw error
  }
}

/** Why it can not be read, in Go's words; undefined where it can. */
export function readProblem(run: Run, path: string): string | undefined {
  try {
    run.fs.readFile(path)
    return undefined
  } catch (error) {
    if (error instanceof FsError) return fileProblem('open', path, error)
    throw error
  }
}

export function loadCertificate(run: Run, folder: string, base: string): Certificate | undefined {
  const text = readFile(run, `${folder}/${base}.crt`)
  return text === undefined ? undefined : decodeCertificates(text)[0]
}

export function loadKey(run: Run, folder: string, base: string): string | undefined {
  const text = readFile(run, `${folder}/${base}.key`)
  return text === undefined ? undefined : decodeKey(text)
}

export function loadPair(run: Run, folder: string, base: string): KeyPair | undefined {
  const certificate = loadCertificate(run, folder, base)
  const keyId = loadKey(run, folder, base)
  return certificate && keyId !== undefined ? { certificate, keyId } : undefined
}

export const certificateOrKeyExists = (run: Run, folder: string, base: string): boolean => run.fs.exists(`${folder}/${base}.crt`) || run.fs.exists(`${folder}/${base}.key`)

export function writePair(run: Run, folder: string, base: string, pair: KeyPair): void {
  writeFile(run, `${folder}/${base}.key`, encodeKey(pair.keyId), 0o600)
  writeFile(run, `${folder}/${base}.crt`, encodeCertificate(pair.certificate), 0o644)
}

export function writeKeyPair(run: Run, folder: string, base: string, keyId: string): void {
  writeFile(run, `${folder}/${base}.key`, encodeKey(keyId), 0o600)
  writeFile(run, `${folder}/${base}.pub`, publicKeyPem(keyId), 0o600)
}
