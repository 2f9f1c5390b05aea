import type { Principal } from '@mreg/core'

/** One HTTP request to an MCP endpoint of the gateway, as the proxy needs to know it. */
export interface Exchange {
  readonly principal: Principal
  /** The server that the path names. */
  readonly slug: string
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
}
