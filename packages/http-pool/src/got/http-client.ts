import type { ResponseHeaders } from '../response-headers.ts'
import type { RelayTimeoutOptions } from '../timeouts.ts'
import type { EndpointTlsOptions } from '../tls/pool-tls-options.ts'
import type { RetryOptions } from './retry-options.ts'

export interface HttpClientOptions {
  /** Sent with every request, unless the request gives a field of the same name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default: the pool's, with `totalMs` 60 000. */
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** Largest response body in bytes. Default: the pool's. */
  readonly maxResponseBytes?: number | undefined
  /** Whether requests are sent again when they fail; `true` for the defaults of {@link RetryOptions}. Default false. */
  readonly retry?: RetryOptions | boolean | undefined
  /** TLS with the endpoint, in place of the pool's. Keep the object: connections are shared by what it says. */
  readonly tls?: EndpointTlsOptions | undefined
}

export interface HttpClientRequestOptions extends HttpClientOptions {
  readonly signal?: AbortSignal | undefined
  /** Sent as it is. */
  readonly body?: Uint8Array | string | undefined
  /** Sent as JSON with its content type, in place of `body`. */
  readonly json?: unknown
}

export interface HttpClientRequest extends HttpClientRequestOptions {
  /** Default `GET`. */
  readonly method?: string | undefined
}

/** A whole response, whatever its status. */
export interface HttpClientResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** As it came: nothing is decompressed. */
  readonly body: Buffer
  /** The body read as UTF-8. */
  text(): string
  /**
   * The body read as JSON.
   *
   * @throws {HttpPoolError} `invalid_response` when it is not JSON.
   */
  json(): unknown
}

/**
 * Requests with whole answers, for the control plane. Redirects are not followed, nothing is sent twice unless `retry`
 * says so, nothing is decompressed, and a body over the limit is cut off while it comes in. Every method rejects with `HttpPoolError`.
 */
export interface HttpClient {
  request(url: URL | string, request?: HttpClientRequest): Promise<HttpClientResponse>
  get(url: URL | string, options?: HttpClientRequestOptions): Promise<HttpClientResponse>
  post(url: URL | string, options?: HttpClientRequestOptions): Promise<HttpClientResponse>
  /** The parsed JSON body of a 2xx answer (`GET` unless said otherwise); another status rejects as `bad_status`. */
  json(url: URL | string, request?: HttpClientRequest): Promise<unknown>
}
