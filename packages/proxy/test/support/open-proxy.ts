import { randomBytes, randomUUID } from 'node:crypto'

import { KeyRing } from '@mreg/access'
import type { Cache } from '@mreg/cache'
import { type Logger, type ServerSettings, silentLogger } from '@mreg/core'
import { HttpPool, type HttpPoolOptions } from '@mreg/http-pool'
import type { RegisteredServer } from '@mreg/registry'
import {
  type CredentialSource,
  type EraFinding,
  LegacySessions,
  noCredentials,
  SessionTombstones,
  type StdioLimits,
  Upstreams,
  type UpstreamsOptions,
} from '@mreg/upstream'

import {
  type Fallback,
  ProcessLine,
  RouteTable,
  ServerProxy,
  type ServerProxyOptions,
  SessionTokens,
  type Traffic,
} from '../../src/index.ts'

export interface ProxyOptions {
  /** The master keys; the same ones make proxies that understand each other's tokens. */
  readonly keys?: readonly string[] | undefined
  readonly timeouts?: Partial<ProxyTimeouts> | undefined
  readonly breaker?:
    | { readonly failureThreshold: number; readonly openMs: number; readonly maxOpenMs: number }
    | undefined
  /** What its circuits share with others. Default: nothing. */
  readonly circuits?: UpstreamsOptions['circuits']
  readonly connectTimeoutMs?: number | undefined
  /** How the names of servers are resolved. Default: as this machine does. */
  readonly names?: HttpPoolOptions['names']
  readonly maxMessageBytes?: number | undefined
  readonly maxJsonDepth?: number | undefined
  /** Sessions remembered at once. Default 100. */
  readonly maxSessions?: number | undefined
  /** Of them, those of one principal, and of one tenant. Default: as many as all. */
  readonly maxPerPrincipal?: number | undefined
  readonly maxPerTenant?: number | undefined
  readonly credentials?: CredentialSource | undefined
  readonly bridge?: ServerProxyOptions['bridge']
  /** What every server that is registered is known to speak; undefined: nothing is known. */
  readonly era?: EraFinding | undefined
  /** Whether servers that are commands can be used, and with which limits other than these. Default false. */
  readonly withProcesses?: boolean | Partial<StdioLimits> | undefined
  readonly logger?: Logger | undefined
  /** What it shares with other proxies. Default: nothing. */
  readonly cache?: Cache | undefined
  /** Default: nobody counts. */
  readonly traffic?: Traffic | undefined
  /** Default: nothing stands in for a failure. */
  readonly fallback?: Fallback | undefined
  /** The clock of the tokens, in milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

interface ProxyTimeouts {
  readonly requestMs: number
  readonly toolCallMs: number
  readonly streamAfterMs: number
  readonly heartbeatMs: number
  readonly sessionMs: number
}

export interface OpenProxy extends AsyncDisposable {
  readonly proxy: ServerProxy
  readonly routes: RouteTable
  readonly upstreams: Upstreams
  readonly sessions: LegacySessions
  readonly pool: HttpPool
  /** Registers `servers` beside those that are there; endpoints that go are retired, as in the gateway. */
  register(...servers: readonly RegisteredServer[]): void
}

/** Everything that answers MCP clients, put together as the gateway does it. */
export const openProxy = (options: ProxyOptions = {}): OpenProxy => {
  const timeouts: ProxyTimeouts = {
    requestMs: 5000,
    toolCallMs: 5000,
    streamAfterMs: 2000,
    heartbeatMs: 2000,
    sessionMs: 60_000,
    ...options.timeouts,
  }
  const logger = options.logger ?? silentLogger
  const pool = new HttpPool({ closeTimeoutMs: 100, names: options.names })
  const upstreams = new Upstreams({
    pool,
    credentials: options.credentials ?? noCredentials,
    breaker: options.breaker ?? { failureThreshold: 5, openMs: 60_000, maxOpenMs: 60_000 },
    circuits: options.circuits,
    connectTimeoutMs: options.connectTimeoutMs ?? 500,
    maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
    stdio:
      options.withProcesses === undefined || options.withProcesses === false
        ? undefined
        : {
            limits: { ...PROCESS_LIMITS, ...(options.withProcesses === true ? {} : options.withProcesses) },
            clientInfo: { name: 'mreg', version: '1.0.0' },
          },
    logger,
  })
  const keys = new KeyRing(options.keys ?? [randomBytes(32).toString('base64url')])
  const routes = new RouteTable()
  const tombstones =
    options.cache &&
    new SessionTombstones({ cache: options.cache, tombstoneMs: timeouts.sessionMs, maxPending: 100 })
  const sessions = new LegacySessions({
    maxSessions: options.maxSessions ?? 100,
    maxPerPrincipal: options.maxPerPrincipal ?? options.maxSessions,
    maxPerTenant: options.maxPerTenant ?? options.maxSessions,
    idleMs: 60_000,
    tombstoneMs: timeouts.sessionMs,
    tombstones,
  })
  const requestStates = keys.sealer('request-state')
  const line = options.cache && new ProcessLine({ cache: options.cache, sealer: requestStates })
  const proxy = new ServerProxy({
    line,
    routes,
    upstreams,
    sessions,
    tokens: new SessionTokens({
      sealer: keys.sealer('session-token'),
      lifetimeMs: timeouts.sessionMs,
      ...(options.now === undefined ? {} : { now: options.now }),
    }),
    requestStates,
    bridge: options.bridge,
    fallback: options.fallback,
    traffic: options.traffic,
    limits: { maxJsonDepth: options.maxJsonDepth ?? 64 },
    timeouts,
    logger,
  })
  return {
    proxy,
    routes,
    upstreams,
    sessions,
    pool,
    register: (...servers) => {
      const gone = routes.apply({ changed: servers, removed: [], complete: false })
      for (const endpointId of gone) upstreams.retire(endpointId)
      if (options.era === undefined) return
      for (const target of routes.targets()) upstreams.endpoint(target).era.learn(options.era)
    },
    async [Symbol.asyncDispose]() {
      await line?.[Symbol.asyncDispose]()
      await tombstones?.[Symbol.asyncDispose]()
      await upstreams[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}

const PROCESS_LIMITS: StdioLimits = {
  startMs: 60_000,
  packageStartMs: 60_000,
  maxStarting: 3,
  writeMs: 10_000,
  stopMs: 500,
  idleMs: 60_000,
  restartMs: 300,
  maxRestartMs: 2000,
  maxProcesses: 100,
  maxProcessesPerServer: 50,
}

export interface ServerFields {
  readonly id?: string
  readonly tenantId?: string
  readonly slug?: string
  readonly revision?: number
  readonly settings?: ServerSettings
  /** Default: as the address says. */
  readonly transport?: 'sse' | undefined
  /** It is reached by this command, and not by a URL. */
  readonly command?: { readonly command: string; readonly args: readonly string[] } | undefined
  /** Identifiers of the endpoints, in the order of their URLs. Default: new ones. */
  readonly endpointIds?: readonly string[]
  /** Their weights, in the same order. Default: 1 each. */
  readonly weights?: readonly number[]
}

/** A server as the registry tells of it. */
export const registered = (url: string | readonly string[], fields: ServerFields = {}): RegisteredServer => {
  const id = fields.id ?? randomUUID()
  const { command } = fields
  const urls = typeof url === 'string' ? [url] : url
  const addresses = command === undefined ? urls : [undefined]
  return {
    id,
    tenantId: fields.tenantId ?? 'default',
    slug: fields.slug ?? 'fixture',
    title: undefined,
    description: undefined,
    version: undefined,
    tags: [],
    visibility: 'private',
    status: 'unknown',
    maintenance: false,
    settings: fields.settings ?? {},
    managedBy: 'api',
    revision: fields.revision ?? 1,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    endpoints: addresses.map((address, index) => ({
      id: fields.endpointIds?.[index] ?? randomUUID(),
      serverId: id,
      transport: fields.transport ?? (command === undefined ? 'streamable-http' : 'stdio'),
      url: address,
      command: command?.command,
      args: command?.args,
      cwd: undefined,
      weight: fields.weights?.[index] ?? 1,
      headerNames: [],
      envNames: [],
      secretId: undefined,
      secret: undefined,
    })),
  }
}
