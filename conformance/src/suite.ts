import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** One run of one version of the official suite: which package, and with which arguments. */
export interface Suite {
  readonly release: '0.2.0-alpha.12' | '0.1.16'
  readonly arguments: readonly string[]
}

const latest = (...args: readonly string[]): Suite => ({ release: '0.2.0-alpha.12', arguments: args })
const earlier = (...args: readonly string[]): Suite => ({ release: '0.1.16', arguments: args })

/** The scenarios that a revision of the protocol requires, and what the suite reports besides. */
export const requirements = (revision: '2025-11-25' | '2026-07-28'): Suite =>
  latest('--requirements', revision)

/** Every server suite of both releases, and every version of the protocol. */
export const SERVER_SUITES: readonly Suite[] = [
  requirements('2025-11-25'),
  requirements('2026-07-28'),
  latest('--suite', 'active'),
  latest('--suite', 'all'),
  latest('--suite', 'draft'),
  latest('--suite', 'pending'),
  latest('--suite', 'all', '--spec-version', '2025-03-26'),
  latest('--suite', 'all', '--spec-version', '2025-06-18'),
  latest('--suite', 'all', '--spec-version', '2025-11-25'),
  latest('--suite', 'all', '--spec-version', '2026-07-28'),
  earlier('--suite', 'active'),
  earlier('--suite', 'all'),
  earlier('--suite', 'pending'),
  earlier('--suite', 'all', '--spec-version', '2025-06-18'),
  earlier('--suite', 'all', '--spec-version', '2025-11-25'),
]

/** Those that together have every scenario in every version once: for runs that must be short. */
export const SHORT_SERVER_SUITES: readonly Suite[] = [
  requirements('2025-11-25'),
  requirements('2026-07-28'),
  ...['directory', 'enumeration', 'manifest'].map((part) => latest('--scenario', `sep-2640-skills-${part}`)),
  latest('--suite', 'all', '--spec-version', '2025-03-26'),
  latest('--suite', 'all', '--spec-version', '2025-06-18'),
  earlier('--suite', 'all'),
  earlier('--suite', 'all', '--spec-version', '2025-06-18'),
]

/** How a suite is called in tables. */
export const titleOf = ({ release, arguments: args }: Suite): string => `${release} ${args.join(' ')}`

const PACKAGES = {
  '0.2.0-alpha.12': '@modelcontextprotocol/conformance',
  '0.1.16': 'mcp-conformance-0.1',
} as const

const require = createRequire(import.meta.url)

/** The suite's program. */
export const programOf = ({ release }: Pick<Suite, 'release'>): string =>
  join(dirname(require.resolve(`${PACKAGES[release]}/package.json`)), 'dist', 'index.js')
