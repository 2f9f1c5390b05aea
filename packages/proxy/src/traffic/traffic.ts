import { performance } from 'node:perf_hooks'

import { classifyEra } from '@mreg/mcp-wire'

import type { Turn } from '../converse.ts'
import type { RoutedMessage } from '../routed.ts'
import { methodClassOf, type Outcome } from './dimensions.ts'
import { ServerTraffic } from './server-traffic.ts'

/** So many servers have figures of their own; those that come later are counted together. */
const MAX_SERVERS = 200

/** What the servers of an installation were asked since this process started, and what came of it. */
export class Traffic {
  readonly #servers = new Map<string, ServerTraffic>()
  readonly #maxServers: number
  /** Of the servers that have none of their own. */
  readonly others = new ServerTraffic('', '')

  constructor(options: { readonly maxServers?: number | undefined } = {}) {
    this.#maxServers = options.maxServers ?? MAX_SERVERS
  }

  /** The servers that have figures of their own. */
  servers(): IterableIterator<readonly [serverId: string, traffic: ServerTraffic]> {
    return this.#servers.entries()
  }

  /** Forgets servers that are gone, so that others have room. */
  keepOnly(isThere: (serverId: string) => boolean): void {
    for (const serverId of this.#servers.keys()) if (!isThere(serverId)) this.#servers.delete(serverId)
  }

  /** Takes note of a request and its final turn. */
  settled(message: RoutedMessage, turn: Turn): void {
    const { exchange, scanned, startedAt } = message
    this.#of(message).count({
      era: classifyEra(scanned, exchange.header),
      methodClass: methodClassOf(scanned.method),
      outcome: outcomeOf(turn),
      durationMs: startedAt === undefined ? 0 : performance.now() - startedAt,
      requestBytes: exchange.body.byteLength,
      responseBytes: turn.message.byteLength,
    })
  }

  /** Takes note that a request is translated between the eras. */
  bridged(message: RoutedMessage): void {
    this.#of(message).bridged += 1
  }

  #of({ route: { server } }: RoutedMessage): ServerTraffic {
    const known = this.#servers.get(server.id)
    if (known !== undefined) return known
    if (this.#servers.size >= this.#maxServers) return this.others
    const traffic = new ServerTraffic(server.tenantId, server.slug)
    this.#servers.set(server.id, traffic)
    return traffic
  }
}

const outcomeOf = ({ failure, isCancelled, isError, isStale, scanned }: Turn): Outcome => {
  if (isCancelled === true) return 'cancelled'
  if (isStale === true) return 'stale'
  if (failure !== undefined) return 'failure'
  return (isError ?? scanned?.isError) === true ? 'error' : 'result'
}
