import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createTestDatabase } from '@mreg/testing'

/** Where a gateway keeps what it knows, as environment of its process. */
export interface Store {
  readonly environment: Readonly<Record<string, string>>
  /** Removes what the gateways of the test left outside their data directories. */
  dispose(): Promise<void>
}

/** The two ways to run the product. Every story must be true of both. */
export const stores: readonly { readonly name: string; readonly open: () => Promise<Store> }[] = [
  {
    name: 'on the embedded database',
    open: async () => ({ environment: {}, dispose: async () => undefined }),
  },
  {
    name: 'on PostgreSQL and Redis',
    open: async () => {
      const database = await createTestDatabase()
      const { MREG_TEST_REDIS_URL: redisUrl, MREG_TEST_REDIS_PREFIX: keyPrefix } = process.env
      if (redisUrl === undefined || keyPrefix === undefined) throw new Error('the services are not provided')
      const directory = await mkdtemp(join(tmpdir(), 'mreg-e2e-settings-'))
      const settings = join(directory, 'settings.json')
      // The run removes the keys under its own prefix.
      await writeFile(settings, JSON.stringify({ cache: { keyPrefix } }))
      return {
        environment: { MREG_DATABASE_URL: database.url, MREG_REDIS_URL: redisUrl, MREG_CONFIG: settings },
        dispose: async () => {
          await database.drop()
          await rm(directory, { recursive: true })
        },
      }
    },
  },
]
