import { randomBytes } from 'node:crypto'

import { Client } from 'pg'

import { isLeftOver } from './run-id.ts'

/**
 * Creates the database of one run, after removing those that killed runs left behind.
 * @param serverUrl - a server in which we may create databases
 * @param runId - the name of the database
 * @returns the address of the new database
 */
export async function createRunDatabase(serverUrl: string, runId: string): Promise<string> {
  await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select datname as name from pg_database where datname like 'mreg\\_test\\_%'`,
    )
    for (const { name } of rows) {
      if (isLeftOver(name)) await dropDatabase(client, name)
    }
    await createDatabase(client, runId)
  })
  const url = new URL(serverUrl)
  url.pathname = `/${runId}`
  return url.href
}

/** Removes all databases of a run and cuts whoever is still connected to them. */
export async function dropRunDatabases(serverUrl: string, runId: string): Promise<void> {
  await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select datname as name from pg_database where starts_with(datname, $1)',
      [runId],
    )
    for (const { name } of rows) await dropDatabase(client, name)
  })
}

/** A database that one test has to itself, in the server of its run. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  /** Removes it and cuts whoever is still connected. Idempotent; the end of the run does it too. */
  drop(): Promise<void>
}

/**
 * Creates an empty database beside the one of the run.
 * @param runDatabaseUrl - default: `MREG_TEST_DATABASE_URL`
 * @throws Error when that is not set, or the server refuses
 */
export async function createTestDatabase(
  runDatabaseUrl: string | undefined = process.env['MREG_TEST_DATABASE_URL'],
): Promise<TestDatabase> {
  if (runDatabaseUrl === undefined) {
    throw new Error('MREG_TEST_DATABASE_URL is not set; run this in the vitest project integration or e2e')
  }
  const url = new URL(runDatabaseUrl)
  // The name begins with the run's, so that it goes when the run ends, or is recognised if the run is killed.
  const name = `${url.pathname.slice(1)}_${randomBytes(4).toString('hex')}`
  await withClient(runDatabaseUrl, (client) => createDatabase(client, name))
  url.pathname = `/${name}`
  const drop = (): Promise<void> => withClient(runDatabaseUrl, (client) => dropDatabase(client, name))
  return { url: url.href, drop, [Symbol.asyncDispose]: drop }
}

async function createDatabase(client: Client, name: string): Promise<void> {
  // template0, because a database cannot be copied while anybody is connected to template1.
  await client.query(`create database ${client.escapeIdentifier(name)} template template0 encoding 'UTF8'`)
}

async function dropDatabase(client: Client, name: string): Promise<void> {
  await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
