import { createTestDatabase, type TestDatabase } from '@mreg/testing'
import { afterAll, beforeAll } from 'vitest'

import { createPostgresPool } from '../src/pg.ts'
import { describeDatabasePool } from './contract/database-pool-contract.ts'

let database: TestDatabase | undefined

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

describeDatabasePool((options) =>
  createPostgresPool({
    connectionString: database?.url ?? '',
    statementTimeoutMs: 10_000,
    queryTimeoutMs: 15_000,
    ...options,
  }),
)
