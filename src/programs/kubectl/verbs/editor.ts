/**
 * Opening an object in an editor: KUBE_EDITOR or EDITOR as a program of the machine (scripts, sed), else the terminal's own editor. What comes back is
 * parsed; a file that does not parse is opened again with the complaint on top, as `kubectl edit` does.
 */
import type { KubeObject } from '#engine/api/types.ts'
import { FsError } from '#engine/machine/files.ts'
import { Failure } from '../cli/errors.ts'
import type { Invocation } from '../cli/invocation.ts'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'

const head = '# Please edit the object below. Lines beginning with a \'#\' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n'

/** The text after editing, or undefined where the editor was left without saving. The path stays for messages. */
export async function editText(run: Invocation, text: string, suffix = '.yaml'): Promise<{ readonly text: string; readonly path: string; readonly saved: boolean }> {
  const { process } = run
  const path = `/tmp/kubectl-edit-${process.machine.sim.random.below(4_000_000_000)}${suffix}`
  if (!process.fs.exists('/tmp')) process.fs.mkdir('/tmp', { parents: true })
  process.fs.writeFile(path, text, { mode: 0o600 })
  const command = process.env.get('KUBE_EDITOR') || process.env.get('EDITOR') || 'vi'
  const words = command.trim().split(/\s+/)
  const port = process.tty?.editor
  const name = words[0]!.split('/').at(-1)!
  if (port && /^(vi|vim|nvim|nano|pico|emacs)$/.test(name)) {
    const result = await port.open({ path, text, keys: name === 'nano' || name === 'pico' ? 'nano' : 'vi', readOnly: false })
    if (result.saved) process.fs.writeFile(path, result.text)
  } else {
    const argv = /[\s"'$&|;<>]/.test(command.trim()) ? ['/bin/bash', '-c', `${command} ${JSON.stringify(path)}`] : [...words, path]
    try {
      const status = await process.spawn({ argv }).wait()
      if (status.code !== 0) throw new Failure(`there was a problem with the editor ${JSON.stringify(command)}`)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Failure(`unable to launch the editor ${JSON.stringify(command)}`)
    }
  }
  const edited = process.fs.readFile(path)
  return { text: edited, path, saved: edited !== text }
}

export function stripComments(text: string): string {
  return text.split('\n').filter((l) => !l.startsWith('#')).join('\n')
}

export function withHead(text: string, complaint = ''): string {
  return head + complaint.split('\n').filter(Boolean).map((l) => `# ${l}\n`).join('') + (complaint ? '#\n' : '') + text
}

/** One object through the editor; undefined where nothing came back. */
export async function openEditor(run: Invocation, object: KubeObject): Promise<KubeObject | undefined> {
  let text = withHead(emitYaml(object))
  for (let i = 0; i < 10; i++) {
    const { text: edited, path } = await editText(run, text)
    const stripped = stripComments(edited)
    if (stripped.trim() === '') {
      run.process.fs.unlink(path)
      throw new Failure('Edit cancelled, saved file was empty.', { bare: true })
    }
    try {
      return parseYaml(stripped) as KubeObject
    } catch (error) {
      if (!(error instanceof YamlError)) throw error
      if (edited === text) throw new Failure(`Edit cancelled, no valid changes were saved.`)
      text = withHead(stripped, `The edited file had a syntax error: error parsing edited-file: ${error.message}`)
    }
  }
  return undefined
}
