import { encodeSseEvent, SseDecoder } from '@mreg/mcp-wire'
import type { UpstreamEvent, UpstreamReply } from '@mreg/upstream'

import type { Answer, StreamAnswer } from '../answer.ts'

/** Makes another message of one that a server sent; gives the same one when there is nothing to change. */
export type TranslateMessage = (message: Uint8Array) => Uint8Array

/** The answer with each message in it translated. */
export const translatedAnswer = (answer: Answer, translate: TranslateMessage): Answer => {
  if (answer.kind === 'stream') return { ...answer, chunks: translatedChunks(answer, translate) }
  return answer.body.length === 0 ? answer : { ...answer, body: translate(answer.body) }
}

/** The answer as what a server would have replied. */
export const replyOf = (answer: Answer, cancel: () => void): UpstreamReply => {
  if (answer.kind === 'stream') {
    const position = { lastEventId: undefined, retryMs: undefined }
    return {
      kind: 'stream',
      status: 200,
      sessionId: undefined,
      position,
      messages: messagesIn(answer),
      cancel,
    }
  }
  const { status, body: message } = answer
  if (status === 200) return { kind: 'message', status, message, sessionId: undefined }
  if (status === 202) return { kind: 'accepted', status, sessionId: undefined }
  return {
    kind: 'refused',
    status,
    contentType: 'application/json',
    body: message,
    retryAfterMs: undefined,
    wwwAuthenticate: undefined,
    sessionId: undefined,
  }
}

/** A chunk of our own answers is one event or one comment. */
async function* translatedChunks(
  { chunks }: StreamAnswer,
  translate: TranslateMessage,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    const [event] = eventsIn(chunk)
    if (event?.data === undefined) yield chunk
    else {
      const data = translate(event.data)
      yield data === event.data ? chunk : encodeSseEvent({ ...event, data })
    }
  }
}

/** What comes on a stream. */
export async function* messagesIn({ chunks }: StreamAnswer): AsyncGenerator<UpstreamEvent, void, undefined> {
  for await (const chunk of chunks) {
    for (const { data, id, retryMs } of eventsIn(chunk))
      if (data !== undefined) yield { message: data, eventId: id, retryMs }
  }
}

/** The events of a chunk of our own answers. What was bounded when it was read need not be bounded again. */
export const eventsIn = (chunk: Uint8Array): ReturnType<SseDecoder['push']> =>
  new SseDecoder({ maxEventBytes: Number.MAX_SAFE_INTEGER }).push(chunk)
