/**
 * Every key of the app, once: the interface binds them, the help page lists them, the desktop menu shows them. Rules: nothing that bash,
 * vim or tmux use while the terminal has the focus (so F-keys, and a leader with a letter after it); nothing that a browser keeps for itself.
 */
export type Action =
  | 'search' | 'home' | 'help' | 'settings' | 'theme' | 'reference'
  | 'terminal' | 'text' | 'next-area' | 'new-terminal' | 'close-terminal' | 'next-terminal' | 'find'
  | 'map' | 'trace' | 'matrix' | 'objects' | 'timeline' | 'close-panel'
  | 'check' | 'hint' | 'solution' | 'undo' | 'reset' | 'skip' | 'pause'
  | 'next' | 'previous' | 'flag' | 'notes' | 'end-exam'

export interface KeyEntry {
  readonly action: Action
  readonly title: string
  readonly group: 'Go' | 'Areas' | 'Cluster' | 'Lab and exam'
  /** Direct key, as `F9` or `Ctrl+K`. */
  readonly key?: string
  /** The direct key belongs to the terminal while it has the focus. */
  readonly outsideTerminal?: boolean
  /** The letter after the leader. */
  readonly leader: string
}

export const leaderKey = 'Ctrl+Shift+Space'

export const keyTable: readonly KeyEntry[] = [
  { action: 'search', title: 'Search lessons, labs and actions', group: 'Go', key: 'Ctrl+K', outsideTerminal: true, leader: 'k' },
  { action: 'home', title: 'Home', group: 'Go', leader: 'h' },
  { action: 'next', title: 'Next lesson, lab or exam task', group: 'Go', leader: 'n' },
  { action: 'previous', title: 'Previous lesson or exam task', group: 'Go', leader: 'p' },
  { action: 'reference', title: 'Reference', group: 'Go', leader: 'b' },
  { action: 'settings', title: 'Settings', group: 'Go', leader: ',' },
  { action: 'theme', title: 'Change between light and dark', group: 'Go', leader: 'd' },
  { action: 'help', title: 'Help and keys', group: 'Go', key: 'F1', leader: '?' },

  { action: 'next-area', title: 'Focus the next area', group: 'Areas', key: 'F6', leader: 'Tab' },
  { action: 'terminal', title: 'Focus the terminal', group: 'Areas', leader: 't' },
  { action: 'text', title: 'Focus the text or the tasks', group: 'Areas', key: 'F2', leader: 'l' },
  { action: 'map', title: 'Map', group: 'Areas', key: 'F7', leader: 'm' },
  { action: 'trace', title: 'Tracer', group: 'Areas', key: 'F8', leader: 'r' },
  { action: 'matrix', title: 'Policy matrix', group: 'Areas', leader: 'x' },
  { action: 'objects', title: 'Objects', group: 'Areas', leader: 'o' },
  { action: 'timeline', title: 'Timeline', group: 'Areas', leader: 'i' },
  { action: 'close-panel', title: 'Close the area below the terminal', group: 'Areas', leader: 'q' },
  { action: 'new-terminal', title: 'New terminal', group: 'Areas', leader: '+' },
  { action: 'next-terminal', title: 'Next terminal', group: 'Areas', leader: ' ' },
  { action: 'close-terminal', title: 'Close this terminal', group: 'Areas', leader: '-' },
  { action: 'find', title: 'Find in the terminal', group: 'Areas', leader: '/' },

  { action: 'undo', title: 'Undo the last command', group: 'Cluster', leader: 'u' },
  { action: 'reset', title: 'Reset to the start', group: 'Cluster', leader: 'z' },
  { action: 'skip', title: 'Skip to the next event of the cluster', group: 'Cluster', leader: '>' },
  { action: 'pause', title: 'Stop or start the cluster’s time', group: 'Cluster', leader: '.' },

  { action: 'check', title: 'Check all tasks', group: 'Lab and exam', key: 'F9', leader: 'c' },
  { action: 'hint', title: 'Next hint', group: 'Lab and exam', leader: 'y' },
  { action: 'solution', title: 'Show the solution', group: 'Lab and exam', leader: 's' },
  { action: 'flag', title: 'Flag this exam task', group: 'Lab and exam', leader: 'f' },
  { action: 'notes', title: 'Notes', group: 'Lab and exam', leader: 'w' },
  { action: 'end-exam', title: 'End the exam', group: 'Lab and exam', leader: 'e' },
]
