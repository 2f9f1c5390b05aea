import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

import type { Answer } from '@mreg/proxy'

/** How long a client may take nothing of what waits for it before its connection is cut, in milliseconds. */
const UNREAD_MS = 30_000

/**
 * Writes an answer of the proxy to a client. A stream is pulled to its end even when the client has
 * gone, because a call of the older protocol era goes on without it.
 *
 * @param unreadMs how long the client may take nothing of what waits for it; then its connection is cut. Default 30 s.
 */
export const writeAnswer = async (
  response: ServerResponse,
  answer: Answer,
  extra: readonly (readonly [string, string])[],
  unreadMs = UNREAD_MS,
): Promise<void> => {
  const headers = [...extra, ...answer.headers].flat()
  if (answer.kind === 'complete') {
    if (response.destroyed) return
    response.writeHead(answer.status, [...headers, 'content-length', String(answer.body.byteLength)])
    watch(response, unreadMs)
    response.end(answer.body)
    return
  }
  if (!response.destroyed) response.writeHead(answer.status, headers)
  for await (const chunk of answer.chunks) {
    if (response.destroyed || response.write(chunk)) continue
    await untilRead(response, unreadMs)
  }
  if (response.destroyed) return
  watch(response, unreadMs)
  response.end()
}

/**
 * Has the connection cut when nothing of what waits is taken for so long. The timer of the socket knows a slow reader from one that
 * has stopped; the server destroys a socket whose timer runs out, and sets another time when the response is finished.
 */
const watch = (response: ServerResponse, unreadMs: number): void => {
  response.socket?.setTimeout(unreadMs)
}

/** Waits until the client has read what was written, or is gone. */
const untilRead = async (response: ServerResponse, unreadMs: number): Promise<void> => {
  // It may have gone in this very write; no event will tell again.
  if (response.destroyed) return
  const waiting = new AbortController()
  const { signal } = waiting
  watch(response, unreadMs)
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  } finally {
    waiting.abort()
    // From here on it is the server that may be silent.
    watch(response, 0)
  }
}
