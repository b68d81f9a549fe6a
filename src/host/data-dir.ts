/** Where the learner's data lies when nothing else is said: the place that each operating system has for it. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function defaultDataDir(platform: string = process.platform, env: Readonly<Record<string, string | undefined>> = process.env, home: string = homedir()): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Kubedrill')
  if (platform === 'win32') return join(env['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Kubedrill')
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'kubedrill')
}
