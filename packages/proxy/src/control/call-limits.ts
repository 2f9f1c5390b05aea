import type { LimitedCall, LimitRefusal, RequestLimits } from '@mreg/access'
import { ERROR_CODE } from '@mreg/mcp-wire'

import { type Answer, errorAnswer } from '../answer.ts'
import type { ServerRoute } from '../route-table.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import type { CallAudit } from './call-audit.ts'

/** Answers a request that has been read through `answering`, unless its server is asked too often or too much at once. */
export const withinLimits = async (
  limits: RequestLimits,
  audit: CallAudit | undefined,
  message: RoutedMessage,
  answering: () => Promise<Answer>,
): Promise<Answer> => {
  const { exchange, route, scanned } = message
  const call: LimitedCall = {
    principal: exchange.principal,
    slug: route.server.slug,
    upstream: upstreamOf(route),
    tool: scanned.method === 'tools/call' ? scanned.name : undefined,
  }
  const refusal = limits.callRefusal(call)
  if (refusal !== undefined) {
    audit?.limited(message, refusal)
    return refused(message, refusal)
  }
  // What lasts as long as its client is counted by its connections.
  if (scanned.method === 'subscriptions/listen') return answering()
  const full = limits.enterUpstream(call)
  if (full !== undefined) {
    audit?.limited(message, full)
    return refused(message, full)
  }
  let answer: Answer | undefined
  try {
    answer = await answering()
  } finally {
    if (answer?.kind !== 'stream') limits.leaveUpstream(call)
  }
  return answer.kind === 'stream' ? { ...answer, chunks: leaving(answer.chunks, limits, call) } : answer
}

async function* leaving(
  chunks: AsyncIterable<Uint8Array>,
  limits: RequestLimits,
  call: LimitedCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks
  } finally {
    limits.leaveUpstream(call)
  }
}

const upstreams = new WeakMap<ServerRoute, string>()

/** Servers of several tenants may be at one origin; a process is its server's alone. */
const upstreamOf = (route: ServerRoute): string => {
  let upstream = upstreams.get(route)
  if (upstream === undefined) {
    const url = route.targets[0]?.endpoint.url
    upstream = url !== undefined && URL.canParse(url) ? new URL(url).origin : route.server.id
    upstreams.set(route, upstream)
  }
  return upstream
}

const WHOSE = {
  tenant: 'of this tenant',
  principal: 'of this user',
  server: 'for this server',
  tool: 'for this tool',
  upstream: 'under way at this server',
} as const

const refused = (
  { exchange, route, scanned }: RoutedMessage,
  { by, reason, retryAfterMs, setting }: LimitRefusal,
): Answer =>
  errorAnswer(200, {
    id: idOf(scanned),
    code: ERROR_CODE.internal,
    message: `There are more requests ${WHOSE[by]} than ${setting} allows. Try again later.`,
    data: { reason, by, server: route.server.slug, requestId: exchange.requestId, retryAfterMs, setting },
  })
