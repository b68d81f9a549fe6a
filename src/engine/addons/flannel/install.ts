/** `cp -f FROM TO` of flannel's images, whose init containers lay the plugin and its configuration onto the node. */
import type { Process } from '#engine/machine/process.ts'

export async function copyFile(process: Process): Promise<number> {
  const [from, to] = process.argv.slice(1).filter((a) => !a.startsWith('-'))
  if (from === undefined || to === undefined) {
    await process.stderr.write("cp: missing file operand\nTry 'cp --help' for more information.\n")
    return 1
  }
  if (!process.fs.exists(from)) {
    await process.stderr.write(`cp: can't stat '${from}': No such file or directory\n`)
    return 1
  }
  const target = process.fs.exists(to) && process.fs.stat(to).type === 'directory' ? `${to.replace(/\/$/, '')}/${from.slice(from.lastIndexOf('/') + 1)}` : to
  process.fs.writeFile(target, process.fs.readFile(from))
  process.fs.chmod(target, process.fs.stat(from).mode & 0o777)
  return 0
}
