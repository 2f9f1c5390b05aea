import { setTimeout as delay } from 'node:timers/promises'

import type { GatewayClient, ServerView } from './gateway-client/gateway-client.ts'

export interface UntilProbedOptions {
  /** Default 15 s for servers with a URL, 130 s for those that may have to be installed first. */
  readonly timeoutMs?: number | undefined
  /** Is told what is known while it waits. */
  readonly onWait?: ((known: ServerView) => void) | undefined
}

const POLL_MS = 150

/** Waits until each endpoint of a server has been asked whether it works; gives what is known when time is up. */
export const untilProbed = async (
  gateway: GatewayClient,
  server: ServerView,
  { timeoutMs = isStarted(server) ? 130_000 : 15_000, onWait }: UntilProbedOptions = {},
): Promise<ServerView> => {
  const deadline = Date.now() + timeoutMs
  let known = server
  while (known.endpoints.some(({ probe }) => probe.probedAt === undefined) && Date.now() < deadline) {
    await delay(POLL_MS)
    known = await gateway.get(server.id)
    onWait?.(known)
  }
  return known
}

const isStarted = ({ endpoints }: ServerView): boolean =>
  endpoints.some(({ transport }) => transport === 'stdio')
