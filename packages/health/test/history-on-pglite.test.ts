import { createPglitePool } from '@mreg/db-pool/pglite'

import { describeHealthHistory } from './contract/health-history.ts'

describeHealthHistory(() => createPglitePool({ acquireTimeoutMs: 15_000 }))
