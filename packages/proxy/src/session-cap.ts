import { ERROR_CODE } from '@mreg/mcp-wire'
import type { SessionCaps, SessionOwner } from '@mreg/upstream'

import { type Answer, errorAnswer } from './answer.ts'
import { idOf, type RoutedMessage } from './routed.ts'
import type { SessionClaims } from './session-token.ts'

/** When a client that finds no room for its session should try again. */
const RETRY_AFTER_MS = 10_000

/** What a limit of {@link SessionCaps} is called where it is set, and whose sessions it counts. */
const LIMITS = {
  maxPerPrincipal: ['limits.maxSessionsPerPrincipal', 'of this user'],
  maxPerTenant: ['limits.maxSessionsPerTenant', 'of this tenant'],
} as const

/**
 * Answers `initialize` through `open`, if there is room for one more session.
 *
 * @param open gets what is to be told the session once it is open.
 */
export const withRoom = async (
  caps: SessionCaps,
  { exchange, scanned }: RoutedMessage,
  open: (keep: (sessionId: string) => void) => Promise<Answer>,
): Promise<Answer> => {
  const { principal, requestId, slug } = exchange
  const room = caps.admit({ tenantId: principal.tenantId, principalId: principal.id })
  if (typeof room === 'string') {
    const [setting, whose] = LIMITS[room]
    return errorAnswer(200, {
      id: idOf(scanned),
      code: ERROR_CODE.internal,
      message: `All sessions ${whose} are in use, as many as ${setting} allows. End one, or try again later.`,
      data: { reason: 'too_many_sessions', server: slug, requestId, retryAfterMs: RETRY_AFTER_MS, setting },
    })
  }
  try {
    return await open((sessionId) => room.keep(sessionId))
  } finally {
    room[Symbol.dispose]()
  }
}

/** Answers a request of a session, which is in use until the answer is complete. */
export const inUse = async (
  caps: SessionCaps,
  claims: SessionClaims,
  answering: () => Promise<Answer>,
): Promise<Answer> => {
  const used = caps.use(ownerOf(claims), claims.sessionId)
  const release = (): void => caps.release(used)
  let answer: Answer
  try {
    answer = await answering()
  } catch (error) {
    release()
    throw error
  }
  if (answer.kind === 'stream') return { ...answer, chunks: releasing(answer.chunks, release) }
  release()
  return answer
}

/** A session is over: it makes room. */
export const endUse = (caps: SessionCaps, claims: SessionClaims): void =>
  caps.end({ ...ownerOf(claims), sessionId: claims.sessionId })

const ownerOf = ({ principalId, tenantId }: SessionClaims): SessionOwner => ({ principalId, tenantId })

async function* releasing(
  chunks: AsyncIterable<Uint8Array>,
  release: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks
  } finally {
    release()
  }
}
