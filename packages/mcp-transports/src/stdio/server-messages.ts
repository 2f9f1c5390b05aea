import { ERROR_CODE, type ScannedMessage } from '@mreg/mcp-wire'

import type { CallTable, ProcessInput } from './call-table.ts'
import type { Call } from './call.ts'
import type { OfferedRequest, OfferedRequests } from './offered-requests.ts'
import { emptyResult, errorResponse, ownCopy, rawValue, withValue } from './raw-message.ts'
import type { SessionTable } from './session-table.ts'
import type { StdioSession } from './stdio-session.ts'

/** How long a request of the server waits for a client that listens, in milliseconds. */
const OFFER_MS = 30_000

/** The client's capability that each request of a server needs. */
const NEEDED_ABILITY: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
}

/** Notifications that concern every client of a process. */
const FOR_ALL = /^notifications\/((tools|prompts|resources)\/list_changed|elicitation\/complete)$/u

export interface ServerMessagesOptions {
  readonly input: ProcessInput
  readonly calls: CallTable
  readonly sessions: SessionTable
  readonly offered: OfferedRequests
  /** Whether clients can be asked anything: the sessions are one principal's, and the era has such requests. */
  readonly mayAsk: () => boolean
  /** Whether the sessions belong to different principals. */
  readonly isShared: boolean
}

/** Takes what a server says that answers no call to those whom it is about, as far as that can be known. */
export class ServerMessages {
  readonly #options: ServerMessagesOptions

  constructor(options: ServerMessagesOptions) {
    this.#options = options
  }

  notification(line: Uint8Array, { method = '', requestIdSpan, uri }: ScannedMessage): void {
    const { calls, isShared, sessions } = this.#options
    if (method === 'notifications/cancelled') {
      if (requestIdSpan !== undefined) this.#takeBack(line, requestIdSpan)
      return
    }
    const message = ownCopy(line)
    if (method === 'notifications/resources/updated' && uri !== undefined) {
      this.#tellAll(message, (session) => session.isSubscribedTo(uri))
    } else if (FOR_ALL.test(method)) {
      this.#tellAll(message)
    } else {
      const [call, another] = calls.latestOfEachCaller()
      if (call !== undefined && another === undefined) call.messages.push(message, false)
      // Of several callers it cannot be told whose it is. Those of one principal may all hear it.
      else if (!isShared && sessions.size > 0) this.#tellAll(message)
    }
  }

  request(line: Uint8Array, { idSpan, method = '' }: ScannedMessage): void {
    const { input, mayAsk, offered } = this.#options
    if (idSpan === undefined) return
    const rawId = rawValue(line, idSpan)
    if (method === 'ping') return input.tell(emptyResult(rawId))
    const whom = mayAsk() ? this.#whomToAsk(NEEDED_ABILITY[method]) : undefined
    if (whom === undefined) {
      return input.tell(
        errorResponse(rawId, ERROR_CODE.methodNotFound, 'No client is there that offers this.'),
      )
    }
    const request = offered.add({ rawId, ...whom })
    deliver(request, withValue(line, [idSpan], JSON.stringify(request.publicId)))
    if (whom.call === undefined && !whom.session.isListening) this.#withdrawUnheard(request)
  }

  /** The session whose call is running; else one whose client listens; else the one that was used last. */
  #whomToAsk(
    ability: string | undefined,
  ): { readonly session: StdioSession; readonly call: Call | undefined } | undefined {
    const isAble = ({ abilities }: StdioSession): boolean => ability === undefined || abilities.has(ability)
    const running = this.#options.calls
      .latestOfEachCaller()
      .flatMap((call) => (call.session === undefined ? [] : [{ session: call.session, call }]))
    if (running.length > 0) return running.find(({ session }) => isAble(session))
    const able = this.#options.sessions.latest().filter(isAble)
    const session = able.find(({ isListening }) => isListening) ?? able[0]
    return session && { session, call: undefined }
  }

  /** The server does not want the answer to a request of its own any more. */
  #takeBack(line: Uint8Array, requestIdSpan: NonNullable<ScannedMessage['requestIdSpan']>): void {
    const request = this.#options.offered.takeByRawId(rawValue(line, requestIdSpan))
    if (request !== undefined)
      deliver(request, withValue(line, [requestIdSpan], JSON.stringify(request.publicId)))
  }

  #tellAll(message: Uint8Array, condition: (session: StdioSession) => boolean = () => true): void {
    for (const session of this.#options.sessions.latest()) {
      if (condition(session)) session.unasked.push(message, false)
    }
  }

  #withdrawUnheard(request: OfferedRequest): void {
    setTimeout(() => {
      if (!request.session.isListening) this.#options.offered.withdraw((other) => other === request)
    }, OFFER_MS).unref()
  }
}

const deliver = ({ call, session }: OfferedRequest, message: Uint8Array): void =>
  (call?.messages ?? session.unasked).push(message, true)
