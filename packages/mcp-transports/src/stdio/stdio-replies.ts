import { encodeError, ERROR_CODE, type ScannedMessage } from '@mreg/mcp-wire'

import type {
  UpstreamEvent,
  UpstreamMessageReply,
  UpstreamRefusedReply,
  UpstreamReply,
  UpstreamStreamReply,
} from '../upstream-reply.ts'

/** A process has no statuses. Its answers get those that they would have over HTTP. */
export const accepted: UpstreamReply = { kind: 'accepted', status: 202, sessionId: undefined }

export const messageReply = (message: Uint8Array, sessionId?: string): UpstreamMessageReply => ({
  kind: 'message',
  status: 200,
  message,
  sessionId,
})

/** A stream without ids: one that breaks cannot be gone on with. */
export const streamReply = (
  messages: AsyncIterable<Uint8Array>,
  cancel: () => void,
): UpstreamStreamReply => ({
  kind: 'stream',
  status: 200,
  messages: eventsOf(messages),
  position: { lastEventId: undefined, retryMs: undefined },
  sessionId: undefined,
  cancel,
})

const refusedReply = (status: number, body: Uint8Array): UpstreamRefusedReply => ({
  kind: 'refused',
  status,
  contentType: 'application/json',
  body,
  retryAfterMs: undefined,
  wwwAuthenticate: undefined,
  sessionId: undefined,
})

/** There is no such stream. */
export const noStream = refusedReply(405, new Uint8Array(0))

/** The method means nothing to a server of this era. */
export const notUnderstood = ({ id }: Pick<ScannedMessage, 'id'>): UpstreamRefusedReply =>
  refusedReply(
    404,
    encodeError({ id: id ?? null, code: ERROR_CODE.methodNotFound, message: 'Method not found' }),
  )

/** Nothing was executed: the caller may open a session and send the message again. */
export const sessionNotFound = (scanned?: Pick<ScannedMessage, 'id'>): UpstreamRefusedReply =>
  refusedReply(
    404,
    encodeError({
      id: scanned?.id ?? null,
      code: ERROR_CODE.sessionNotFound,
      message: 'The session is not known to this process.',
    }),
  )

/** HTTP statuses that go with error codes in the modern era. */
const MODERN_STATUS: ReadonlyMap<number | undefined, number> = new Map([
  [ERROR_CODE.methodNotFound, 404],
  [ERROR_CODE.headerMismatch, 400],
  [ERROR_CODE.missingClientCapability, 400],
  [ERROR_CODE.unsupportedVersion, 400],
])

/** The answer of a server of the modern era, in which a status has a meaning. */
export const modernReply = (message: Uint8Array, errorCode: number | undefined): UpstreamReply => {
  const status = MODERN_STATUS.get(errorCode)
  return status === undefined ? messageReply(message) : refusedReply(status, message)
}

async function* eventsOf(
  messages: AsyncIterable<Uint8Array>,
): AsyncGenerator<UpstreamEvent, void, undefined> {
  for await (const message of messages) yield { message, eventId: undefined, retryMs: undefined }
}
