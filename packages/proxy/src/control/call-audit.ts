import type { AccessRefusal, ArgumentsAuditor, AuditTrail, LimitRefusal } from '@mreg/access'

import type { Turn } from '../converse.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutedMessage } from '../routed.ts'
import type { NamedCapability } from './named-capability.ts'

export interface CallAuditOptions {
  readonly trail: AuditTrail
  /** What is written down of calls of tools; undefined: nothing, but what was refused. */
  readonly calls: ArgumentsAuditor | undefined
}

/** Writes down who called which tool and what came of it, and what nobody was let do. */
export class CallAudit {
  readonly #trail: AuditTrail
  readonly #calls: ArgumentsAuditor | undefined

  constructor({ calls, trail }: CallAuditOptions) {
    this.#trail = trail
    this.#calls = calls
  }

  /** A request has its final turn. */
  settled({ exchange, route, scanned, startedAt }: RoutedMessage, turn: Turn): void {
    if (this.#calls === undefined || scanned.method !== 'tools/call') return
    const span = scanned.argumentsSpan
    const isError = (turn.isError ?? turn.scanned?.isError) === true
    this.#trail.record({
      tenantId: exchange.principal.tenantId,
      principalId: exchange.principal.id,
      action: 'tools/call',
      objectId: storable(`${route.server.slug}/${scanned.name ?? ''}`),
      outcome: turn.failure !== undefined || isError || turn.isCancelled === true ? 'failure' : 'success',
      requestId: exchange.requestId,
      details: {
        ...(startedAt === undefined ? {} : { durationMs: Math.round(performance.now() - startedAt) }),
        ...(turn.isStale === true ? { stale: true } : {}),
        ...this.#calls.of(span && exchange.body.subarray(span.start, span.end)),
      },
    })
  }

  /** Something that a server offers may not be used. */
  refused({ exchange, route, scanned }: RoutedMessage, named: NamedCapability, why: AccessRefusal): void {
    const { argument, by, reason } = why
    const object = `${route.server.slug}/${named.name}`
    this.#deny(exchange, scanned.method, object, {
      reason,
      by,
      ...(argument === undefined ? {} : { argument }),
    })
  }

  /** A server, or a toolset, may not be used at all. */
  hidden(exchange: Exchange, objectId: string, { by, reason }: Pick<AccessRefusal, 'by' | 'reason'>): void {
    this.#deny(exchange, undefined, objectId, { reason, by })
  }

  /** There were too many requests. */
  limited({ exchange, route, scanned }: RoutedMessage, { by, reason, setting }: LimitRefusal): void {
    const object = scanned.name === undefined ? route.server.slug : `${route.server.slug}/${scanned.name}`
    this.#deny(exchange, scanned.method, object, { reason, by, setting })
  }

  #deny(
    { method, principal, requestId }: Exchange,
    action: string | undefined,
    objectId: string,
    details: Readonly<Record<string, unknown>>,
  ): void {
    this.#trail.recordRefusal({
      tenantId: principal.tenantId,
      principalId: principal.id,
      action: storable(action ?? `mcp ${method}`),
      objectId: storable(objectId),
      outcome: 'denied',
      requestId,
      details,
    })
  }
}

/** What clients call things is long at will, and may hold what the database does not take. */
const storable = (text: string): string => text.replaceAll('\0', '\u{FFFD}').slice(0, 512)
