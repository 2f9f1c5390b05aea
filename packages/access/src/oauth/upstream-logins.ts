import { randomUUID } from 'node:crypto'

import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  type Principal,
  type ServerRecord,
  UnavailableError,
  ValidationError,
} from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { type RegistryDatabase, ServerRepository, UpstreamGrantRepository } from '@mreg/repositories'

import { type AuthorizationAnswer, beginFlow, finishFlow, type OpenFlow } from './authorization-flow.ts'
import type { GrantVault } from './grant-vault.ts'
import type { LoginNetwork } from './login-network.ts'
import { GRANT_PRINCIPAL } from './upstream-grants.ts'

export interface UpstreamLoginsOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly vault: GrantVault
  readonly network: LoginNetwork
  /** Makes what was stored known in this process. */
  readonly catchUp: () => Promise<void>
  /** Where the gateway publishes its client metadata document; undefined: nowhere that others can see. */
  readonly metadataDocumentUrl?: string | undefined
  /** The time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined
}

/** How to begin a login. */
export interface LoginInput {
  /** Where the browser comes back to: a port of this machine (RFC 8252, section 7.3). */
  readonly redirectUri: string
  /** A client that was registered by hand; undefined: the gateway makes itself known. */
  readonly clientId?: string | undefined
  /** The secret of that client; undefined: it has none. Kept sealed, with the tokens. */
  readonly clientSecret?: string | undefined
}

/** A login that has begun. */
export interface BegunLogin {
  /** What the person opens in a browser. */
  readonly authorizationUrl: string
  readonly loginId: string
  readonly expiresAt: Date
}

interface PendingLogin {
  readonly flow: OpenFlow
  readonly tenantId: string
  readonly serverId: string
  readonly expiresAt: number
}

const LIFETIME_MS = 600_000
const MAX_PENDING = 64

/** Logs in for MCP servers, on behalf of whoever administers the gateway. */
export class UpstreamLogins {
  readonly #options: UpstreamLoginsOptions
  readonly #now: () => number
  readonly #pending = new Map<string, PendingLogin>()

  constructor(options: UpstreamLoginsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * Begins a login for a server. It must be finished within ten minutes.
   *
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ValidationError} the redirect does not lead to this machine.
   * @throws {ConflictError} `login_not_offered`, `login_metadata_invalid`, `login_unsupported` or `login_client_needed`.
   * @throws {ForbiddenError} `role_too_low`, `login_address_refused` or `login_refused`.
   * @throws {UnavailableError} `login_server_unreachable`, or `too_many_logins` are open.
   */
  async begin(principal: Principal, idOrSlug: string, input: LoginInput): Promise<BegunLogin> {
    requireOperator(principal)
    requireLoopbackRedirect(input.redirectUri)
    const server = await this.#find(principal, idOrSlug)
    const serverUrl = server.endpoints.find(({ url }) => url !== undefined)?.url
    if (serverUrl === undefined) {
      throw new ConflictError(
        'login_not_offered',
        `${server.slug} is started by a command; it gets its credentials from its environment`,
      )
    }
    this.#requireRoom()
    const { network, metadataDocumentUrl } = this.#options
    const flow = await beginFlow({ network, serverUrl, metadataDocumentUrl, ...input })
    this.#requireRoom()
    const loginId = randomUUID()
    const expiresAt = this.#now() + LIFETIME_MS
    this.#pending.set(loginId, { flow, tenantId: principal.tenantId, serverId: server.id, expiresAt })
    return { authorizationUrl: flow.authorizationUrl, loginId, expiresAt: new Date(expiresAt) }
  }

  /**
   * Finishes a login with what the browser brought back. A login can be finished once, whether that works or not.
   *
   * @returns the id of the server.
   * @throws {NotFoundError} `server_not_found`; `login_not_found`: over, expired, or begun elsewhere.
   * @throws {ValidationError} `login_state_mismatch` or `login_issuer_mismatch`.
   * @throws {ForbiddenError} `role_too_low` or `login_refused`.
   * @throws {UnavailableError} `login_server_unreachable`.
   */
  async finish(
    principal: Principal,
    idOrSlug: string,
    loginId: string,
    answer: AuthorizationAnswer,
  ): Promise<string> {
    requireOperator(principal)
    const { id: serverId } = await this.#find(principal, idOrSlug)
    const pending = this.#pending.get(loginId)
    const isOurs = pending?.tenantId === principal.tenantId && pending.serverId === serverId
    if (pending === undefined || !isOurs || pending.expiresAt <= this.#now()) {
      throw new NotFoundError('login_not_found', 'there is no such login, or it took too long; begin again')
    }
    this.#pending.delete(loginId)
    const { database, network, vault, catchUp } = this.#options
    const { tenantId } = principal
    const content = await finishFlow(network, pending.flow, answer)
    const key = { serverId, principalId: GRANT_PRINCIPAL }
    const { expiresAt } = content.tokens
    const isStored = await database.tenantSession(tenantId, (session) =>
      new UpstreamGrantRepository(session).put({
        ...key,
        ...vault.seal({ tenantId, ...key }, content),
        issuer: content.issuer,
        expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
      }),
    )
    if (!isStored) throw new NotFoundError('server_not_found', 'the server was removed during the login')
    await catchUp()
    return serverId
  }

  /**
   * Forgets the login of a server; its tokens are gone.
   *
   * @returns false: there was none.
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ForbiddenError} `role_too_low`.
   */
  async forget(principal: Principal, idOrSlug: string): Promise<boolean> {
    requireOperator(principal)
    const { id: serverId } = await this.#find(principal, idOrSlug)
    const { database, catchUp } = this.#options
    const isForgotten = await database.tenantSession(principal.tenantId, (session) =>
      new UpstreamGrantRepository(session).delete({ serverId, principalId: GRANT_PRINCIPAL }),
    )
    await catchUp()
    return isForgotten
  }

  #requireRoom(): void {
    const now = this.#now()
    for (const [loginId, { expiresAt }] of this.#pending) if (expiresAt <= now) this.#pending.delete(loginId)
    if (this.#pending.size < MAX_PENDING) return
    throw new UnavailableError(
      'too_many_logins',
      `${MAX_PENDING} logins are open; finish one, or wait ten minutes`,
      { retryAfterMs: LIFETIME_MS },
    )
  }

  async #find({ tenantId }: Principal, idOrSlug: string): Promise<ServerRecord> {
    const server = await this.#options.database.tenantSession(tenantId, async (session) => {
      const servers = new ServerRepository(session)
      return (await servers.getBySlug(idOrSlug)) ?? (await servers.getById(idOrSlug))
    })
    if (server !== undefined) return server
    throw new NotFoundError('server_not_found', `no server is registered as ${JSON.stringify(idOrSlug)}`)
  }
}

const requireOperator = ({ role }: Principal): void => {
  if (role === 'operator' || role === 'admin') return
  throw new ForbiddenError('role_too_low', `this needs the role operator; the key has the role ${role}`)
}

/** By number and not by name: a name could be made to lead elsewhere (RFC 8252, section 8.3). */
const requireLoopbackRedirect = (redirectUri: string): void => {
  const url = URL.parse(redirectUri)
  const isLoopback = url?.hostname === '127.0.0.1' || url?.hostname === '[::1]'
  if (url?.protocol === 'http:' && isLoopback && url.username === '' && url.hash === '') return
  throw new ValidationError([
    {
      path: 'redirectUri',
      message: 'must be a port of this machine, such as http://127.0.0.1:40123/callback',
    },
  ])
}
