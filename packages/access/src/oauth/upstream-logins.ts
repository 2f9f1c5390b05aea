import { randomUUID } from 'node:crypto'

import {
  ConflictError,
  LOCAL_PRINCIPAL,
  NotFoundError,
  type Principal,
  requireRole,
  type ServerRecord,
  UnavailableError,
  ValidationError,
} from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { type RegistryDatabase, ServerRepository, UpstreamGrantRepository } from '@mreg/repositories'

import { UnsealError } from '../key-ring.ts'
import { type AuthorizationAnswer, beginFlow, finishFlow, type OpenFlow } from './authorization-flow.ts'
import type { GrantContent, GrantOwner, GrantVault } from './grant-vault.ts'
import type { LoginNetwork } from './login-network.ts'
import { GRANT_PRINCIPAL } from './upstream-grants.ts'

export interface UpstreamLoginsOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly vault: GrantVault
  readonly network: LoginNetwork
  /** Makes what was stored known in this process. */
  readonly catchUp: () => Promise<void>
  /** Whether `/mcp` is open to whoever is on this machine, who is one person there, whatever key the login was begun with. Default false. */
  readonly isOpen?: boolean | undefined
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

/** For which server somebody logs in. */
export interface LoginTarget {
  readonly serverId: string
  readonly slug: string
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
  readonly slug: string
  /** Whose the grant will be. */
  readonly principalId: string
  readonly expiresAt: number
  /** Whether the browser comes back to the gateway itself. */
  readonly comesBack: boolean
}

const LIFETIME_MS = 600_000
/** A login is not given to anybody again when less is left for it. */
const LEAST_LEFT_MS = 120_000
const MAX_PENDING = 64

/**
 * Logs in for MCP servers: whoever administers the gateway for those that have one login for everybody, and each principal for
 * itself for those that are used with a login of one's own.
 */
export class UpstreamLogins {
  readonly #options: UpstreamLoginsOptions
  readonly #now: () => number
  readonly #pending = new Map<string, PendingLogin>()
  #callbackUrl: string | undefined

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
    requireLoopbackRedirect(input.redirectUri)
    const server = await this.#find(principal, idOrSlug)
    return this.#begin(server, this.#ownerOf(principal, server), input, false)
  }

  /**
   * Where a browser on this machine comes back to the gateway itself, once it listens; see {@link UpstreamLogins.urlFor}. An
   * address that no login may come back to is not used.
   */
  comeBackTo(callbackUrl: string): void {
    if (isLoopbackRedirect(callbackUrl)) this.#callbackUrl = callbackUrl
  }

  /**
   * Begins a login from which the browser comes back to the gateway, for whoever is on this machine where `/mcp` is open to it: who
   * sits at the browser is who asks. Where keys tell people apart, nobody could say whose browser it is, and `begin` is the way.
   *
   * @returns what the person opens, the same as long as that login is open; undefined: not here.
   * @throws as `begin` does.
   */
  async urlFor({ tenantId }: Principal, { serverId, slug }: LoginTarget): Promise<string | undefined> {
    const redirectUri = this.#callbackUrl
    if (this.#options.isOpen !== true || redirectUri === undefined) return undefined
    const until = this.#now() + LEAST_LEFT_MS
    const known = [...this.#pending.values()].find(
      (each) => each.comesBack && each.serverId === serverId && each.expiresAt > until,
    )
    if (known !== undefined) return known.flow.authorizationUrl
    const server = await this.#find({ ...LOCAL_PRINCIPAL, tenantId }, slug)
    const begun = await this.#begin(server, GRANT_PRINCIPAL, { redirectUri }, true)
    return begun.authorizationUrl
  }

  /**
   * Finishes a login of {@link UpstreamLogins.urlFor} with what the browser brought back.
   *
   * @returns for which server.
   * @throws {NotFoundError} `login_not_found`. Otherwise as `finish` does.
   */
  async comeBack(answer: AuthorizationAnswer): Promise<LoginTarget & { readonly tenantId: string }> {
    const found = [...this.#pending].find(
      ([, { comesBack, flow }]) => comesBack && flow.state === answer.state,
    )
    if (found === undefined || found[1].expiresAt <= this.#now()) throw loginNotFound()
    const [loginId, pending] = found
    await this.#finish(loginId, pending, answer)
    return { tenantId: pending.tenantId, serverId: pending.serverId, slug: pending.slug }
  }

  async #begin(
    server: ServerRecord,
    principalId: string,
    input: LoginInput,
    comesBack: boolean,
  ): Promise<BegunLogin> {
    const serverUrl = server.endpoints.find(({ url }) => url !== undefined)?.url
    if (serverUrl === undefined) {
      throw new ConflictError(
        'login_not_offered',
        `${server.slug} is started by a command; it gets its credentials from its environment`,
      )
    }
    this.#requireRoom()
    const { network, metadataDocumentUrl } = this.#options
    const { id: serverId, slug, tenantId } = server
    const held = await this.#held({ tenantId, serverId, principalId })
    const flow = await beginFlow({ network, serverUrl, metadataDocumentUrl, held, ...input })
    this.#requireRoom()
    const loginId = randomUUID()
    const expiresAt = this.#now() + LIFETIME_MS
    this.#pending.set(loginId, { flow, tenantId, serverId, slug, principalId, expiresAt, comesBack })
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
    const server = await this.#find(principal, idOrSlug)
    const { id: serverId } = server
    const principalId = this.#ownerOf(principal, server)
    const pending = this.#pending.get(loginId)
    const isOurs =
      pending?.tenantId === principal.tenantId &&
      pending.serverId === serverId &&
      pending.principalId === principalId
    if (pending === undefined || !isOurs || pending.expiresAt <= this.#now()) {
      throw loginNotFound()
    }
    await this.#finish(loginId, pending, answer)
    return serverId
  }

  async #finish(
    loginId: string,
    { flow, principalId, serverId, tenantId }: PendingLogin,
    answer: AuthorizationAnswer,
  ): Promise<void> {
    this.#pending.delete(loginId)
    const { database, network, vault, catchUp } = this.#options
    const content = await finishFlow(network, flow, answer)
    const key = { serverId, principalId }
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
  }

  /**
   * Forgets the login of a server; its tokens are gone.
   *
   * @returns false: there was none.
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ForbiddenError} `role_too_low`.
   */
  async forget(principal: Principal, idOrSlug: string): Promise<boolean> {
    const server = await this.#find(principal, idOrSlug)
    const key = { serverId: server.id, principalId: this.#ownerOf(principal, server) }
    const { database, catchUp } = this.#options
    const isForgotten = await database.tenantSession(principal.tenantId, (session) =>
      new UpstreamGrantRepository(session).delete(key),
    )
    await catchUp()
    return isForgotten
  }

  /** The login that there is; undefined also when it cannot be opened any more. */
  async #held(owner: GrantOwner): Promise<GrantContent | undefined> {
    const { database, vault } = this.#options
    const stored = await database.tenantSession(owner.tenantId, (session) =>
      new UpstreamGrantRepository(session).get(owner),
    )
    try {
      return stored && vault.open(owner, stored.ciphertext)
    } catch (error) {
      if (UnsealError.is(error)) return undefined
      throw error
    }
  }

  /** Whose the login is: everybody's, which takes an operator, or the principal's own. */
  #ownerOf(principal: Principal, { settings }: ServerRecord): string {
    if (settings.login === 'principal') return this.#options.isOpen === true ? GRANT_PRINCIPAL : principal.id
    requireRole(principal, 'operator')
    return GRANT_PRINCIPAL
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

const loginNotFound = (): NotFoundError =>
  new NotFoundError('login_not_found', 'there is no such login, or it took too long; begin again')

/** By number and not by name: a name could be made to lead elsewhere (RFC 8252, section 8.3). */
const isLoopbackRedirect = (redirectUri: string): boolean => {
  const url = URL.parse(redirectUri)
  const isLoopback = url?.hostname === '127.0.0.1' || url?.hostname === '[::1]'
  return url?.protocol === 'http:' && isLoopback && url.username === '' && url.hash === ''
}

const requireLoopbackRedirect = (redirectUri: string): void => {
  if (isLoopbackRedirect(redirectUri)) return
  throw new ValidationError([
    {
      path: 'redirectUri',
      message: 'must be a port of this machine, such as http://127.0.0.1:40123/callback',
    },
  ])
}
