import type { Logger, Settings } from '@mreg/core'
import type { DatabasePool, QueryEvent } from '@mreg/db-pool'
import { createPglitePool, type RecoveryReport } from '@mreg/db-pool/pglite'
import type { RegistryDatabase } from '@mreg/repositories'
import { ContainerModule } from 'inversify'

import type { Drivers } from '../drivers.ts'
import {
  DatabaseToken,
  DriversToken,
  FactsToken,
  LoggerToken,
  type ProcessFacts,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'

/** The database: a pool over PostgreSQL, or PGlite in the data directory or in memory. */
export const database: ContainerModule = new ContainerModule(({ bind }) => {
  bind(DatabaseToken).toResolvedValue(
    (settings, facts, drivers, logger, resources) =>
      resources.use(createPool(settings, facts, drivers, logger)),
    [SettingsToken, FactsToken, DriversToken, LoggerToken, ResourcesToken],
  )
})

/** What a demand for TLS means to the pool; `prefer` leaves it to the URL. */
const TLS = { require: true, prefer: undefined, off: false } as const

/** There is one connection, which a dump has for a second or more: whoever comes meanwhile waits rather than fails. */
const EMBEDDED_ACQUIRE_MS = 15_000

const createPool = (
  { store, database: limits }: Settings,
  facts: ProcessFacts,
  { createPostgresPool }: Drivers,
  logger: Logger,
): DatabasePool<RegistryDatabase> => {
  const shared = {
    acquireTimeoutMs: limits.acquireMs,
    onBackgroundError: (error: unknown, source: string) =>
      logger.warn('the database connection failed', { source, error }),
    ...(limits.logStatements
      ? {
          onQuery: ({ sql, durationMs }: QueryEvent) =>
            logger.debug('statement', { sql, durationMs: Math.round(durationMs) }),
        }
      : {}),
  }
  if (store.kind === 'postgres' && createPostgresPool !== undefined) {
    return createPostgresPool({
      ...shared,
      connectionString: store.url ?? '',
      listenConnectionString: store.listenUrl,
      minConnections: limits.minConnections,
      maxConnections: limits.maxConnections,
      statementTimeoutMs: limits.statementMs,
      // The server gives up first; waiting longer than that keeps the connection usable.
      queryTimeoutMs: limits.statementMs + 1000,
      tls: TLS[limits.tls],
      applicationName: 'mreg',
    })
  }
  return createPglitePool({
    ...shared,
    acquireTimeoutMs: Math.max(limits.acquireMs, EMBEDDED_ACQUIRE_MS),
    ...(store.kind === 'embedded' ? { dataDirectory: facts.databaseDirectory } : {}),
    initialDataDirectory: facts.initialDatabase,
    onRecovery: (report) => logRecovery(report, logger),
  })
}

/** Loud: what was stored after the dump is missing until somebody looks. */
const logRecovery = (report: RecoveryReport, logger: Logger): void => {
  const { movedTo, reason, restoredAsOf, restoredFrom, unusableDumps } = report
  const files = movedTo === undefined ? '' : `; its files are in ${movedTo}`
  const now =
    restoredFrom === undefined
      ? 'there was no dump to restore, so it is EMPTY now'
      : `it was restored as of ${restoredAsOf?.toISOString()}, and what changed later is missing`
  logger.error(`the embedded database could not be read (${reason})${files}; ${now}`, {
    event: 'database-recovered',
    reason,
    movedTo,
    restoredFrom,
    unusableDumps,
  })
}
