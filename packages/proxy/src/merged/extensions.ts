import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { CapableServer } from './server-capabilities.ts'

/** Its requests name a task, which tells whose it is. */
const TASKS = 'io.modelcontextprotocol/tasks'

/**
 * What many servers are able to do as one. An extension that several have is left out: nobody could tell which of them a
 * request is for. Tasks say it themselves.
 */
export const mergedCapabilities = (servers: readonly CapableServer[]): JsonObject => {
  const extensions: Record<string, unknown> = {}
  for (const { capabilities } of servers)
    for (const [id, settings] of Object.entries(extensionsIn(capabilities)))
      if (id === TASKS || ownersOf(id, servers).length === 1) extensions[id] ??= settings
  const hasLogging = servers.some(({ capabilities }) => isJsonObject(capabilities['logging']))
  const isSubscribed = servers.some(
    ({ capabilities: { resources } }) => isJsonObject(resources) && resources['subscribe'] === true,
  )
  return {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, ...(isSubscribed ? { subscribe: true } : {}) },
    completions: {},
    ...(hasLogging ? { logging: {} } : {}),
    ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
  }
}

/**
 * Whose a request is that names nothing: that of the only server there is, or of the only one with the extension that the
 * method belongs to. Undefined: nobody knows.
 *
 * @param slugs of all servers.
 */
export const ownerOfMethod = (
  method: string,
  slugs: readonly string[],
  servers: readonly CapableServer[],
): string | undefined => {
  if (slugs.length === 1) return slugs[0]
  const ids = new Set(servers.flatMap(({ capabilities }) => Object.keys(extensionsIn(capabilities))))
  const owners = new Set(
    [...ids].filter((id) => belongsTo(method, id)).flatMap((id) => ownersOf(id, servers)),
  )
  return owners.size === 1 ? [...owners][0] : undefined
}

/** `skills/list` belongs to `io.modelcontextprotocol/skills`, as does whatever begins with the whole of it. */
const belongsTo = (method: string, id: string): boolean =>
  method.startsWith(`${id}/`) || method.startsWith(`${id.slice(id.lastIndexOf('/') + 1)}/`)

const ownersOf = (id: string, servers: readonly CapableServer[]): readonly string[] =>
  servers.filter(({ capabilities }) => id in extensionsIn(capabilities)).map(({ slug }) => slug)

const extensionsIn = ({ extensions }: JsonObject): JsonObject => (isJsonObject(extensions) ? extensions : {})
