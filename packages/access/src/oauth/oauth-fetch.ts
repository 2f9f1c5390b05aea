import { UnavailableError } from '@mreg/core'
import { HttpPoolError } from '@mreg/http-pool'

import type { LoginNetwork } from './login-network.ts'
import { internalAddressRefused, requireOAuthAddress } from './oauth-address.ts'

/** A request to whoever takes part in a login, in the form that `oauth4webapi` asks for. */
export interface OAuthRequest {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: URLSearchParams | string | null | undefined
  readonly signal?: AbortSignal | undefined
}

/** Gives the whole answer, whatever its status. */
export type OAuthFetch = (url: string, request?: OAuthRequest) => Promise<Response>

const MAX_BYTES = 262_144
const TIMEOUTS = { connectMs: 5000, headersMs: 15_000, idleMs: 15_000, totalMs: 20_000 }

/**
 * Requests for the login of one server, over the pool: bounded, without redirects, to addresses that are allowed.
 *
 * @throws {ForbiddenError} `login_address_refused`.
 * @throws {UnavailableError} `login_server_unreachable`.
 */
export const createOAuthFetch =
  (network: LoginNetwork, serverUrl: string): OAuthFetch =>
  async (text, { method = 'GET', headers = {}, body, signal } = {}) => {
    const url = requireOAuthAddress(text, serverUrl)
    const http = await network.clientFor(serverUrl)
    try {
      const answer = await http.request(url, {
        method,
        headers: {
          ...(body instanceof URLSearchParams
            ? { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }
            : {}),
          ...headers,
        },
        body: body === undefined || body === null ? undefined : body.toString(),
        signal,
        timeouts: TIMEOUTS,
        maxResponseBytes: MAX_BYTES,
      })
      const hasBody = answer.status >= 200 && ![204, 205, 304].includes(answer.status)
      return new Response(hasBody ? new Uint8Array(answer.body) : null, {
        status: answer.status < 200 ? 502 : answer.status,
        headers: [...answer.headers].map(([name, value]): [string, string] => [name, value]),
      })
    } catch (error) {
      if (!HttpPoolError.is(error)) throw error
      if (error.reason === 'egress_denied') throw internalAddressRefused()
      throw new UnavailableError(
        'login_server_unreachable',
        `${url.origin} did not answer as it should (${error.reason})`,
        { cause: error },
      )
    }
  }
