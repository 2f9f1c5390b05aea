import type { GatewayKeys } from '@mreg/access'
import type { Cache } from '@mreg/cache'
import type { EndpointProbe, EventBus, GatewayEvents, Logger, Settings } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import type { ServerChecker } from '@mreg/registry'
import type { RegistryDatabase } from '@mreg/repositories'
import type { EndpointTarget } from '@mreg/upstream'

import type { Drivers } from './drivers.ts'
import { type Token, token } from './token.ts'

/**
 * Asks one endpoint whether it works. Never throws for what the endpoint does.
 *
 * @param isRoutine nobody asked in particular: no process is started that is not needed. Default false.
 */
export type EndpointProber = (
  target: EndpointTarget,
  signal: AbortSignal,
  isRoutine?: boolean,
) => Promise<EndpointProbe>

/** What a process knows before anything is built. */
export interface ProcessFacts {
  /** A gateway owns the children of stdio servers and answers clients; a worker only watches. */
  readonly role: 'gateway' | 'worker'
  readonly version: string
  /** Where the embedded database lives. */
  readonly databaseDirectory: string
  /** Where the process keeps what it knows, so that it can serve without the database; undefined: nowhere. */
  readonly snapshotDirectory?: string | undefined
  /** Where audit events wait while the database is away; undefined: in memory. */
  readonly auditDirectory?: string | undefined
  /** A data directory of the embedded database on which all migrations have run; undefined: a new one is made step by step. */
  readonly initialDatabase?: (() => Promise<Blob>) | undefined
}

export const SettingsToken: Token<Settings> = token('Settings')
export const LoggerToken: Token<Logger> = token('Logger')
export const FactsToken: Token<ProcessFacts> = token('ProcessFacts')
export const KeysToken: Token<GatewayKeys> = token('GatewayKeys')
export const DriversToken: Token<Drivers> = token('Drivers')
export const EventsToken: Token<EventBus<GatewayEvents>> = token('Events')
export const DatabaseToken: Token<DatabasePool<RegistryDatabase>> = token('Database')
export const CacheToken: Token<Cache> = token('Cache')
export const CheckerToken: Token<ServerChecker> = token('ServerChecker')
export const ProbeToken: Token<EndpointProber> = token('EndpointProber')
/** Begins to watch all servers, and to notice when the machine has slept. */
export const WatchToken: Token<() => void> = token('Watch')

/** Everything that the container opens, in the order of construction; disposed of in reverse. */
export const ResourcesToken: Token<AsyncDisposableStack> = token('Resources')
