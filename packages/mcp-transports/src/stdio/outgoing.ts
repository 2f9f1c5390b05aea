import { scanMessage, type ScannedMessage, spliceMessage } from '@mreg/mcp-wire'

import type { UpstreamReply } from '../upstream-reply.ts'
import type { UpstreamRequest } from '../upstream-transport.ts'
import type { CallTable, ProcessInput } from './call-table.ts'
import type { Call } from './call.ts'
import { failure } from './failure.ts'
import type { OfferedRequests } from './offered-requests.ts'
import { emptyResult, LENIENT, rawValue, withValue } from './raw-message.ts'
import type { SessionTable } from './session-table.ts'
import { accepted, messageReply, modernReply, streamReply } from './stdio-replies.ts'
import type { StdioSession } from './stdio-session.ts'

/** Takes messages of callers to the process, under ids that are unique there. */
export class Outgoing {
  readonly #input: ProcessInput
  readonly #calls: CallTable
  readonly #sessions: SessionTable
  readonly #offered: OfferedRequests
  #isInitialized = false

  constructor(options: {
    readonly input: ProcessInput
    readonly calls: CallTable
    readonly sessions: SessionTable
    readonly offered: OfferedRequests
  }) {
    this.#input = options.input
    this.#calls = options.calls
    this.#sessions = options.sessions
    this.#offered = options.offered
  }

  /** Sends a request and waits for what comes back first. */
  async request(
    request: UpstreamRequest,
    scanned: ScannedMessage,
    session: StdioSession | undefined,
  ): Promise<UpstreamReply> {
    const { message, signal } = request
    const { id, idSpan, meta } = scanned
    if (signal?.aborted === true || idSpan === undefined || id === undefined || id === null) {
      throw failure('aborted', 'was given up', { requestSent: false })
    }
    const rawCallerId = rawValue(message, idSpan)
    if (session !== undefined && this.#isStillSubscribed(scanned, session)) {
      return messageReply(emptyResult(rawCallerId))
    }
    const token = meta?.progressTokenSpan
    const call = this.#calls.add({
      session,
      isSubscription: scanned.method === 'subscriptions/listen',
      callerId: id,
      rawCallerId,
      rawCallerToken: token && rawValue(message, token),
      maxMessageBytes: request.maxMessageBytes,
    })
    const release = this.#watch(call, request)
    this.#calls.send(
      call,
      withValue(message, token === undefined ? [idSpan] : [idSpan, token], String(call.id)),
    )
    try {
      const first = await call.messages.next()
      if (first === undefined) throw failure('closed', 'the process was ended')
      if (!call.messages.isComplete) return this.#streamReply(call, first, release)
      release()
      return session === undefined
        ? modernReply(first, scanMessage(first, LENIENT).errorCode)
        : messageReply(first)
    } catch (error) {
      release()
      throw error
    }
  }

  async notification(
    message: Uint8Array,
    { method, requestId, requestIdSpan }: ScannedMessage,
    session: StdioSession | undefined,
  ): Promise<UpstreamReply> {
    if (method === 'notifications/cancelled') {
      const call = requestId === undefined ? undefined : session?.calls.get(requestId)
      if (call === undefined || requestIdSpan === undefined) return accepted
      this.#input.tell(spliceMessage(message, [{ span: requestIdSpan, replacement: String(call.id) }]))
      this.#calls.fail(call, failure('aborted', 'was cancelled by its client'))
      return accepted
    }
    if (method === 'notifications/initialized') {
      // The process hears it once, from its first session.
      if (this.#isInitialized) return accepted
      this.#isInitialized = true
    }
    await this.#input.write(message)
    return accepted
  }

  /** A client's answer to a request of the server. One to nothing, to another's request, or too late, is dropped. */
  async response(
    message: Uint8Array,
    { id, idSpan }: ScannedMessage,
    session: StdioSession | undefined,
  ): Promise<UpstreamReply> {
    const offered = this.#offered.take(session, id)
    if (offered !== undefined && idSpan !== undefined) {
      await this.#input.write(withValue(message, [idSpan], offered.rawId))
    }
    return accepted
  }

  #streamReply(call: Call, first: Uint8Array, release: () => void): UpstreamReply {
    const cancel = (): void => {
      this.#calls.cancel(call, failure('aborted', 'was given up'))
      release()
    }
    return streamReply(messagesOf(call, first, cancel), cancel)
  }

  /** Ends the call when its caller gives it up or its time is over. Gives what is to be called when it has ended. */
  #watch(call: Call, { signal, timeouts }: UpstreamRequest): () => void {
    const onAbort = (): void => this.#calls.cancel(call, failure('aborted', 'was given up'))
    signal?.addEventListener('abort', onAbort)
    const timeoutMs = timeouts?.totalMs ?? timeouts?.headersMs
    const onTimeout = (): void => {
      this.#calls.cancel(call, failure('total_timeout', `no answer within ${timeoutMs} ms`))
    }
    const isFinite = timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY
    const timer = isFinite ? setTimeout(onTimeout, timeoutMs) : undefined
    return () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Subscriptions belong to the process: one is given up when no session has it any more. */
  #isStillSubscribed({ method, uri }: ScannedMessage, session: StdioSession): boolean {
    if (uri === undefined) return false
    if (method === 'resources/subscribe') session.subscriptions.add(uri)
    if (method !== 'resources/unsubscribe') return false
    session.subscriptions.delete(uri)
    return this.#sessions.latest().some(({ subscriptions }) => subscriptions.has(uri))
  }
}

async function* messagesOf(
  call: Call,
  first: Uint8Array,
  end: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield first
    for (;;) {
      const message = await call.messages.next()
      if (message === undefined) return
      yield message
    }
  } finally {
    // Left early by its reader, nobody waits for the answer; else it has ended already.
    end()
  }
}
