import type { HeaderField, HttpPool, RelayTimeoutOptions } from '@mreg/http-pool'

import { readRefusal } from '../read-refusal.ts'
import { requestFields } from '../request-fields.ts'
import { failure } from '../stdio/failure.ts'
import type { UpstreamRefusedReply } from '../upstream-reply.ts'
import type { UpstreamTransportError } from '../upstream-transport-error.ts'
import type { UpstreamRequest } from '../upstream-transport.ts'
import { sseFailure } from './sse-failure.ts'

const CONTENT_TYPE: readonly HeaderField[] = [['content-type', 'application/json']]

/** A message that the server refused to take: the cause of the error that its call fails with. */
export class Refusal extends Error {
  readonly reply: UpstreamRefusedReply

  constructor(reply: UpstreamRefusedReply) {
    super(`the server answered ${reply.status}`)
    this.reply = reply
  }
}

/** Posts the messages of one session to the endpoint that the server named. */
export class MessagePoster {
  readonly #pool: HttpPool
  readonly #timeouts: RelayTimeoutOptions | undefined
  #closed: UpstreamTransportError | undefined
  /** Undefined: the server has named none yet. */
  endpoint: URL | undefined
  /** The latest request: what the session says besides goes out with its credentials and timers. */
  latest: UpstreamRequest

  constructor(
    { pool, timeouts }: { readonly pool: HttpPool; readonly timeouts: RelayTimeoutOptions | undefined },
    request: UpstreamRequest,
  ) {
    this.#pool = pool
    this.#timeouts = timeouts
    this.latest = request
  }

  /** Version and credentials. The server's session is part of the endpoint. */
  get fields(): readonly HeaderField[] {
    return requestFields([], { ...this.latest, sessionId: undefined })
  }

  /** Nothing more is sent. */
  close(reason: UpstreamTransportError): void {
    this.#closed ??= reason
  }

  /** @throws {UpstreamTransportError} when the server did not take it; its cause is a {@link Refusal} if it said so. */
  async post(body: Uint8Array): Promise<void> {
    const { endpoint, latest } = this
    if (this.#closed !== undefined || endpoint === undefined) {
      throw failure('closed', 'the session is not open', { requestSent: false, cause: this.#closed })
    }
    const { retryable, timeouts = this.#timeouts } = latest
    const headers = [...CONTENT_TYPE, ...this.fields]
    const response = await this.#pool
      .relay({ url: endpoint, method: 'POST', headers, body, retryable, timeouts })
      .catch((error: unknown) => {
        throw sseFailure('the message', error)
      })
    if (response.status >= 200 && response.status <= 299) return response.body.discard()
    const reply = await readRefusal(response)
    // A refusal within the protocol means that nothing was executed.
    const requestSent = reply.status >= 500
    throw failure('bad_status', `the server answered ${reply.status}`, {
      requestSent,
      cause: new Refusal(reply),
    })
  }
}
