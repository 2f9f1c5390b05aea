import type { UpstreamReply } from '@mreg/mcp-transports'
import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'

import { isJsonObject, type JsonObject } from './json-object.ts'
import { readResponse } from './read-response.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamError } from './upstream-error.ts'

/** A session that routine probes ask in. */
export interface KeptProbeSession {
  readonly sessionId: string
  /** The version that was agreed on. */
  readonly protocolVersion: string
}

/** A session in which nobody has asked for so long is ended: another process may probe the endpoint now, in milliseconds. */
const IDLE_MS = 300_000
/** For the endpoint to end a session, in milliseconds: nobody waits for it. */
const END_MS = 2_000
const PING_ID = 'mreg-ping'

/**
 * The one session that this process keeps with an endpoint of the older era, so that a probe need not open one each time. It
 * is ended when it is not used any more, and with the endpoint.
 */
export class ProbeSession {
  readonly #endpoint: UpstreamEndpoint
  #kept: KeptProbeSession | undefined
  #timer: NodeJS.Timeout | undefined
  #isRetired = false

  constructor(endpoint: UpstreamEndpoint) {
    this.#endpoint = endpoint
  }

  /**
   * Asks in the session that is kept.
   *
   * @returns whether the endpoint has answered as it should; false: there is no session, or it does not know that one any more.
   * @throws {UpstreamError} what keeps the endpoint from answering anybody.
   */
  async ping(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const kept = this.#kept
    if (kept === undefined) return false
    this.#timer?.refresh()
    const reply = await this.#endpoint.sendProbe({
      ...kept,
      message: encodeRequest({ id: PING_ID, method: 'ping' }),
      method: 'ping',
      timeoutMs,
      signal,
    })
    if (reply.kind !== 'refused' && isJsonObject((await readAnswer(reply))?.['result'])) return true
    // It has forgotten the session, or never heard of pings: what it is now is found out from the beginning.
    if (reply.kind === 'refused') this.#forget()
    else this.end()
    return false
  }

  /** Keeps a session that was just opened, and tells the endpoint that it is in use. */
  async keep(session: KeptProbeSession, timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.end()
    this.#kept = session
    if (this.#isRetired) return this.end()
    this.#timer = setTimeout(() => this.end(), IDLE_MS)
    this.#timer.unref()
    await this.#endpoint.sendProbe({
      ...session,
      message: encodeNotification({ method: 'notifications/initialized' }),
      method: 'notifications/initialized',
      timeoutMs,
      signal,
    })
  }

  /** Ends the session that is kept, if there is one, and keeps none from now on. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await this.#end()
  }

  /** Ends the session that is kept, if there is one. Nobody waits for it. */
  end(): void {
    void this.#end()
  }

  #forget(): KeptProbeSession | undefined {
    const kept = this.#kept
    this.#kept = undefined
    clearTimeout(this.#timer)
    return kept
  }

  async #end(): Promise<void> {
    const kept = this.#forget()
    if (kept !== undefined) await endProbeSession(this.#endpoint, kept)
  }
}

/** Ends a session that a probe has opened. Not every server lets a client do so; it works all the same. */
export const endProbeSession = async (
  endpoint: UpstreamEndpoint,
  { protocolVersion, sessionId }: KeptProbeSession,
): Promise<void> => {
  // Past the end of the probe as well, or the session would be left behind.
  await endpoint.endSession(sessionId, protocolVersion, AbortSignal.timeout(END_MS)).catch(() => {})
}

/** undefined: there is none that is an answer. What keeps the endpoint from answering anybody is thrown. */
const readAnswer = async (reply: UpstreamReply): Promise<JsonObject | undefined> => {
  try {
    return await readResponse(reply, PING_ID)
  } catch (error) {
    if (UpstreamError.is(error) && error.reason === 'not_a_message') return undefined
    throw error
  }
}
