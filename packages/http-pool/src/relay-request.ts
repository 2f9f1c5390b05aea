import type { HeaderField } from './request-headers.ts'
import type { ResponseBody } from './response-body.ts'
import type { ResponseHeaders } from './response-headers.ts'
import type { RelayTimeoutOptions } from './timeouts.ts'
import type { EndpointTlsOptions } from './tls/pool-tls-options.ts'

export interface RelayRequest {
  /** Where to: http or https, without credentials. */
  readonly url: URL
  readonly method: string
  /**
   * Sent in this order and spelling. Fields that belong to the connection or the framing (`Host`, `Connection` and what
   * it names, `Content-Length`, `Transfer-Encoding`, …) are left out. Without `Accept-Encoding` the pool asks for
   * `identity`, without `User-Agent` it names itself.
   */
  readonly headers?: readonly HeaderField[] | undefined
  /** Sent whole, with its length. */
  readonly body?: Uint8Array | undefined
  /** Ends the exchange, also in the middle of the response body. */
  readonly signal?: AbortSignal | undefined
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** TLS with this endpoint, in place of the pool's. Keep the object: connections are shared by what it says. */
  readonly tls?: EndpointTlsOptions | undefined
  /** Largest response body in bytes; `Infinity` for none. Default: the pool's. */
  readonly maxResponseBytes?: number | undefined
  /**
   * The request may run twice. Only then is it sent a second time, once, on a new connection, when a reused connection
   * turns out to be dead before a byte of the response came. Default false.
   */
  readonly retryable?: boolean | undefined
}

/** The head of a response, with the body still to be read. */
export interface RelayResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  readonly body: ResponseBody
  /** Address of the peer, if it is known. */
  readonly remoteAddress: string | undefined
  /** The connection had carried another request before. */
  readonly reusedSocket: boolean
}
