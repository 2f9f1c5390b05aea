import type { ApiKeyView, AuditView, IssuedApiKey, PolicyView, TenantView } from '@mreg/access'
import type { Explanation } from '@mreg/proxy'
import type { CapabilityDecisions, CapabilityView, ServerView, ToolsetView } from '@mreg/registry'
import * as z from 'zod'

import { CommandFailure } from '../command-failure.ts'
import type { FoundGateway } from './find-gateway.ts'
import { GatewayRefusal, type Problem } from './gateway-refusal.ts'
import { NoGatewayError } from './no-gateway-error.ts'
import type { ServerInput, ServerPatch } from './server-input.ts'

export type { ServerView, ToolsetView } from '@mreg/registry'

/** Which servers to list. */
export interface ListQuery {
  readonly q?: string | undefined
  readonly tag?: string | undefined
  readonly transport?: string | undefined
  readonly status?: string | undefined
}

/** What is to be explained. What is left out has the default of the gateway. */
export interface ExplainQuery {
  readonly name: string
  readonly principal?: string | undefined
  readonly kind?: string | undefined
  readonly server?: string | undefined
  readonly set?: string | undefined
}

/** What one gateway was asked of a server since its start, and how its endpoints stand with it. */
export interface ServerFigures {
  readonly byOutcome?: Readonly<Record<string, number>>
  readonly byMethod?: Readonly<Record<string, { readonly count: number; readonly meanMs: number }>>
  readonly endpoints: readonly {
    readonly id: string
    readonly circuit?: {
      readonly state: string
      readonly successes: number
      readonly failures: number
      readonly rejected: number
      readonly inFlight: number
      readonly retryAfterMs: number
    }
    readonly balancer?: {
      readonly state: string
      readonly effectiveWeight: number
      readonly inFlight: number
    }
  }[]
}

const REQUEST_MS = 30_000
/** A probe may wait for a program that is being installed. */
const PROBE_MS = 150_000
/** Several others are asked on the way. */
const LOGIN_MS = 120_000
const PAGE_SIZE = 200

const problemSchema = z.object({
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
})

/** The HTTP API of a gateway. Every method throws {@link GatewayRefusal} or {@link NoGatewayError}. */
export class GatewayClient {
  readonly gateway: FoundGateway

  constructor(gateway: FoundGateway) {
    this.gateway = gateway
  }

  /** All servers that match, over all pages, ordered by slug. */
  async list(query: ListQuery = {}): Promise<ServerView[]> {
    return this.#all('/servers', query)
  }

  /** All toolsets, ordered by slug. */
  async toolsets(): Promise<ToolsetView[]> {
    return this.#all('/toolsets', {})
  }

  async get(idOrSlug: string): Promise<ServerView> {
    return this.#request('GET', path(idOrSlug))
  }

  async register(input: ServerInput): Promise<ServerView> {
    return this.#request('POST', '/servers', { body: input })
  }

  async update(idOrSlug: string, patch: ServerPatch): Promise<ServerView> {
    return this.#request('PATCH', path(idOrSlug), { body: patch })
  }

  async remove(idOrSlug: string): Promise<void> {
    await this.#request('DELETE', path(idOrSlug))
  }

  /** Has the server asked now whether it works, and gives what was found. */
  async probe(idOrSlug: string): Promise<ServerView> {
    return this.#request('POST', `${path(idOrSlug)}/probe`, { timeoutMs: PROBE_MS })
  }

  /** Begins to log in for a server; the browser comes back to `redirectUri`. */
  async beginLogin(
    idOrSlug: string,
    input: { readonly redirectUri: string; readonly clientId?: string | undefined },
  ): Promise<{ readonly authorizationUrl: string; readonly loginId: string }> {
    return this.#request('POST', `${path(idOrSlug)}/login`, { body: input, timeoutMs: LOGIN_MS })
  }

  /** Finishes a login with what the browser brought back, and gives what the server says then. */
  async finishLogin(
    idOrSlug: string,
    loginId: string,
    answer: {
      readonly state: string
      readonly code?: string | undefined
      readonly error?: string | undefined
      readonly iss?: string | undefined
    },
  ): Promise<ServerView> {
    const target = `${path(idOrSlug)}/login/${encodeURIComponent(loginId)}`
    return this.#request('POST', target, { body: answer, timeoutMs: LOGIN_MS })
  }

  /** Has the gateway forget the login of a server. */
  async forgetLogin(idOrSlug: string): Promise<void> {
    await this.#request('DELETE', `${path(idOrSlug)}/login`, { timeoutMs: LOGIN_MS })
  }

  /** All that a server was seen to offer, over all pages; with `state`, what is in that one. */
  async capabilities(idOrSlug: string, state?: 'waiting' | 'disabled'): Promise<CapabilityView[]> {
    return this.#all(`${path(idOrSlug)}/capabilities`, { state })
  }

  /** Decides about tools of a server, and gives what became of them. */
  async decideTools(
    idOrSlug: string,
    decision: CapabilityDecisions['decision'],
    names: readonly string[],
  ): Promise<CapabilityView[]> {
    const capabilities = names.map((name) => ({ kind: 'tool', name }))
    const { items } = await this.#request<{ items: CapabilityView[] }>(
      'POST',
      `${path(idOrSlug)}/capabilities/decisions`,
      { body: { decision, capabilities } },
    )
    return items
  }

  /** What this gateway was asked of a server; undefined: there is none of that slug. */
  async figures(slug: string): Promise<ServerFigures | undefined> {
    const { traffic } = await this.#request<{ traffic: ServerFigures[] }>(
      'GET',
      `/stats?${search({ server: slug })}`,
    )
    return traffic[0]
  }

  /** Why a caller sees something or does not, and where a call would go. */
  async explain(query: ExplainQuery): Promise<Explanation> {
    return this.#request('GET', `/explain?${search({ ...query })}`)
  }

  /** All API keys, over all pages, oldest first. */
  async listKeys(): Promise<ApiKeyView[]> {
    return this.#all('/keys', {})
  }

  /** Makes an API key: it is in the answer, this once. */
  async createKey(input: {
    readonly name: string
    readonly role: string
    readonly principalId?: string | undefined
    readonly expiresAt?: string | undefined
    readonly scopes: object
  }): Promise<IssuedApiKey> {
    return this.#request('POST', '/keys', { body: input })
  }

  /** @param graceMs how long the old key is still good, in milliseconds. */
  async rotateKey(id: string, graceMs: number): Promise<IssuedApiKey> {
    return this.#request('POST', `/keys/${encodeURIComponent(id)}/rotate`, { body: { graceMs } })
  }

  async revokeKey(id: string): Promise<ApiKeyView> {
    return this.#request('POST', `/keys/${encodeURIComponent(id)}/revoke`)
  }

  /** All policies, over all pages, ordered by name. */
  async listPolicies(): Promise<PolicyView[]> {
    return this.#all('/policies', {})
  }

  async createPolicy(input: {
    readonly name: string
    readonly subject: object
    readonly rules: object
  }): Promise<PolicyView> {
    return this.#request('POST', '/policies', { body: input })
  }

  async removePolicy(id: string): Promise<void> {
    await this.#request('DELETE', `/policies/${encodeURIComponent(id)}`)
  }

  /** All tenants, over all pages, ordered by id. */
  async listTenants(): Promise<TenantView[]> {
    return this.#all('/tenants', {})
  }

  async createTenant(id: string): Promise<TenantView> {
    return this.#request('POST', '/tenants', { body: { id } })
  }

  /** The newest audit events that match; at most 200. */
  async audit(query: {
    readonly principalId?: string | undefined
    readonly action?: string | undefined
    readonly objectId?: string | undefined
    readonly from?: string | undefined
    readonly limit: string
  }): Promise<AuditView[]> {
    const { items } = await this.#request<{ items: AuditView[] }>('GET', `/audit?${search(query)}`)
    return items
  }

  /** All items of a list, over all its pages. */
  async #all<Item>(target: string, query: object): Promise<Item[]> {
    const items: Item[] = []
    let cursor: string | undefined
    do {
      const page: { items: Item[]; nextCursor?: string } = await this.#request(
        'GET',
        `${target}?${search({ ...query, limit: String(PAGE_SIZE), cursor })}`,
      )
      items.push(...page.items)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return items
  }

  async #request<Answer>(
    method: string,
    target: string,
    { body, timeoutMs = REQUEST_MS }: { body?: unknown; timeoutMs?: number } = {},
  ): Promise<Answer> {
    const { url, key } = this.gateway
    let response: Response
    let text: string
    try {
      response = await fetch(`${url}/api/v1${target}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      text = await response.text()
    } catch (error) {
      throw unreachable(url, timeoutMs, error)
    }
    if (!response.ok) throw new GatewayRefusal(problemOf(response.status, text))
    // The gateway is ours: its answers are what its schemas say.
    const answer: Answer = JSON.parse(text === '' ? 'null' : text)
    return answer
  }
}

const unreachable = (url: string, timeoutMs: number, error: unknown): CommandFailure => {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new CommandFailure('gateway_timeout', `${url} did not answer within ${timeoutMs / 1000} s`, {
      cause: error,
    })
  }
  return new NoGatewayError(`the gateway at ${url} does not answer`, [url], { cause: error })
}

const problemOf = (status: number, text: string): Problem => {
  try {
    return problemSchema.parse(JSON.parse(text))
  } catch {
    const detail = `the gateway answered ${status} without saying why; is MREG_URL the address of a gateway?`
    return { status, code: 'not_a_gateway', detail, faults: [] }
  }
}

const path = (idOrSlug: string): string => `/servers/${encodeURIComponent(idOrSlug)}`

const search = (query: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()
