import { createHash, randomUUID } from 'node:crypto'

import type { Isolation } from '@mreg/core'
import type { StdioClient, StdioEra } from '@mreg/mcp-transports'

/** Which process somebody needs. */
export interface ChildSpec {
  /** Who has the same key shares the process. */
  readonly key: string
  /** Whose it is; undefined: everybody's. */
  readonly principalId: string | undefined
  /** What it is to speak; undefined: that is to be found out. */
  readonly era: StdioEra | undefined
  /** Who makes itself known to it. */
  readonly client: StdioClient
  /** It is started to find something out: what comes of it is told by whoever asks. Default false. */
  readonly isQuestion?: boolean | undefined
}

export interface ChildSpecOptions {
  readonly isolation: Isolation
  readonly principalId: string
  readonly era: StdioEra
  /** The client that begins a session; undefined when none does. */
  readonly client: StdioClient | undefined
  readonly gateway: StdioClient['clientInfo']
}

/**
 * The process for a request, by the server's isolation:
 *
 * - `shared`: one for everybody. No client's capabilities are declared to it, for nobody could tell whom it asks.
 * - `principal`: one for each principal, and for what its clients are able to: a server that is told of a capability uses it,
 *   so clients that differ in that do not share.
 * - `session`: one for each session. Requests that belong to none share their principal's.
 */
export const childSpec = ({ isolation, principalId, era, client, gateway }: ChildSpecOptions): ChildSpec => {
  const nobody: StdioClient = { capabilities: {}, clientInfo: gateway }
  if (isolation === 'shared') return { key: `shared/${era}`, principalId: undefined, era, client: nobody }
  const declared = era === 'legacy' ? (client ?? nobody) : nobody
  const whose = `${isolation}/${era}/${principalId}/${digest(declared.capabilities)}`
  const key = isolation === 'session' && client !== undefined ? `${whose}/${randomUUID()}` : whose
  return { key, principalId, era, client: declared }
}

/** The same for the same capabilities, in whatever order they are written. */
const digest = (capabilities: StdioClient['capabilities']): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(capabilities)))
    .digest('base64url')
    .slice(0, 22)

const sorted = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
