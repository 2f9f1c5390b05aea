import { homedir } from 'node:os'
import { join } from 'node:path'

import type { ClientKind } from './client-kind.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Where a client keeps the servers of a user. */
export const clientFile = (
  client: ClientKind,
  environment: Environment,
  platform: NodeJS.Platform = process.platform,
): string => {
  const home = homeDirectory(environment, platform)
  const places: Readonly<Record<ClientKind, string>> = {
    'claude-desktop': join(applicationData(environment, platform), 'Claude', 'claude_desktop_config.json'),
    'claude-code': join(environment['CLAUDE_CONFIG_DIR'] ?? home, '.claude.json'),
    cursor: join(home, '.cursor', 'mcp.json'),
    vscode: join(applicationData(environment, platform), 'Code', 'User', 'mcp.json'),
  }
  return places[client]
}

/** The user's home, as the environment says. */
export const homeDirectory = (
  environment: Environment,
  platform: NodeJS.Platform = process.platform,
): string => (platform === 'win32' ? environment['USERPROFILE'] : environment['HOME']) ?? homedir()

const applicationData = (environment: Environment, platform: NodeJS.Platform): string => {
  const home = homeDirectory(environment, platform)
  if (platform === 'win32') return environment['APPDATA'] ?? join(home, 'AppData', 'Roaming')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support')
  return environment['XDG_CONFIG_HOME'] ?? join(home, '.config')
}
