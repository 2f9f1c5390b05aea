import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

import type { Answer } from '@mreg/proxy'

/** How long a client may leave its answer unread before its connection is cut, in milliseconds. */
const UNREAD_MS = 30_000

/**
 * Writes an answer of the proxy to a client. A stream is pulled to its end even when the client has
 * gone, because a call of the older protocol era goes on without it.
 */
export const writeAnswer = async (
  response: ServerResponse,
  answer: Answer,
  extra: readonly (readonly [string, string])[],
): Promise<void> => {
  const headers = [...extra, ...answer.headers].flat()
  if (answer.kind === 'complete') {
    if (response.destroyed) return
    response.writeHead(answer.status, [...headers, 'content-length', String(answer.body.byteLength)])
    response.end(answer.body)
    return
  }
  if (!response.destroyed) response.writeHead(answer.status, headers)
  for await (const chunk of answer.chunks) {
    if (response.destroyed || response.write(chunk)) continue
    await untilRead(response)
  }
  if (!response.destroyed) response.end()
}

/** Waits until the client has read what was written; cuts the connection of one that does not. */
const untilRead = async (response: ServerResponse): Promise<void> => {
  // It may have gone in this very write; no event will tell again.
  if (response.destroyed) return
  const waiting = new AbortController()
  const timer = setTimeout(() => response.destroy(), UNREAD_MS)
  try {
    const { signal } = waiting
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  } finally {
    clearTimeout(timer)
    waiting.abort()
  }
}
