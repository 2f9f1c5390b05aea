import type { Principal } from '@mreg/core'

import type { ActiveRequest } from './active/active-request.ts'

/** One HTTP request to an MCP endpoint of the gateway, as the proxy needs to know it. */
export interface Exchange {
  readonly principal: Principal
  /** The server that the path names. */
  readonly slug: string
  /** The toolset that the path names, in place of a server; undefined: none. */
  readonly toolset?: string | undefined
  /** `search`: of many servers, tools are found, described and called through three tools. undefined: they are listed. */
  readonly toolMode?: 'search' | undefined
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** The value of a request header by its lower-case name. */
  readonly header: (name: string) => string | undefined
  /** Names of all request headers, in lower case. */
  readonly headerNames: readonly string[]
  /** The whole request body; empty for GET and DELETE. */
  readonly body: Uint8Array
  /** Goes into errors, so that a person can find the request in the log. */
  readonly requestId: string
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** Where its handling is written down, for those who look at what is active or cancel it. Default: nowhere. */
  readonly active?: ActiveRequest | undefined
  /** Whether the gateway itself asks, to learn what the server offers, whatever clients have of it. Default: false. */
  readonly isObservation?: boolean | undefined
}
