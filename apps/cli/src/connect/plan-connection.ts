import type { JSONPath } from 'jsonc-parser'

import type { ConfigEntry, ConfigFile } from '../client-configs/config-file.ts'
import { gatewayEntry, type GatewayEntryOptions, isGatewayEntry } from '../client-configs/gateway-entry.ts'
import { CONNECTION_MEMBERS, readServerDefinition } from '../client-configs/server-definition.ts'
import type { ServerView } from '../gateway-client/gateway-client.ts'
import type { ImportRecord } from '../import/import-record.ts'
import { resolveEndpoint } from '../import/resolve-endpoint.ts'
import { hasSameAddress } from '../import/same-endpoint.ts'
import { slugsForNames } from '../import/slug-for-name.ts'
import { VariableError, type Variables } from '../import/variables.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'

/** One server in the file of a client that is to go through the gateway. */
export interface Connection {
  readonly name: string
  readonly slug: string
  readonly path: JSONPath
  readonly value: JsonObject
  /** Whether it takes the place of one that was there. */
  readonly replaces: boolean
}

export interface PlanConnectionOptions {
  readonly config: ConfigFile
  readonly registered: readonly ServerView[]
  readonly record: ImportRecord
  /** Asks nobody: inputs stay as they are written. */
  readonly variables: Variables
  readonly workspace: string
  /** Registered servers that go into the file even if they are not there. */
  readonly wanted: readonly string[]
  readonly entry: Omit<GatewayEntryOptions, 'slug'>
}

/** Which servers of a file are the gateway's by now, and what is to stand in their places. */
export const planConnection = async (options: PlanConnectionOptions): Promise<Connection[]> => {
  const { config, entry, wanted } = options
  const slugs = slugsForNames(config.entries.map(({ name }) => name))
  const connections: Connection[] = []
  const connected = new Set<string>()
  for (const present of config.entries) {
    const { name, path, value } = present
    const slug = slugs.get(name) ?? name
    if (isGatewayEntry(value, entry.gatewayUrl)) {
      connected.add(slug)
      continue
    }
    if (!wanted.includes(slug) && !(await wasImported(present, slug, options))) continue
    connected.add(slug)
    connections.push({
      name,
      slug,
      path,
      value: { ...ownMembers(value), ...gatewayEntry({ ...entry, slug }) },
      replaces: true,
    })
  }
  for (const slug of wanted) {
    if (connected.has(slug)) continue
    connections.push({
      name: slug,
      slug,
      path: [...config.container, slug],
      value: gatewayEntry({ ...entry, slug }),
      replaces: false,
    })
  }
  return connections
}

/** Whether the gateway has this server of the file: the one that was imported from here, or one with the same address. */
const wasImported = async (
  { name, value }: ConfigEntry,
  slug: string,
  { config, record, registered, variables, workspace }: PlanConnectionOptions,
): Promise<boolean> => {
  const server = registered.find((candidate) => candidate.slug === slug)
  const definition = readServerDefinition(value)
  if (server === undefined || 'fault' in definition || definition.disabled) return false
  const from = record.get(slug)
  if (from?.file === config.file && from.name === name) return true
  try {
    return hasSameAddress(
      server,
      await resolveEndpoint(definition, { variables, workspace, secretsInTheOpen: true }),
    )
  } catch (error) {
    if (VariableError.is(error)) return false
    throw error
  }
}

/** What the client keeps for itself in a definition, such as which tools need no question. */
const ownMembers = (value: unknown): JsonObject =>
  isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([name]) => !CONNECTION_MEMBERS.has(name)))
    : {}
