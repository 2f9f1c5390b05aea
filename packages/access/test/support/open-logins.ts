import type { Logger, Principal } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { createPglitePool } from '@mreg/db-pool/pglite'
import { createEgressGuard, HttpPool, NameResolver } from '@mreg/http-pool'
import {
  migrations,
  type RegistryDatabase,
  ServerRepository,
  SnapshotRepository,
  TenantRepository,
} from '@mreg/repositories'

import {
  createLoginNetwork,
  GrantVault,
  KeyRing,
  type LoginNetwork,
  UpstreamGrants,
  UpstreamLogins,
} from '../../src/index.ts'

export const ADMINISTRATOR: Principal = { id: 'admin', tenantId: 'default', role: 'admin', kind: 'key' }

export const REDIRECT_URI = 'http://127.0.0.1:40123/callback'

/** Logins and grants over a database without servers, as in a gateway. */
export interface OpenLogins extends AsyncDisposable {
  readonly database: DatabasePool<RegistryDatabase>
  readonly network: LoginNetwork
  readonly logins: UpstreamLogins
  readonly grants: UpstreamGrants
  /** Everything that was logged, as text. */
  readonly log: readonly string[]
  /** Registers a server and gives its id. */
  register(slug: string, url: string): Promise<string>
  /** A second process on the same database. */
  another(): UpstreamGrants
  catchUp(): Promise<void>
}

type Database = DatabasePool<RegistryDatabase>

/** A database for all tests of a file: to make one takes long. */
export const openDatabase = async (): Promise<Database> => {
  const database: Database = createPglitePool({ acquireTimeoutMs: 15_000 })
  await database.initialize()
  await database.migrate(migrations)
  await database.systemSession('set up a test', (session) => new TenantRepository(session).ensure('default'))
  return database
}

export const openLogins = async (
  database: Database,
  options: { readonly now?: () => number; readonly sweepMs?: number } = {},
): Promise<OpenLogins> => {
  // Their grants go with them.
  await database.systemSession('set up a test', ({ kysely }) => kysely.deleteFrom('servers').execute())
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const publicPool = new HttpPool({ closeTimeoutMs: 100, egress: createEgressGuard() })
  const { lookup } = new NameResolver()
  const network = createLoginNetwork({ pool, publicPool, lookup })
  const vault = new GrantVault(new KeyRing(['test key']))
  const log: string[] = []
  const all: UpstreamGrants[] = []
  const read = async (): Promise<void> => {
    const changed = await database.systemSession('test', (session) =>
      new SnapshotRepository(session).allServers(),
    )
    for (const grants of all) grants.apply({ changed, removed: [], complete: true })
  }
  const open = (): UpstreamGrants => {
    const { sweepMs = 60_000 } = options
    const grants = new UpstreamGrants({
      database,
      vault,
      network,
      catchUp: read,
      sweepMs,
      logger: loggerInto(log),
    })
    all.push(grants)
    return grants
  }
  return {
    database,
    network,
    log,
    grants: open(),
    another: open,
    catchUp: read,
    logins: new UpstreamLogins({ database, vault, network, catchUp: read, now: options.now }),
    register: async (slug, url) => {
      const { id } = await database.tenantSession('default', (session) =>
        new ServerRepository(session).create({ slug, endpoints: [{ transport: 'streamable-http', url }] }),
      )
      return id
    },
    async [Symbol.asyncDispose]() {
      for (const grants of all) await grants[Symbol.asyncDispose]()
      await Promise.all([pool.close(), publicPool.close()])
    },
  }
}

const loggerInto = (log: string[]): Logger => {
  const write: Logger['info'] = (message, fields) => {
    log.push(`${message} ${describe(fields)}`)
  }
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}

/** An error as a log shows it: with its causes and all fields. */
const describe = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Error
      ? { fields: Object.entries(inner), stack: inner.stack, cause: inner.cause }
      : inner,
  ) ?? ''

/** All that an error holds, as text. */
export const everythingIn = describe

/** What `promise` was rejected with. */
export const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was fulfilled')
}
