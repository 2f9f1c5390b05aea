import { createSettings, silentLogger } from '@mreg/core'

import type { Foundation } from '../../src/index.ts'

/** What a gateway stands on: a database in memory, keys of its own, nothing on the disk. */
export const foundationWith = (
  resources: AsyncDisposableStack,
  environment: Readonly<Record<string, string>> = {},
): Foundation => ({
  settings: createSettings({
    environment: { MREG_ENVIRONMENT: 'testing', MREG_DATABASE_URL: 'memory://', ...environment },
  }),
  logger: silentLogger,
  facts: { role: 'gateway', version: '1.2.3', databaseDirectory: '/nowhere' },
  keys: { adminKey: 'mreg_admin_key', secretKeys: ['the secret key'] },
  resources,
})
