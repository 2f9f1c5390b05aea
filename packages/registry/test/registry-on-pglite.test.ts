import { createPglitePool } from '@mreg/db-pool/pglite'

import { describeRegistry } from './contract/registry-contract.ts'

describeRegistry(() => createPglitePool({ acquireTimeoutMs: 15_000 }))
