/** `apt-get update`: fetches the indices of the sources. */
import { indexFile, repositoryIndex } from '#engine/kubeadm/packages.ts'
import type { Process } from '#engine/machine/process.ts'
import { AptError, bytes, say, step } from './output.ts'
import { sources, type Source } from './state.ts'

const kubernetes = /^https?:\/\/pkgs\.k8s\.io\/core:\/stable:\/v(\d+\.\d+)\/deb$/
const key = '234654DA9A296436'

/** What fetching a source gives: its index, or what went wrong. */
function fetchIndex(process: Process, source: Source): { readonly index: string } | { readonly shown: string; readonly lines: readonly string[]; readonly fatal: boolean } {
  const at = `${source.url} ${source.suite} InRelease`
  const host = /^\w+:\/\/([^/:]+)/.exec(source.url)?.[1] ?? source.url
  const file = source.suite === '' ? `${source.url}/InRelease` : `${source.url}/dists/${source.suite}/InRelease`
  const minor = kubernetes.exec(source.url)?.[1]
  if (minor === undefined) {
    const why = `Temporary failure resolving '${host}'`
    return { shown: why, lines: [`W: Failed to fetch ${file}  ${why}`, 'W: Some index files failed to download. They have been ignored, or old ones used instead.'], fatal: false }
  }
  const index = repositoryIndex(minor)
  const unsigned = [`E: The repository '${at}' is not signed.`, "N: Updating from such a repository can't be done securely, and is therefore disabled by default.", 'N: See apt-secure(8) manpage for repository creation and user configuration details.']
  if (index === undefined) {
    const why = '403  Forbidden [IP: 18.155.192.99 443]'
    return { shown: why, lines: [`E: Failed to fetch ${file}  ${why}`, ...unsigned], fatal: true }
  }
  if (source.keyring !== undefined && !process.fs.exists(source.keyring)) {
    const why = `The following signatures couldn't be verified because the public key is not available: NO_PUBKEY ${key}`
    return { shown: why, lines: [`W: GPG error: ${at}: ${why}`, ...unsigned], fatal: true }
  }
  return { index }
}

export async function update(process: Process): Promise<void> {
  const { fs } = process
  if (process.user.uid !== 0) throw new AptError(['E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)', 'E: Unable to lock directory /var/lib/apt/lists/'])
  const wrong: string[] = []
  let fatal = false
  let fetched = 0
  for (const [i, source] of sources(process).entries()) {
    const at = `${source.url} ${source.suite} InRelease`
    await process.sleep(200)
    const got = fetchIndex(process, source)
    if (!('index' in got)) {
      await say(process, `Err:${i + 1} ${at}\n  ${got.shown}`)
      wrong.push(...got.lines.filter((l) => !wrong.includes(l)))
      fatal ||= got.fatal
      continue
    }
    const path = indexFile(source.url)
    if (fs.exists(path) && fs.readFile(path) === got.index) {
      await say(process, `Hit:${i + 1} ${at}`)
      continue
    }
    fs.mkdir('/var/lib/apt/lists', { parents: true })
    fs.writeFile(path, got.index)
    await say(process, `Get:${i + 1} ${at} [1227 B]\nGet:${i + 2} ${source.url} ${source.suite} Packages [${bytes(got.index.length)}]`)
    fetched += 1227 + got.index.length
  }
  if (fetched > 0) await say(process, `Fetched ${bytes(fetched)} in 1s (${bytes(fetched)}/s)`)
  await step(process, 'Reading package lists')
  if (fatal) throw new AptError(wrong)
  for (const line of wrong) await process.stderr.write(`${line}\n`)
}
