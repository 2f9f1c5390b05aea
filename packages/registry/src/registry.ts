import { isDeepStrictEqual } from 'node:util'

import {
  ConflictError,
  type EventBus,
  type GatewayEvents,
  type Logger,
  parseInput,
  type Principal,
  requireRole,
  type ServerRecord,
  type ServerStatus,
  silentLogger,
  type TransportKind,
} from '@mreg/core'
import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  EndpointProbeRepository,
  HealthCheckRepository,
  type NewEndpoint,
  newEntityId,
  type RegistryDatabase,
  SecretRepository,
  ServerRepository,
  type ServerStatistics,
  StatisticsRepository,
} from '@mreg/repositories'

import type { ChangeFeed } from './change-feed.ts'
import { findServer } from './find-server.ts'
import { type HealthView, healthView } from './health-view.ts'
import { recogniseEndpoints } from './known-endpoints.ts'
import { requireManagedByApi } from './require-managed-by-api.ts'
import {
  type EndpointInput,
  type ServerInput,
  serverInputSchema,
  type ServerPatch,
  serverPatchSchema,
} from './server-input.ts'
import { type LiveStates, type ServerView, serverView } from './server-view.ts'

/** Seals what must not be kept in the clear; `access` has the real one. */
export interface CredentialSealer {
  seal(
    owner: { readonly tenantId: string; readonly secretId: string },
    credentials: {
      readonly headers: Readonly<Record<string, string>>
      readonly environment: Readonly<Record<string, string>>
    },
  ): { readonly keyId: string; readonly ciphertext: Uint8Array }
}

/** Asks the endpoints of a server whether they work, and keeps what was found; `health` has the real one. */
export type ServerChecker = (server: ServerRecord, signal: AbortSignal) => Promise<void>

export interface RegistryOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly changes: ChangeFeed
  readonly sealer: CredentialSealer
  readonly checker: ServerChecker
  /** Is told of each change; undefined: nobody is. */
  readonly events?: EventBus<GatewayEvents> | undefined
  /** Tells what the processes of endpoints are doing; undefined: nobody knows. */
  readonly live?: LiveStates | undefined
  /** The most servers that a tenant may register. Default: any number. */
  readonly maxServersPerTenant?: number | undefined
  readonly logger?: Logger | undefined
}

/** How many servers there are, by status and by transport. */
export type ServerCounts = ServerStatistics

/** Which servers to list. */
export interface ServerQuery {
  readonly q?: string | undefined
  readonly tag?: string | undefined
  readonly transport?: TransportKind | undefined
  readonly status?: ServerStatus | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

type Session = TenantSession<RegistryDatabase>

/** What is registered: the one door for everything that changes it. A change is served as soon as it has been answered. */
export class Registry implements AsyncDisposable {
  readonly #options: RegistryOptions
  readonly #logger: Logger
  readonly #ending = new AbortController()
  readonly #probes = new Set<Promise<void>>()

  constructor(options: RegistryOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /**
   * Registers a server and begins to probe it. A server that cannot be reached is registered all the
   * same; its state will say so.
   *
   * @throws {ValidationError} the input is wrong.
   * @throws {ConflictError} `server_slug_taken` or `too_many_servers`.
   * @throws {ForbiddenError} the principal may not register servers; a command needs an administrator.
   */
  async register(principal: Principal, input: ServerInput): Promise<ServerView> {
    requireRole(principal, 'operator')
    const { endpoints, ...fields } = parseInput(serverInputSchema, input)
    if (endpoints.some(isCommand) || fields.settings.changes !== undefined) requireRole(principal, 'admin')
    const server = await this.#write(principal, async (session) => {
      const servers = new ServerRepository(session)
      const created = await servers.create({
        ...fields,
        managedBy: 'api',
        endpoints: await this.#sealEndpoints(session, endpoints),
      })
      await this.#requireRoom(servers)
      return created
    })
    this.#tell('server-registered', principal, server)
    this.#probeLater(server)
    return serverView(server, [], this.#options.live)
  }

  /** @throws {NotFoundError} `server_not_found`. */
  async get(principal: Principal, idOrSlug: string): Promise<ServerView> {
    return this.#read(principal, async (session) => this.#view(session, await findServer(session, idOrSlug)))
  }

  /**
   * How a server is doing, and a page of what its probes found, newest first.
   *
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async health(
    principal: Principal,
    idOrSlug: string,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<HealthView> {
    return this.#read(principal, async (session) => {
      const server = await findServer(session, idOrSlug)
      const history = await new HealthCheckRepository(session).listForServer(server.id, page)
      return healthView(await this.#view(session, server), history)
    })
  }

  /** How many servers the tenant of a principal has. */
  async count(principal: Principal): Promise<ServerCounts> {
    return this.#read(principal, (session) => new ServerRepository(session).statistics())
  }

  /** How many servers each tenant has that has ever had one. For the administrator of the installation. */
  async countByTenant(): Promise<ReadonlyMap<string, ServerCounts>> {
    const { byTenant } = await this.#options.database.systemSession(
      'count the servers of all tenants',
      (session) => new StatisticsRepository(session).servers(),
    )
    return byTenant
  }

  /** A page of the servers, ordered by slug. */
  async list(
    principal: Principal,
    query: ServerQuery,
  ): Promise<{ items: ServerView[]; nextCursor?: string }> {
    return this.#read(principal, async (session) => {
      const page = await new ServerRepository(session).list(query)
      const probes = await new EndpointProbeRepository(session).forServers(page.items.map(({ id }) => id))
      const items = page.items.map((server) =>
        serverView(server, probes.get(server.id) ?? [], this.#options.live),
      )
      return page.nextCursor === undefined ? { items } : { items, nextCursor: page.nextCursor }
    })
  }

  /**
   * Changes a server.
   *
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ConflictError} `revision_mismatch`, or `managed_by_…` when something else than the API manages it.
   * @throws {ForbiddenError} the principal may not change servers; a command, who shares it, or what becomes of its
   * changes, needs an administrator.
   */
  async update(principal: Principal, idOrSlug: string, patch: ServerPatch): Promise<ServerView> {
    requireRole(principal, 'operator')
    const { endpoints, revision, ...fields } = parseInput(serverPatchSchema, patch)
    const server = await this.#write(principal, async (session) => {
      const { id, endpoints: known, settings } = requireManagedByApi(await findServer(session, idOrSlug))
      const isAboutCommands =
        (endpoints !== undefined && [...known, ...endpoints].some(isCommand)) ||
        (fields.settings !== undefined &&
          fields.settings.isolation !== settings.isolation &&
          known.some(isCommand))
      const isAboutChanges =
        fields.settings !== undefined && !isDeepStrictEqual(fields.settings.changes, settings.changes)
      if (isAboutCommands || isAboutChanges) requireRole(principal, 'admin')
      const sealed = endpoints && (await this.#sealEndpoints(session, endpoints))
      return new ServerRepository(session).update(
        id,
        { ...fields, endpoints: sealed && recogniseEndpoints(sealed, known) },
        { expectedRevision: revision },
      )
    })
    this.#tell('server-updated', principal, server)
    this.#probeLater(server)
    return this.get(principal, server.id)
  }

  /** @throws {NotFoundError} `server_not_found`. */
  async remove(principal: Principal, idOrSlug: string): Promise<void> {
    requireRole(principal, 'operator')
    const removed = await this.#write(principal, async (session) => {
      const server = requireManagedByApi(await findServer(session, idOrSlug))
      await new ServerRepository(session).delete(server.id)
      return server
    })
    this.#tell('server-removed', principal, removed)
  }

  /** Probes a server now, and gives what was found. */
  async probe(principal: Principal, idOrSlug: string): Promise<ServerView> {
    requireRole(principal, 'operator')
    const server = await this.#read(principal, (session) => findServer(session, idOrSlug))
    await this.#probe(server)
    return this.get(principal, server.id)
  }

  /** Waits for probes that are under way; they are cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#probes)
  }

  #tell(
    type: 'server-registered' | 'server-updated' | 'server-removed',
    principal: Principal,
    { id, tenantId, slug }: ServerRecord,
  ): void {
    this.#options.events?.emit(type, { tenantId, serverId: id, slug, principalId: principal.id })
  }

  #read<Result>(principal: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#options.database.tenantSession(principal.tenantId, work)
  }

  /** A change, after which everything in this process that follows the registry knows it. */
  async #write<Result>(principal: Principal, work: (session: Session) => Promise<Result>): Promise<Result> {
    const result = await this.#read(principal, work)
    await this.#options.changes.catchUp()
    return result
  }

  async #view(session: Session, server: ServerRecord): Promise<ServerView> {
    const probes = await new EndpointProbeRepository(session).forServer(server.id)
    return serverView(server, probes, this.#options.live)
  }

  /** Counted after the new one is there: the tenant is locked by then, so that nobody counts at the same time. */
  async #requireRoom(servers: ServerRepository): Promise<void> {
    const { maxServersPerTenant = Infinity } = this.#options
    if (maxServersPerTenant === Infinity || (await servers.statistics()).total <= maxServersPerTenant) return
    throw new ConflictError(
      'too_many_servers',
      `the tenant has ${maxServersPerTenant} servers, as many as limits.maxServersPerTenant allows: remove some`,
    )
  }

  async #sealEndpoints(session: Session, endpoints: readonly EndpointInput[]): Promise<NewEndpoint[]> {
    const secrets = new SecretRepository(session)
    const sealed: NewEndpoint[] = []
    // One after the other: a transaction runs one statement at a time.
    for (const input of endpoints) {
      const { credentials, endpoint } = withoutCredentials(input)
      const headerNames = Object.keys(credentials.headers).map((name) => name.toLowerCase())
      const envNames = Object.keys(credentials.environment)
      const secretId = headerNames.length + envNames.length === 0 ? undefined : newEntityId()
      if (secretId !== undefined) {
        const owner = { tenantId: session.tenantId, secretId }
        await secrets.put({ id: secretId, ...this.#options.sealer.seal(owner, credentials) })
      }
      sealed.push({ ...endpoint, headerNames, envNames, secretId })
    }
    return sealed
  }

  #probeLater(server: ServerRecord): void {
    const probe = this.#probe(server)
      .catch((error: unknown) =>
        this.#logger.warn('the result of a probe could not be kept', { server: server.slug, error }),
      )
      .finally(() => this.#probes.delete(probe))
    this.#probes.add(probe)
  }

  async #probe(server: ServerRecord): Promise<void> {
    const { changes, checker } = this.#options
    await checker(server, this.#ending.signal)
    // A new status is a change: who asks next is told of it.
    if (!this.#ending.signal.aborted) await changes.catchUp()
  }
}

/** Running a command is running anything: not for operators. */
const isCommand = ({ transport }: { readonly transport: TransportKind }): boolean => transport === 'stdio'

/** What is sealed of an endpoint, and the rest. */
const withoutCredentials = (
  input: EndpointInput,
): {
  readonly credentials: Parameters<CredentialSealer['seal']>[1]
  readonly endpoint: NewEndpoint
} => {
  if (input.transport === 'stdio') {
    const { env: environment = {}, ...endpoint } = input
    return { credentials: { headers: {}, environment }, endpoint }
  }
  const { headers = {}, ...endpoint } = input
  return { credentials: { headers, environment: {} }, endpoint }
}
