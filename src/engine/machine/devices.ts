/** /dev of a host or container. */
import { FileTree, type ComputedDir } from './tree.ts'

export function deviceTree(pts: ComputedDir): FileTree {
  const tree = new FileTree()
  tree.device('/null', 'null').device('/zero', 'zero').device('/full', 'full').device('/random', 'random').device('/urandom', 'random').device('/tty', 'tty').device('/console', 'tty', 0o620)
  tree.symlink('/fd', '/proc/self/fd').symlink('/stdin', '/proc/self/fd/0').symlink('/stdout', '/proc/self/fd/1').symlink('/stderr', '/proc/self/fd/2').symlink('/ptmx', 'pts/ptmx')
  tree.computedDir('/pts', pts)
  tree.dir('/shm', { mode: 0o1777 }).dir('/mqueue', { mode: 0o1777 })
  return tree
}
