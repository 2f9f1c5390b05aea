import { ConflictError } from '@mreg/core'
import * as z from 'zod'

import type { Challenge } from './challenge.ts'
import type { OAuthFetch } from './oauth-fetch.ts'
import { coversUrl, resourceOf } from './resource.ts'

/** What has to be known of a server to log in for it. */
export interface ProtectedResource {
  /** The identifier that tokens are asked for and bound to (RFC 8707). */
  readonly resource: string
  /** The authorization server that gives tokens for it. */
  readonly issuer: string
  /** What may be asked for; undefined when the server does not say. */
  readonly scopes: readonly string[] | undefined
}

const metadataSchema = z.object({
  resource: z.string().max(2048),
  authorization_servers: z.array(z.string().max(2048)).max(32).optional(),
  scopes_supported: z.array(z.string().max(256)).max(256).optional(),
})

/**
 * Reads the protected-resource metadata (RFC 9728) of a server: where its challenge says, else at the well-known paths.
 * A server without any is taken to be its own authorization server, as in the first version of MCP authorization.
 *
 * @throws {ConflictError} `login_metadata_invalid`: it is about another server, or unreadable.
 */
export const discoverProtectedResource = async (
  fetch: OAuthFetch,
  serverUrl: string,
  challenge: Challenge,
): Promise<ProtectedResource> => {
  const { origin, pathname } = new URL(serverUrl)
  const wellKnown = `${origin}/.well-known/oauth-protected-resource`
  const candidates = new Set([
    ...(challenge.resourceMetadata === undefined ? [] : [challenge.resourceMetadata]),
    `${wellKnown}${pathname === '/' ? '' : pathname.replace(/\/$/u, '')}`,
    wellKnown,
  ])
  for (const candidate of candidates) {
    const response = await fetch(candidate, { headers: { accept: 'application/json' } })
    if (response.status === 200) return readMetadata(await response.text(), serverUrl)
  }
  return { resource: resourceOf(serverUrl), issuer: origin, scopes: undefined }
}

const readMetadata = (text: string, serverUrl: string): ProtectedResource => {
  const { success, data } = metadataSchema.safeParse(parseJson(text))
  if (!success) throw invalid('cannot be read')
  // Whoever presents metadata of another resource wants a token for that one.
  if (!coversUrl(data.resource, serverUrl)) throw invalid('is about another server')
  return {
    resource: data.resource,
    issuer: data.authorization_servers?.[0] ?? new URL(serverUrl).origin,
    scopes: data.scopes_supported,
  }
}

const parseJson = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

const invalid = (what: string): ConflictError =>
  new ConflictError('login_metadata_invalid', `what the server publishes about its login ${what}`)
