import type { AccessControl, AccessLimits, AccessRefusal } from '@mreg/access'
import { type ChangePolicy, changePolicyOf, mayHold, type Principal } from '@mreg/core'
import { encodeError, ERROR_CODE, findMember, readValue } from '@mreg/mcp-wire'
import { type CatalogServer, type DefinitionKind, templateMatcher } from '@mreg/registry'

import { kindListedBy } from '../merged/merged-lists.ts'
import type { ServerRoute } from '../route-table.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import { accessRefused } from './access-refused.ts'
import { accessTarget } from './access-target.ts'
import type { CallAudit } from './call-audit.ts'
import { type NamedCapability, namedCapability } from './named-capability.ts'
import { serverListResponse } from './server-list.ts'

/** What servers are known to offer, for a principal; waits a little for one that has never said. */
export type KnownServers = (principal: Principal, slug: string) => Promise<CatalogServer | undefined>

export interface CapabilityGateOptions {
  /** Writes down what was refused; undefined: nobody does. */
  readonly audit?: CallAudit | undefined
  /** Says what principals are limited to; undefined: to nothing. */
  readonly access?: AccessControl | undefined
  /** What becomes of unapproved definitions of servers without a policy of their own. */
  readonly changes: ChangePolicy
  /** Whose lists of a server a principal is shown: empty for everybody's, else what stands for that principal alone. */
  readonly scopeOf: (route: ServerRoute, principalId: string) => string
}

/** How long until an answer that is not known yet is worth another try, in milliseconds. */
const RETRY_AFTER_MS = 1000

/**
 * Keeps clients of one server from what was switched off, from what nobody has approved where that is wanted, and from what
 * they may not use. What is withheld comes with the route, and what a key allows is in memory: nothing is asked and nothing is
 * waited for, unless what servers are known to offer is needed.
 */
export class CapabilityGate {
  readonly #options: CapabilityGateOptions
  #known: KnownServers | undefined

  constructor(options: CapabilityGateOptions) {
    this.#options = options
  }

  /** From now on, lists that cannot be relayed are made of what `known` gives. */
  answerFrom(known: KnownServers): void {
    this.#known = known
  }

  /** Whether there is anything that could keep the sender of a message from something of the server. */
  mayRefuse({ exchange, route }: RoutedMessage): boolean {
    return (
      route.withheld !== undefined ||
      mayHold(changePolicyOf(route.server.settings, this.#options.changes)) ||
      this.#options.access?.limitsOf(exchange.principal) !== undefined
    )
  }

  /** The response, in the newer era, to a request that the server is not to see; undefined: it is. */
  answer(message: RoutedMessage): Promise<Uint8Array | undefined> | undefined {
    const { exchange, route, scanned } = message
    if (scanned.kind !== 'request' || exchange.isObservation === true) return undefined
    const policy = changePolicyOf(route.server.settings, this.#options.changes)
    const isHolding = mayHold(policy)
    const limits = this.#options.access?.limitsOf(exchange.principal)
    if (route.withheld === undefined && !isHolding && limits === undefined) return undefined
    const kind = kindListedBy(scanned.method)
    if (kind !== undefined) {
      const isWhole = !isHolding && limits === undefined && route.withheld?.has(kind) !== true
      return isWhole ? undefined : this.#list(message, kind, policy, limits)
    }
    const named = namedCapability(exchange.body, scanned)
    return named === undefined ? undefined : this.#refusal(message, named)
  }

  async #list(
    message: RoutedMessage,
    kind: DefinitionKind,
    policy: ChangePolicy,
    limits: AccessLimits | undefined,
  ): Promise<Uint8Array> {
    const { exchange, route, scanned } = message
    const id = idOf(scanned) ?? ''
    const server = await this.#known?.(exchange.principal, route.server.slug)
    if (server === undefined || (server.definitions.length === 0 && server.unavailable !== undefined))
      return notKnownYet(message, server)
    const span = scanned.paramsSpan && findMember(exchange.body, scanned.paramsSpan, 'cursor')
    const cursor = span && readValue(exchange.body, span)
    const isCursor = cursor === undefined || typeof cursor === 'string'
    const scopeKey = this.#options.scopeOf(route, exchange.principal.id)
    // What was withheld a moment ago may be known to the route, and not to the catalog yet.
    const shown = {
      ...server,
      definitions: server.definitions.filter(
        (each) => withheldState(route, each, policy, scopeKey) === undefined,
      ),
    }
    const allowed = limits === undefined ? shown : allowedOf(shown, limits)
    const list = isCursor ? serverListResponse(id, kind, allowed, cursor) : undefined
    const text = 'The cursor is not one of this list.'
    return list ?? encodeError({ id, code: ERROR_CODE.invalidParams, message: text })
  }

  /**
   * Whether a server is to see a request about something that it offers. The one place that decides, for enforcing as for explaining:
   * both questions are asked each by itself.
   */
  async judge(
    route: ServerRoute,
    principal: Principal,
    named: NamedCapability,
  ): Promise<{ readonly access: AccessRefusal | undefined; readonly withheld: WithheldState | undefined }> {
    return {
      access: await this.#accessRefusal(route, principal, named),
      withheld: await this.#withheld(route, principal, named),
    }
  }

  /**
   * @param given the arguments that a tool is called with; they are looked at only where rules are about them. undefined: it is not
   *   called.
   */
  async #accessRefusal(
    route: ServerRoute,
    principal: Principal,
    named: NamedCapability,
    given?: () => unknown,
  ): Promise<AccessRefusal | undefined> {
    const limits = this.#options.access?.limitsOf(principal)
    if (limits === undefined) return undefined
    const { slug } = route.server
    const server =
      named.kind === 'tool' && limits.readOnlyTools ? await this.#known?.(principal, slug) : undefined
    const definition = server?.definitions.find(
      ({ kind, name }) => kind === named.kind && name === named.name,
    )
    const refusal = limits.refusal(accessTarget(slug, named, definition))
    if (refusal !== undefined) return refusal
    if (given === undefined || !limits.hasConditions(slug, named.name)) return undefined
    return limits.argumentRefusal(slug, named.name, given())
  }

  /** In which way something is kept from a principal by change control; undefined: in none. */
  async #withheld(
    route: ServerRoute,
    principal: Principal,
    named: NamedCapability,
  ): Promise<WithheldState | undefined> {
    const policy = changePolicyOf(route.server.settings, this.#options.changes)
    const state = withheldState(route, named, policy, this.#options.scopeOf(route, principal.id))
    if (state !== undefined && named.kind !== 'resource') return state
    const isStrict = policy.onNew === 'quarantine'
    const isFromTemplate = named.kind === 'resource' && route.withheld?.matchesTemplate(named.name) === true
    if (state === undefined && !isStrict && !isFromTemplate) return undefined
    // A resource may be listed by itself although a template that it fits is switched off, and the other way round.
    const server = await this.#known?.(principal, route.server.slug)
    if (state === undefined && server !== undefined && isOffered(server, named)) return undefined
    return state ?? (isStrict ? 'quarantined' : 'disabled')
  }

  async #refusal(message: RoutedMessage, named: NamedCapability): Promise<Uint8Array | undefined> {
    const { exchange, route, scanned } = message
    const given = (): unknown => scanned.argumentsSpan && readValue(exchange.body, scanned.argumentsSpan)
    const isCall = scanned.method === 'tools/call'
    const notAllowed = await this.#accessRefusal(route, exchange.principal, named, isCall ? given : undefined)
    if (notAllowed !== undefined) {
      this.#options.audit?.refused(message, named, notAllowed)
      return accessRefused(message, named, notAllowed)
    }
    const state = await this.#withheld(route, exchange.principal, named)
    return state && refused(message, named, state)
  }
}

const allowedOf = (server: CatalogServer, limits: AccessLimits): CatalogServer => ({
  ...server,
  definitions: server.definitions.filter(
    (definition) => limits.refusal(accessTarget(server.slug, definition, definition)) === undefined,
  ),
})

/** In which way something is kept from clients. */
export type WithheldState = 'disabled' | 'quarantined'

const withheldState = (
  { withheld }: ServerRoute,
  { kind, name }: NamedCapability,
  { whileQuarantined }: ChangePolicy,
  scopeKey: string,
): WithheldState | undefined => {
  for (const each of withheld?.of(kind, name) ?? []) {
    if (each.state === 'disabled') return 'disabled'
    const isServed = whileQuarantined === 'serve-last-approved' && each.wasApproved
    if (!isServed && each.scopeKey === scopeKey) return 'quarantined'
  }
  return undefined
}

const isOffered = ({ definitions }: CatalogServer, { kind, name }: NamedCapability): boolean =>
  definitions.some(
    (definition) =>
      (definition.kind === kind && definition.name === name) ||
      (kind === 'resource' &&
        definition.kind === 'resource_template' &&
        templateMatcher(definition.name)(name)),
  )

const REASONS = {
  disabled: ['capability_disabled', 'is switched off'],
  quarantined: ['capability_quarantined', 'waits until an administrator approves its definition'],
} as const

const refused = (
  { exchange, route, scanned }: RoutedMessage,
  { kind, name }: NamedCapability,
  state: WithheldState,
): Uint8Array => {
  const [reason, why] = REASONS[state]
  const { slug } = route.server
  return encodeError({
    id: idOf(scanned),
    code: ERROR_CODE.invalidParams,
    message: `The ${kind.replaceAll('_', ' ')} ${JSON.stringify(name)} of the server "${slug}" ${why}.`,
    data: {
      reason,
      server: slug,
      requestId: exchange.requestId,
      ...(kind === 'resource' ? { uri: name } : {}),
    },
  })
}

const notKnownYet = (
  { exchange, route, scanned }: RoutedMessage,
  server: CatalogServer | undefined,
): Uint8Array => {
  const { slug } = route.server
  const why = server?.unavailable === undefined ? '' : `: ${server.unavailable.reason}`
  return encodeError({
    id: idOf(scanned),
    code: ERROR_CODE.internal,
    message: `What the server "${slug}" offers has to be checked before it is listed, and is not known yet${why}.`,
    data: {
      reason: 'list_not_known_yet',
      server: slug,
      requestId: exchange.requestId,
      retryAfterMs: RETRY_AFTER_MS,
    },
  })
}
