import { encodeError, encodeNotification, encodeRequest, encodeResult, type JsonRpcId } from '@mreg/mcp-wire'
import {
  type EndpointRequest,
  isJsonObject,
  type JsonObject,
  LegacySession,
  type LegacySessionSeed,
  type OpenedSession,
  readResponse,
  type UpstreamEndpoint,
  UpstreamError,
  type UpstreamReply,
} from '@mreg/upstream'

import { LEVELS } from '../log-levels.ts'
import { ServerVoice, type VoiceOptions } from './server-voice.ts'

export interface ServerSessionOptions extends Pick<VoiceOptions, 'maxDepth' | 'onFailure'> {
  readonly seed: LegacySessionSeed
  readonly endpoint: UpstreamEndpoint
  /** For what the gateway asks by itself, in milliseconds. */
  readonly timeoutMs: number
}

let lastId = 0

/**
 * A session with a server of the older era that the gateway holds for the clients of the newer one: those of one principal
 * who are able to do the same. Requests in it have ids of its own.
 */
export class ServerSession {
  readonly endpoint: UpstreamEndpoint
  /** What the server says that answers no request. */
  readonly voice: ServerVoice
  readonly #session: LegacySession
  readonly #timeoutMs: number
  readonly #subscribers = new Map<string, number>()
  /** The upstream's session that was told the following. */
  #told: OpenedSession | undefined
  #toldLevel: number | undefined

  constructor({ endpoint, seed, timeoutMs, ...options }: ServerSessionOptions) {
    this.endpoint = endpoint
    this.#timeoutMs = timeoutMs
    this.#session = new LegacySession(seed, endpoint)
    this.voice = new ServerVoice({
      ...options,
      listen: (lastEventId, signal) =>
        this.#session.listen({
          message: new Uint8Array(0),
          method: undefined,
          lastEventId,
          signal,
          timeoutMs,
        }),
      respond: (id, answer) => this.respond(id, answer),
      onOpened: () => this.#sayAgain(),
    })
  }

  /** What the server said to `initialize`. @throws {UpstreamError} as its endpoint does. */
  async initialized(): Promise<JsonObject> {
    return (await this.#session.open()).result ?? {}
  }

  /** What the server is called; undefined: it did not say, or not yet. */
  get serverInfo(): JsonObject | undefined {
    const info = this.#session.opened?.result?.['serverInfo']
    return isJsonObject(info) ? info : undefined
  }

  /** An id that no other request has, in this session or another: a call may move to another endpoint. */
  nextId(): number {
    lastId += 1
    return lastId
  }

  /** Sends a client's request. */
  send(request: EndpointRequest): Promise<UpstreamReply> {
    return this.#session.send(request)
  }

  /** Goes on with a stream of the server after the event of that id. */
  resume(lastEventId: string, signal: AbortSignal): Promise<UpstreamReply> {
    const timeoutMs = this.#timeoutMs
    return this.#session.listen({
      message: new Uint8Array(0),
      method: undefined,
      lastEventId,
      signal,
      timeoutMs,
    })
  }

  /** Answers a request of the server. */
  async respond(
    id: JsonRpcId,
    answer:
      | { readonly result: JsonObject }
      | { readonly error: { readonly code: number; readonly message: string } },
  ): Promise<void> {
    const message =
      'result' in answer ? encodeResult({ id, ...answer }) : encodeError({ id, ...answer.error })
    await this.#tell(message, undefined)
  }

  /** Says to the server that nobody waits for an answer any more. */
  async cancel(requestId: number, reason: string): Promise<void> {
    const method = 'notifications/cancelled'
    await this.#tell(encodeNotification({ method, params: { requestId, reason } }), method)
  }

  /** Has the server write log messages from `level` on. It goes on to do so for all who use the session. */
  async wantLogs(level: string): Promise<void> {
    const wanted = LEVELS.indexOf(level)
    const opened = await this.#session.open()
    if (opened !== this.#told) this.#forgetTold(opened)
    if (wanted === -1 || (this.#toldLevel !== undefined && this.#toldLevel <= wanted)) return
    const { capabilities } = await this.initialized()
    if (!isJsonObject(capabilities) || capabilities['logging'] === undefined) return
    this.#toldLevel = wanted
    await this.#ask('logging/setLevel', { level })
  }

  /** Makes the server tell of changes of a resource. Gives false when it refuses. Each is to be given up once. */
  async subscribe(uri: string): Promise<boolean> {
    const subscribers = this.#subscribers.get(uri) ?? 0
    this.#subscribers.set(uri, subscribers + 1)
    if (subscribers > 0) return true
    const { error } = await this.#ask('resources/subscribe', { uri })
    if (error !== undefined) this.#subscribers.delete(uri)
    return error === undefined
  }

  unsubscribe(uri: string): void {
    const subscribers = this.#subscribers.get(uri) ?? 0
    if (subscribers > 1) this.#subscribers.set(uri, subscribers - 1)
    else if (this.#subscribers.delete(uri)) this.#ask('resources/unsubscribe', { uri }).catch(() => {})
  }

  /** Ends the session, here and at the server. */
  async end(): Promise<void> {
    this.voice.end()
    await this.#session.end().catch(() => {})
  }

  /** A session that the server has forgotten and opened anew has forgotten also what it was told. */
  #sayAgain(): boolean {
    const { opened } = this.#session
    if (opened === undefined || opened === this.#told) return false
    const isAnother = this.#told !== undefined
    this.#forgetTold(opened)
    for (const uri of this.#subscribers.keys()) this.#ask('resources/subscribe', { uri }).catch(() => {})
    return isAnother
  }

  #forgetTold(opened: OpenedSession): void {
    this.#told = opened
    this.#toldLevel = undefined
  }

  async #ask(method: string, params: object): Promise<JsonObject> {
    const message = encodeRequest({ id: this.nextId(), method, params })
    return readResponse(await this.#session.send({ message, method, timeoutMs: this.#timeoutMs }))
  }

  /** Sends what has no answer. What becomes of it is nobody's failure. */
  async #tell(message: Uint8Array, method: string | undefined): Promise<void> {
    try {
      const reply = await this.#session.send({ message, method, timeoutMs: this.#timeoutMs })
      if (reply.kind === 'stream') reply.cancel()
    } catch (error) {
      if (!UpstreamError.is(error)) throw error
    }
  }
}
