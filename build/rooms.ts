/**
 * The rooms of the house: what each folder of src/ may import, from us and from others.
 * Everything that enforces the architecture reads this one table: the generated tsconfigs
 * (build/tsconfigs.ts) and the architecture test (test/architecture/rooms.test.ts).
 */
export interface Room {
  /** Folder below the repository root. */
  readonly folder: string
  /** Other rooms, by folder, whose files may be imported. A room may always import itself. */
  readonly imports: readonly string[]
  /** Third-party packages that may be imported. */
  readonly packages: readonly string[]
  /** Where the code runs: `pure` compiles without DOM and Node, and may not read clocks or dice of the machine. */
  readonly world: 'pure' | 'worker' | 'node' | 'dom'
}

const base = ['src/base']
const sim = [...base, 'src/engine/sim']
const net = [...sim]
const machine = [...sim, 'src/engine/net']
const api = [...sim]
const kinds = [...base, 'src/engine/api']
const control = [...sim, 'src/engine/api', 'src/engine/kinds']
const node = [...sim, 'src/engine/net', 'src/engine/machine', 'src/engine/api', 'src/engine/kinds']
/** What kubeadm writes: configuration kinds, certificates, manifests, cluster objects. Shared by the program and the boot. */
const kubeadm = [...base, 'src/engine/sim', 'src/engine/net', 'src/engine/machine', 'src/engine/api', 'src/engine/kinds']
/** What runs in pods is started by the node room's runtime and knows its image and context types. */
const inPods = [...node, 'src/engine/node']
const engine = [...node, 'src/engine/kubeadm', 'src/engine/control', 'src/engine/node', 'src/engine/addons', 'src/engine/images', 'src/engine/cluster']

export const rooms: readonly Room[] = [
  { folder: 'src/base', imports: [], packages: ['js-yaml'], world: 'pure' },
  { folder: 'src/engine/sim', imports: base, packages: [], world: 'pure' },
  { folder: 'src/engine/net', imports: net, packages: [], world: 'pure' },
  { folder: 'src/engine/machine', imports: machine, packages: [], world: 'pure' },
  { folder: 'src/engine/api', imports: api, packages: [], world: 'pure' },
  { folder: 'src/engine/kinds', imports: kinds, packages: [], world: 'pure' },
  { folder: 'src/engine/control', imports: control, packages: [], world: 'pure' },
  { folder: 'src/engine/node', imports: node, packages: [], world: 'pure' },
  { folder: 'src/engine/kubeadm', imports: kubeadm, packages: [], world: 'pure' },
  { folder: 'src/engine/addons', imports: inPods, packages: [], world: 'pure' },
  { folder: 'src/engine/images', imports: inPods, packages: [], world: 'pure' },
  { folder: 'src/engine/cluster', imports: engine.filter((r) => r !== 'src/engine/cluster'), packages: [], world: 'pure' },
  { folder: 'src/shell', imports: [...base, 'src/engine/machine'], packages: [], world: 'pure' },
  {
    folder: 'src/programs',
    imports: [...base, 'src/shell', 'src/engine/machine', 'src/engine/net', 'src/engine/api', 'src/engine/kinds', 'src/engine/kubeadm'],
    packages: [],
    world: 'pure',
  },
  { folder: 'src/course', imports: base, packages: ['zod', 'yaml', 'markdown-it'], world: 'pure' },
  { folder: 'src/contract', imports: base, packages: [], world: 'pure' },
  {
    folder: 'src/session',
    imports: [...engine, 'src/shell', 'src/programs', 'src/course', 'src/contract'],
    packages: [],
    world: 'worker',
  },
  { folder: 'src/host', imports: ['src/base', 'src/contract', 'src/course'], packages: ['better-sqlite3'], world: 'node' },
  { folder: 'src/web', imports: ['src/contract', 'src/host', 'src/base'], packages: [], world: 'node' },
  { folder: 'src/cli', imports: ['src/base', 'src/contract', 'src/host', 'src/course', 'src/session', 'src/web'], packages: [], world: 'node' },
  {
    folder: 'src/ui',
    imports: ['src/base', 'src/contract'],
    packages: [
      'svelte', 'paneforge', 'lucide-svelte', 'markdown-it', '@replit/codemirror-vim',
      '@codemirror/state', '@codemirror/view', '@codemirror/commands', '@codemirror/language', '@codemirror/lang-yaml', '@codemirror/search', '@lezer/highlight',
      '@xterm/xterm', '@xterm/addon-fit', '@xterm/addon-search',
      '@fontsource-variable/inter', '@fontsource/jetbrains-mono',
    ],
    world: 'dom',
  },
  { folder: 'electron', imports: ['src/contract', 'src/host'], packages: ['electron'], world: 'node' },
]

/** The room that owns a path relative to the repository root; the longest folder wins. */
export function roomOf(path: string): Room | undefined {
  let best: Room | undefined
  for (const room of rooms) {
    if (path.startsWith(room.folder + '/') && room.folder.length > (best?.folder.length ?? 0)) best = room
  }
  return best
}
