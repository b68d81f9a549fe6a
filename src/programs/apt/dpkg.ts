/** dpkg and dpkg-query, as far as they look at what is installed. */
import { summaryOf, type Installed } from '#engine/kubeadm/packages.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { installed, present, statusText } from './state.ts'
import { globPattern } from './versions.ts'

type Action = (process: Process, words: readonly string[]) => Promise<number>

const files: Readonly<Record<string, readonly string[]>> = {
  kubeadm: ['/usr/bin/kubeadm', '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf'], kubectl: ['/usr/bin/kubectl'], kubelet: ['/etc/default/kubelet', '/usr/bin/kubelet', '/usr/lib/systemd/system/kubelet.service'],
  'cri-tools': ['/usr/bin/crictl'], 'kubernetes-cni': ['/opt/cni/bin'],
}

const heading = 'Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n'
const letters = (p: Installed) => `${{ install: 'i', hold: 'h', deinstall: 'r' }[p.want]}${p.state === 'installed' ? 'i' : 'c'}`

function table(list: readonly Installed[]): string {
  const rows = list.map((p) => [p.name, p.version, 'amd64', summaryOf(p.name)])
  const widths = [14, 12, 12, 33].map((w, i) => Math.max(w, ...rows.map((r) => r[i]!.length)))
  const line = (head: string, cells: readonly string[]) => `${head} ${cells.map((c, i) => (i < 3 ? c.padEnd(widths[i]!) : c)).join(' ')}\n`
  return `${heading}${line('||/', ['Name', 'Version', 'Architecture', 'Description'])}+++-${widths.map((w) => '='.repeat(w)).join('-')}\n${rows.map((r, i) => line(`${letters(list[i]!)} `, r)).join('')}`
}

function matching(process: Process, words: readonly string[]): { readonly found: readonly Installed[]; readonly unknown: readonly string[] } {
  const all = [...installed(process)].sort((a, b) => (a.name < b.name ? -1 : 1))
  if (words.length === 0) return { found: all, unknown: [] }
  const tests = words.map(globPattern)
  return { found: all.filter((p) => tests.some((t) => t.test(p.name))), unknown: words.filter((_, i) => !all.some((p) => tests[i]!.test(p.name))) }
}

const list: Action = async (process, words) => {
  const { found, unknown } = matching(process, words)
  for (const w of unknown) await process.stderr.write(`dpkg-query: no packages found matching ${w}\n`)
  if (found.length > 0) await process.stdout.write(table(found))
  return unknown.length > 0 ? 1 : 0
}

const status: Action = async (process, words) => {
  const blocks = statusText(process).split(/\n\n+/)
  let code = 0
  for (const w of words) {
    const block = blocks.find((b) => b.startsWith(`Package: ${w}\n`))
    if (block) await process.stdout.write(`${block.trimEnd()}\n\n`)
    else {
      await process.stderr.write(`dpkg-query: package '${w}' is not installed and no information is available\n`)
      code = 1
    }
  }
  if (code) await process.stderr.write('Use dpkg --info (= dpkg-deb --info) to examine archive files.\n')
  return code
}

const contents: Action = async (process, words) => {
  for (const w of words) {
    if (!present(installed(process), w)) {
      await process.stderr.write(`dpkg-query: package '${w}' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n`)
      return 1
    }
    const own = files[w] ?? []
    const folders = new Set(own.flatMap((f) => f.split('/').slice(1, -1).map((_, i, parts) => `/${parts.slice(0, i + 1).join('/')}`)))
    await process.stdout.write(`${['/.', ...[...folders, ...own].sort()].join('\n')}\n`)
  }
  return 0
}

const searchFile: Action = async (process, words) => {
  let code = 0
  for (const w of words) {
    const owner = Object.keys(files).find((name) => files[name]!.some((f) => f === w || (!w.startsWith('/') && f.includes(w))))
    if (owner && present(installed(process), owner)) await process.stdout.write(`${owner}: ${files[owner]!.find((f) => f === w || f.includes(w))}\n`)
    else {
      await process.stderr.write(`dpkg-query: no path found matching pattern ${w}\n`)
      code = 1
    }
  }
  return code
}

const selections: Action = async (process, words) => {
  for (const p of matching(process, words).found) await process.stdout.write(`${p.name}${'\t'.repeat(Math.max(1, 6 - Math.floor(p.name.length / 8)))}${p.want}\n`)
  return 0
}

function formatted(format: string): Action {
  return async (process, words) => {
    const { found, unknown } = matching(process, words)
    for (const p of found) {
      const fields: Readonly<Record<string, string>> = { Package: p.name, Version: p.version, Architecture: 'amd64', Status: `${p.want} ok ${p.state}`, 'db:Status-Abbrev': `${letters(p)} `, 'binary:Package': p.name }
      await process.stdout.write(format.replace(/\$\{([^};]+)(?:;(-?\d+))?\}/g, (_, key: string, width?: string) => {
        const text = fields[key] ?? ''
        return width === undefined ? text : Number(width) < 0 ? text.padEnd(-Number(width)) : text.padStart(Number(width))
      }).replaceAll('\\n', '\n').replaceAll('\\t', '\t'))
    }
    for (const w of unknown) await process.stderr.write(`dpkg-query: no packages found matching ${w}\n`)
    return unknown.length > 0 ? 1 : 0
  }
}

const actions: Readonly<Record<string, Action>> = {
  '-l': list, '--list': list, '-s': status, '--status': status, '-L': contents, '--listfiles': contents, '-S': searchFile, '--search': searchFile, '--get-selections': selections, '--print-architecture': async (process) => {
    await process.stdout.write('amd64\n')
    return 0
  },
}

export const dpkg: Program = async (process) => {
  await process.sleep(20)
  const words = process.argv.slice(1)
  const at = words.findIndex((w) => actions[w] !== undefined)
  if (at >= 0) return actions[words[at]!]!(process, words.filter((w, i) => i !== at && !w.startsWith('-')))
  const format = /^(?:-f|--showformat)=?(.*)$/s
  if (words.includes('-W') || words.includes('--show')) {
    const i = words.findIndex((w) => format.test(w))
    const text = i < 0 ? '${binary:Package}\\t${Version}\\n' : format.exec(words[i]!)![1] || words[i + 1]!
    const used = i >= 0 && format.exec(words[i]!)![1] === '' ? i + 1 : i
    return formatted(text)(process, words.filter((w, k) => !w.startsWith('-') && k !== used))
  }
  await process.stderr.write('dpkg: error: need an action option\n\nType dpkg --help for help about installing and deinstalling packages [*];\nUse \'apt\' or \'aptitude\' for user-friendly package management;\nType dpkg -Dhelp for a list of dpkg debug flag values;\nType dpkg --force-help for a list of forcing options;\nType dpkg-deb --help for help about manipulating *.deb files;\n\nOptions marked [*] produce a lot of output - pipe it through \'less\' or \'more\' !\n')
  return 2
}
