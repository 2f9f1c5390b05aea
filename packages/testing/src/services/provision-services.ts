import { acquirePostgresServer } from './postgres-server.ts'
import { acquireRedisServer } from './redis-server.ts'
import { createRunDatabase, dropRunDatabases } from './run-database.ts'
import { createRunId } from './run-id.ts'
import { removeLeftOverKeys, removeRunKeys } from './run-keys.ts'
import type { Report } from './test-server.ts'

/** What one test run has for itself. */
export interface TestServices {
  /** A database of its own, removed at the end. */
  readonly databaseUrl: string
  readonly redisUrl: string
  /** Every Redis key of the run begins with this; they are removed at the end. */
  readonly redisPrefix: string
  /** Removes what belongs to the run and ends the servers that it started. Idempotent. */
  release(): Promise<void>
}

/** Where the servers come from. Both default to what is on this machine. */
export interface ProvisionOptions {
  readonly postgres?: Omit<Parameters<typeof acquirePostgresServer>[0], 'report'> | undefined
  readonly redis?: Omit<Parameters<typeof acquireRedisServer>[0], 'report'> | undefined
  /** Receives progress lines. Default: stderr. */
  readonly report?: Report | undefined
}

/**
 * Brings up PostgreSQL and Redis for one test run.
 * @throws ServiceUnavailableError when one of them cannot be had; nothing is left running then
 */
export async function provisionServices(options: ProvisionOptions = {}): Promise<TestServices> {
  const report = options.report ?? ((line) => void process.stderr.write(`test services: ${line}\n`))
  const undo: (() => Promise<void>)[] = []
  const release = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      // One step that fails (say, the server was stopped under us) must not keep the others from being taken.
      await step().catch((error: unknown) => report(`while clearing up: ${String(error)}`))
    }
  }
  try {
    const runId = createRunId()
    const postgres = await acquirePostgresServer({ ...options.postgres, report })
    undo.push(() => postgres.stop())
    const redis = await acquireRedisServer({ ...options.redis, report })
    undo.push(() => redis.stop())

    const databaseUrl = await createRunDatabase(postgres.url, runId)
    undo.push(() => dropRunDatabases(postgres.url, runId))
    const redisPrefix = `${runId}:`
    await removeLeftOverKeys(redis.url)
    undo.push(() => removeRunKeys(redis.url, redisPrefix))
    report(`PostgreSQL ${postgres.origin}, Redis ${redis.origin}; this run is ${runId}`)
    return { databaseUrl, redisUrl: redis.url, redisPrefix, release }
  } catch (error) {
    await release()
    throw error
  }
}
