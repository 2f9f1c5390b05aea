import { createPglitePool } from '@mreg/db-pool/pglite'

import { describeRepositories } from './contract/repositories-contract.ts'

describeRepositories(() => createPglitePool({ acquireTimeoutMs: 15_000 }))
