import { ConsumerProject, OLDEST_NODE } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const moduleScript = `
import { DatabaseUnavailableError, prepareQuery } from '@mreg/db-pool'
import { createPostgresPool } from '@mreg/db-pool/pg'
import { createPglitePool } from '@mreg/db-pool/pglite'
const notes = prepareQuery((kysely, parameter) =>
  kysely.selectFrom('notes').select('id').where('id', '=', parameter('id')))
const answers = []
for (const pool of [createPostgresPool({ connectionString: process.env.DATABASE_URL }), createPglitePool()]) {
  const row = await pool.systemSession('try it out', async (session) => {
    await session.kysely.schema.createTable('notes').temporary().addColumn('id', 'integer').execute()
    await session.nested(({ kysely }) => kysely.insertInto('notes').values({ id: 7 }).execute())
    return await notes.fetchRow(session, { id: 7 })
  })
  answers.push(pool.kind, row.id)
  await pool.close()
  await pool.fetch('select 1').catch((error) => answers.push(DatabaseUnavailableError.is(error)))
}
console.log(answers.join(' '))
`

const requireScript = `
const { SessionError } = require('@mreg/db-pool')
const { createPostgresPool } = require('@mreg/db-pool/pg')
console.log(SessionError.name, createPostgresPool({ connectionString: 'postgres://u@127.0.0.1:1/d' }).size)
`

const typedScript = `
import { type DatabasePool, type ParameterPlaceholder, prepareQuery } from '@mreg/db-pool'
import { createPostgresPool, type PostgresPoolOptions } from '@mreg/db-pool/pg'
import { createPglitePool } from '@mreg/db-pool/pglite'
import type { Kysely } from 'kysely'
interface Schema { notes: { id: number } }
const options: PostgresPoolOptions = { connectionString: 'postgres://', tls: 'verify-full' }
const pool: DatabasePool<Schema> = options.tls ? createPostgresPool<Schema>(options) : createPglitePool<Schema>()
const find = prepareQuery((kysely: Kysely<Schema>, parameter: ParameterPlaceholder<{ id: number }>) =>
  kysely.selectFrom('notes').select('id').where('id', '=', parameter('id')))
export const found: Promise<{ id: number } | undefined> = pool.tenantSession('ann', (session) =>
  session.nested((inner) => find.fetchRow(inner, { id: 1 })))
// @ts-expect-error -- the type with two doors has no other
pool.execute('select 1')
// @ts-expect-error -- a parameter of another type
find.fetchRow(createPglitePool<Schema>(), { id: 'one' })
// @ts-expect-error -- a misspelt option must not pass
createPostgresPool({ connectionString: 'postgres://', maxConnection: 1 })
`

describe('the packed package in a project of a stranger', { timeout: 240_000 }, () => {
  let made: ConsumerProject | undefined
  const project = (): ConsumerProject => {
    assert(made !== undefined)
    return made
  }
  const environment = { DATABASE_URL: process.env['MREG_TEST_DATABASE_URL'] }
  beforeAll(async () => {
    made = await ConsumerProject.create(new URL('..', import.meta.url), {
      peers: ['pg', '@electric-sql/pglite'],
    })
  }, 300_000)
  afterAll(() => made?.remove())

  it('works on both databases', async () => {
    expect(await project().run(moduleScript, { environment })).toBe('postgres 7 true pglite 7 true')
  })

  it('is required by CommonJS', async () => {
    expect(await project().run(requireScript, { type: 'commonjs' })).toBe('SessionError 0')
  })

  it(`works on Node ${OLDEST_NODE}, the lowest it supports`, async ({ skip }) => {
    const node = await project().oldestNode()
    skip(node === undefined, `Node ${OLDEST_NODE} could not be had on this machine`)
    expect(await project().run(moduleScript, { environment, node })).toBe('postgres 7 true pglite 7 true')
    expect(await project().run(requireScript, { type: 'commonjs', node })).toBe('SessionError 0')
  })

  it('has types that a strict project accepts', async () => {
    expect(await project().typeErrors(typedScript, ['node', 'pg'])).toBe('')
  })

  it('holds what it says and no tests', async () => {
    expect(await project().filesOf('@mreg/db-pool')).toEqual(['README.md', 'dist', 'package.json', 'src'])
  })
})
