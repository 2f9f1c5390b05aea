import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose'
import { processDiscoveryResponse } from 'oauth4webapi'
import * as z from 'zod'

import { metadataUrls } from '../oauth/authorization-server.ts'
import type { OAuthFetch } from '../oauth/oauth-fetch.ts'

/** What an identity provider says of itself. */
export interface IssuerMetadata {
  /** As it writes itself in `iss`. */
  readonly issuer: string
  readonly jwksUri: string
}

/**
 * Reads the metadata of a provider (RFC 8414, else OpenID Connect Discovery), which must be about the issuer that was asked
 * for.
 *
 * @throws {Error} saying what is wrong with it, for the log.
 */
export const readIssuerMetadata = async (
  fetch: OAuthFetch,
  issuer: string,
  signal: AbortSignal,
): Promise<IssuerMetadata> => {
  const identifier = new URL(issuer)
  let fault = `there is no metadata of an identity provider at ${identifier.origin}`
  for (const url of metadataUrls(identifier)) {
    const response = await fetch(url, { headers: { accept: 'application/json' }, signal })
    if (response.status >= 500) fault = `${identifier.origin} answered with HTTP ${response.status}`
    if (response.status !== 200) continue
    try {
      const { issuer: published, jwks_uri: jwksUri } = await processDiscoveryResponse(identifier, response)
      if (jwksUri !== undefined) return { issuer: published, jwksUri }
      fault = `the metadata at ${url} names no jwks_uri`
    } catch {
      // There are providers that answer any address with a page. What the library says holds the answer.
      fault = `the metadata at ${url} is not that of ${issuer}`
    }
  }
  throw new Error(fault)
}

/** More keys than any provider has at once. */
const MAX_KEYS = 100

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) })

/** Which kinds of keys have a half that everybody may know. */
const PUBLIC_KINDS: ReadonlySet<string> = new Set(['RSA', 'EC', 'OKP'])

/**
 * Reads the keys of a provider (RFC 7517). What is no public key is left out: neither a shared secret nor a private key that
 * somebody put there by mistake is ever used.
 *
 * @throws {Error} saying what is wrong with them, for the log.
 */
export const readIssuerKeys = async (
  fetch: OAuthFetch,
  jwksUri: string,
  signal: AbortSignal,
): Promise<LocalJWKSet> => {
  const { origin } = new URL(jwksUri)
  const response = await fetch(jwksUri, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal,
  })
  if (response.status !== 200) throw new Error(`${origin} answered with HTTP ${response.status}`)
  const { data, success } = keySetSchema.safeParse(await response.json())
  if (!success) throw new Error(`what ${origin} publishes as its keys cannot be read`)
  const keys: JSONWebKeySet['keys'] = data.keys.filter(
    (key) => PUBLIC_KINDS.has(key.kty) && key['d'] === undefined,
  )
  if (keys.length === 0) throw new Error(`${origin} publishes no key`)
  return createLocalJWKSet({ keys })
}
