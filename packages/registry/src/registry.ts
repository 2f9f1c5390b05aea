import { isDeepStrictEqual } from 'node:util'

import {
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
  type RegistryDatabase,
  ServerRepository,
  type ServerStatistics,
  StatisticsRepository,
} from '@mreg/repositories'

import type { ChangeFeed } from './change-feed.ts'
import { admitServer, createServer, type CreateServerOptions } from './create-server.ts'
import { findServer } from './find-server.ts'
import { type HealthView, healthView } from './health-view.ts'
import { answerOnce } from './idempotency.ts'
import { recogniseEndpoints } from './known-endpoints.ts'
import {
  admitAll,
  allRegistered,
  type RegisteredServers,
  registerEach,
  type ServersInput,
  serversInputSchema,
} from './register-many.ts'
import { requireManagedByApi } from './require-managed-by-api.ts'
import { isCommand, sealEndpoints } from './seal-endpoints.ts'
import { type ServerInput, type ServerPatch, serverPatchSchema } from './server-input.ts'
import { type ServerChecker, ServerProbes } from './server-probes.ts'
import { type LiveStates, type ServerView, serverView } from './server-view.ts'

export interface RegistryOptions extends CreateServerOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly changes: ChangeFeed
  readonly checker: ServerChecker
  /** Is told of each change; undefined: nobody is. */
  readonly events?: EventBus<GatewayEvents> | undefined
  /** Tells what the processes of endpoints are doing; undefined: nobody knows. */
  readonly live?: LiveStates | undefined
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
  readonly #probes: ServerProbes

  constructor(options: RegistryOptions) {
    this.#options = options
    this.#probes = new ServerProbes({ ...options, logger: options.logger ?? silentLogger })
  }

  /**
   * Registers a server and begins to probe it. A server that cannot be reached is registered all the
   * same; its state will say so.
   *
   * @param idempotencyKey chosen by the caller, for a request that may come twice: the second time is answered like the first,
   * and registers nothing. Undefined: each request is one of its own.
   * @throws {ValidationError} the input or the key is wrong.
   * @throws {ConflictError} `server_slug_taken`, `too_many_servers`, or `idempotency_key_reused`.
   * @throws {ForbiddenError} the principal may not register servers; a command needs an administrator.
   */
  async register(
    principal: Principal,
    input: ServerInput,
    { idempotencyKey }: { readonly idempotencyKey?: string | undefined } = {},
  ): Promise<ServerView> {
    const wanted = admitServer(principal, input)
    const registered: ServerRecord[] = []
    const view = await this.#write(principal, (session) =>
      answerOnce(
        session,
        this.#options.sealer,
        { principal, idempotencyKey, about: ['register', input] },
        async () => {
          const server = await createServer(session, wanted, this.#options)
          registered.push(server)
          return serverView(server, [], this.#options.live)
        },
      ),
    )
    this.#begin(principal, registered)
    return view
  }

  /**
   * Registers several servers: all or none of them, or each by itself.
   *
   * @throws {ValidationError} there is none, or more than 1,000; `atomic`: an input is wrong, and `faults` says which.
   * @throws {ConflictError} `atomic`: `server_slug_taken` or `too_many_servers`.
   * @throws {ForbiddenError} the principal may not register servers; `atomic`: a command needs an administrator.
   */
  async registerMany(principal: Principal, input: ServersInput): Promise<RegisteredServers> {
    requireRole(principal, 'operator')
    const { items, mode } = parseInput(serversInputSchema, input)
    if (mode === 'each') {
      return registerEach(items, (item) => this.register(principal, item))
    }
    const wanted = admitAll(items, (item) => admitServer(principal, item))
    const registered = await this.#write(principal, async (session) => {
      const servers: ServerRecord[] = []
      // One after the other: a transaction runs one statement at a time.
      for (const one of wanted) servers.push(await createServer(session, one, this.#options))
      return servers
    })
    this.#begin(principal, registered)
    return allRegistered(registered.map((server) => serverView(server, [], this.#options.live)))
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
      const sealed = endpoints && (await sealEndpoints(session, this.#options.sealer, endpoints))
      return new ServerRepository(session).update(
        id,
        { ...fields, endpoints: sealed && recogniseEndpoints(sealed, known) },
        { expectedRevision: revision },
      )
    })
    this.#tell('server-updated', principal, server)
    this.#probes.later(server)
    return this.get(principal, server.id)
  }

  /**
   * @param revision that the caller has seen; undefined: whatever is there is removed.
   * @throws {NotFoundError} `server_not_found`.
   * @throws {ConflictError} `revision_mismatch`, or `managed_by_…`.
   */
  async remove(
    principal: Principal,
    idOrSlug: string,
    { revision }: { readonly revision?: number | undefined } = {},
  ): Promise<void> {
    requireRole(principal, 'operator')
    const removed = await this.#write(principal, async (session) => {
      const server = requireManagedByApi(await findServer(session, idOrSlug))
      await new ServerRepository(session).delete(server.id, { expectedRevision: revision })
      return server
    })
    this.#tell('server-removed', principal, removed)
  }

  /** Probes a server now, and gives what was found. */
  async probe(principal: Principal, idOrSlug: string): Promise<ServerView> {
    requireRole(principal, 'operator')
    const server = await this.#read(principal, (session) => findServer(session, idOrSlug))
    await this.#probes.now(server)
    return this.get(principal, server.id)
  }

  /** Waits for probes that are under way; they are cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#probes[Symbol.asyncDispose]()
  }

  #begin(principal: Principal, registered: readonly ServerRecord[]): void {
    for (const server of registered) {
      this.#tell('server-registered', principal, server)
      this.#probes.later(server)
    }
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
}
