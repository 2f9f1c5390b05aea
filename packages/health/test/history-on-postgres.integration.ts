import { createPostgresPool } from '@mreg/db-pool/pg'
import { createTestDatabase, type TestDatabase } from '@mreg/testing'
import { afterAll, beforeAll } from 'vitest'

import { describeHealthHistory } from './contract/health-history.ts'

let database: TestDatabase | undefined

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

describeHealthHistory(() =>
  createPostgresPool({
    connectionString: database?.url ?? '',
    acquireTimeoutMs: 15_000,
    lockTimeoutMs: 15_000,
    statementTimeoutMs: 20_000,
    queryTimeoutMs: 25_000,
  }),
)
