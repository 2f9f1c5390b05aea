import type { Principal } from '@mreg/core'
import { encodeRequest, HEADER, META, MODERN_VERSIONS } from '@mreg/mcp-wire'
import type { JsonObject } from '@mreg/upstream'

import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'

/** How one server is asked, for the catalog. */
export interface Asking {
  /** Sends one request to the server of a slug. */
  readonly ask: (exchange: Exchange) => Promise<Answer>
  readonly slug: string
  /** For whom the server is asked. */
  readonly principal: Principal
  readonly signal: AbortSignal
}

const MODERN_VERSION = MODERN_VERSIONS[0] ?? ''

/** A request of the newer era that the gateway makes itself. */
export const catalogExchange = (
  { slug, principal, signal }: Omit<Asking, 'ask'>,
  {
    method,
    params,
    accept,
  }: { readonly method: string; readonly params: JsonObject; readonly accept: string },
): Exchange => {
  const meta = {
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientInfo]: { name: 'mreg', version: '1' },
    [META.clientCapabilities]: {},
  }
  const headers = new Map<string, string>([
    ['content-type', 'application/json'],
    ['accept', accept],
    [HEADER.protocolVersion, MODERN_VERSION],
    [HEADER.method, method],
  ])
  return {
    principal,
    slug,
    method: 'POST',
    header: (name) => headers.get(name),
    headerNames: [...headers.keys()],
    body: encodeRequest({ id: 1, method, params: { ...params, _meta: meta } }),
    requestId: 'catalog',
    isObservation: true,
    signal,
  }
}
