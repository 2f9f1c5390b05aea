import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { type Check, type Finding, ok, skipped, warning } from '../check.ts'
import type { Environment } from '../facts.ts'

const ANSWER_MS = 5000

/** Servers that npx or uvx fetches at their start, and a registry that does not answer. */
export const packageRegistry: Check = {
  name: 'package-registry',
  title: 'Packages',
  needsServers: true,
  run: async (facts) => {
    const servers = await facts.serversIfAny()
    const started = (names: readonly string[]): string[] =>
      servers
        .filter(({ endpoints }) =>
          endpoints.some(({ command }) => command !== undefined && names.includes(command)),
        )
        .map(({ slug }) => slug)
    const npm = started(['npx', 'npm', 'bunx', 'pnpm'])
    const python = started(['uvx', 'uv', 'pipx'])
    const findings = [
      ...(npm.length === 0
        ? []
        : [await look(await npmRegistry(facts.environment), npm, 'npx --prefer-offline')]),
      ...(python.length === 0 ? [] : [await look(pythonIndex(facts.environment), python, 'uvx --offline')]),
    ]
    return findings.length === 0 ? [skipped('no server is fetched when it starts')] : findings
  },
}

const look = async (registry: string, slugs: readonly string[], offline: string): Promise<Finding> => {
  try {
    const response = await fetch(registry, { method: 'HEAD', signal: AbortSignal.timeout(ANSWER_MS) })
    await response.body?.cancel()
    if (response.status < 500) return ok(`the package registry ${registry} answers`)
    return warning(
      `the package registry ${registry} answers with ${response.status}; ${slugs.join(', ')} may not start`,
      'Try again later.',
    )
  } catch {
    return warning(
      `the package registry ${registry} cannot be reached; ${slugs.join(', ')} can only start from what was fetched before`,
      'Go online for the first start of such a server.',
      `Behind a proxy, set HTTPS_PROXY where the gateway runs; offline, register it with ${offline}.`,
    )
  }
}

const npmRegistry = async (environment: Environment): Promise<string> => {
  const given = environment['npm_config_registry'] ?? environment['NPM_CONFIG_REGISTRY']
  if (given !== undefined && given !== '') return given
  const settings = await readFile(join(environment['HOME'] ?? homedir(), '.npmrc'), 'utf8').catch(() => '')
  return /^\s*registry\s*=\s*(\S+)/mu.exec(settings)?.[1] ?? 'https://registry.npmjs.org/'
}

const pythonIndex = (environment: Environment): string =>
  environment['UV_DEFAULT_INDEX'] ?? environment['UV_INDEX_URL'] ?? 'https://pypi.org/simple/'
