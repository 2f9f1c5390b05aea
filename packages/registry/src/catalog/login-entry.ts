import { exposedName } from '@mreg/mcp-wire'

import { definitionHash } from './definition-hash.ts'
import type { ExposedNames } from './exposed-names.ts'
import type { CatalogEntry, CatalogServer } from './server-block.ts'

/** Whether a server is away because nobody has logged in for it. */
export const needsLogin = (server: CatalogServer | undefined): boolean =>
  server?.unavailable?.code === 'needs_login'

/**
 * The tool by which a person learns that a server wants a login, and how to log in. It is the gateway's own, and there only for
 * as long as the login is missing; a name that the server has given to a tool of its own is left to that.
 */
export const loginEntry = (server: CatalogServer, names: ExposedNames): CatalogEntry => {
  const { slug } = server
  const name = NAMES.find((each) => names.find('tool', slug, each) === undefined) ?? 'login of mreg'
  const exposed = exposedName(slug, name)
  const tool = {
    name: exposed,
    title: `Log in to ${slug}`,
    description: `The server "${slug}" wants a login before it can be used. Call this to learn how the user logs in; its tools appear afterwards.`,
    inputSchema: { type: 'object', properties: {} },
    annotations: { readOnlyHint: true, openWorldHint: true },
  }
  const bytes = Buffer.from(JSON.stringify(tool))
  const definition = { kind: 'tool', name, bytes, hash: definitionHash(tool) } as const
  return { server, definition, exposed, bytes, action: 'login' }
}

const NAMES: readonly string[] = ['login', 'mreg_login']
