import { ConsumerProject, createTestDatabase, type TestDatabase } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const moduleScript = `
import { createPostgresPool } from '@mreg/db-pool/pg'
import { migrations, ServerRepository, TENANT_ROLE, TENANT_SETTING, TenantRepository } from '@mreg/repositories'
const pool = createPostgresPool({
  connectionString: process.env.DATABASE_URL, tenantRole: TENANT_ROLE, tenantSetting: TENANT_SETTING,
})
await pool.migrate(migrations)
await pool.systemSession('set up', (session) => new TenantRepository(session).ensure('ann'))
const found = await pool.tenantSession('ann', async (session) => {
  const servers = new ServerRepository(session)
  const { id } = await servers.create({
    slug: 'first', endpoints: [{ transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }],
  })
  return await servers.getById(id)
})
console.log(found.slug, found.endpoints.length)
await pool.close()
`

const typedScript = `
import type { TenantSession } from '@mreg/db-pool'
import { type NewServer, type RegistryDatabase, ServerRepository } from '@mreg/repositories'
declare const session: TenantSession<RegistryDatabase>
const server: NewServer = { slug: 'first', endpoints: [] }
export const created: Promise<{ readonly id: string }> = new ServerRepository(session).create(server)
// @ts-expect-error -- a repository of a tenant cannot be made without one
new ServerRepository({ kysely: session.kysely })
`

describe('the packed package in a project of a stranger', { timeout: 240_000 }, () => {
  let made: ConsumerProject | undefined
  let database: TestDatabase | undefined
  const project = (): ConsumerProject => {
    assert(made !== undefined)
    return made
  }
  beforeAll(async () => {
    database = await createTestDatabase()
    made = await ConsumerProject.create(new URL('..', import.meta.url), { peers: ['pg'] })
  }, 300_000)
  afterAll(async () => {
    await made?.remove()
    await database?.drop()
  })

  it('stores and finds a server', async () => {
    expect(await project().run(moduleScript, { environment: { DATABASE_URL: database?.url } })).toBe(
      'first 1',
    )
  })

  it('has types that a strict project accepts', async () => {
    expect(await project().typeErrors(typedScript, ['node', 'pg'])).toBe('')
  })

  it('holds what it says and no tests', async () => {
    expect(await project().filesOf('@mreg/repositories')).toEqual([
      'README.md',
      'dist',
      'package.json',
      'src',
    ])
  })
})
