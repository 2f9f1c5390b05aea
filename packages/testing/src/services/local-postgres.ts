import { userInfo } from 'node:os'

import { Client } from 'pg'

import { describeError } from './service-unavailable-error.ts'

/** Where to look for a PostgreSQL server that already runs. */
export interface LocalPostgresOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  /** Where `PGUSER` and `PGPASSWORD` are read. Default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv | undefined
}

/** What came of the look: an address, or why not. */
export type LocalPostgres =
  | { readonly url: string; readonly refusal?: undefined }
  | { readonly url?: undefined; readonly refusal: string }

/**
 * Looks for a server that lets us in as `PGUSER`, `postgres` or the user of the operating system, in that order, and
 * in which we may create databases and roles. Never throws: a refusal is an answer.
 */
export async function findLocalPostgres(options: LocalPostgresOptions = {}): Promise<LocalPostgres> {
  const { host = '127.0.0.1', port = 5432, environment = process.env } = options
  const users = new Set([environment['PGUSER'], 'postgres', userInfo().username].filter(isNamed))
  let refusal = 'nobody to try'
  for (const user of users) {
    const url = new URL(`postgres://${host}:${port}/postgres`)
    url.username = encodeURIComponent(user)
    url.password = encodeURIComponent(environment['PGPASSWORD'] ?? '')
    try {
      await checkRights(url.href)
      return { url: url.href }
    } catch (error) {
      refusal = `${host}:${port} as ${user}: ${describeError(error)}`
    }
  }
  return { refusal }
}

function isNamed(name: string | undefined): name is string {
  return name !== undefined && name !== ''
}

/**
 * Checks that a run can have a database of its own there.
 * @throws Error when the server refuses, or the user may not create databases and roles
 */
export async function checkRights(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 3000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ able: boolean }>(
      'select rolsuper or (rolcreatedb and rolcreaterole) as able from pg_roles where rolname = current_user',
    )
    if (rows[0]?.able !== true) throw new Error('this user may not create databases and roles')
  } finally {
    await client.end()
  }
}
