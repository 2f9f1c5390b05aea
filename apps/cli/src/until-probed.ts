import { setTimeout as delay } from 'node:timers/promises'

import type { GatewayClient, ServerView } from './gateway-client/gateway-client.ts'

export interface UntilProbedOptions {
  /** Default 15 s for servers with a URL, 130 s for those that may have to be installed first. */
  readonly timeoutMs?: number | undefined
  /** Is told what is known while it waits. */
  readonly onWait?: ((known: ServerView) => void) | undefined
}

const POLL_MS = 150
/** How long what was found may take to become the server's status. */
const SETTLE_MS = 5000

/** Waits until each endpoint of a server has been asked whether it works; gives what is known when time is up. */
export const untilProbed = async (
  gateway: GatewayClient,
  server: ServerView,
  { timeoutMs = isStarted(server) ? 130_000 : 15_000, onWait }: UntilProbedOptions = {},
): Promise<ServerView> => {
  const deadline = Date.now() + timeoutMs
  let known = server
  let askedAt = Number.POSITIVE_INFINITY
  while (!isSettled(known) && Date.now() < Math.min(deadline, askedAt + SETTLE_MS)) {
    await delay(POLL_MS)
    known = await gateway.get(server.id)
    if (isAsked(known)) askedAt = Math.min(askedAt, Date.now())
    onWait?.(known)
  }
  return known
}

/** Whether each endpoint has been asked. */
export const isAsked = ({ endpoints }: ServerView): boolean =>
  endpoints.every(({ probe }) => probe.probedAt !== undefined)

/** Whether each endpoint has been asked, and what was found is the server's status by now: it becomes so a moment later. */
export const isSettled = (server: ServerView): boolean => {
  const [only, ...more] = server.endpoints
  if (!isAsked(server)) return false
  return more.length > 0 || only === undefined
    ? server.status !== 'unknown'
    : server.status === only.probe.status || server.status === 'maintenance'
}

const isStarted = ({ endpoints }: ServerView): boolean =>
  endpoints.some(({ transport }) => transport === 'stdio')
