import { randomBytes } from 'node:crypto'

import { createTestDatabase } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'
import { INITIALIZE, MCP_HEADERS } from './support/initialize.ts'

// Two gateways on one PostgreSQL: what one of them is told, the other has to know. With and without LISTEN.
describe.each([
  ['that is listened to', {}],
  ['that is asked each second', { MREG_DATABASE_LISTEN_URL: 'off' }],
])('two gateways on a database %s', { timeout: 60_000 }, (_name, environment) => {
  const resources = new AsyncDisposableStack()
  let here: InProcessGateway
  let there: InProcessGateway

  beforeAll(async () => {
    const database = resources.use(await createTestDatabase())
    const start = async (): Promise<InProcessGateway> =>
      resources.use(
        await InProcessGateway.start({
          MREG_AUTH_MODE: 'required',
          MREG_DATABASE_URL: database.url,
          MREG_SECRET_KEY: secret,
          ...environment,
        }),
      )
    const secret = randomBytes(32).toString('hex')
    here = await start()
    there = await start()
  })
  afterAll(() => resources.disposeAsync())

  test('S56 a key that is revoked at one opens nothing at the other either, within five seconds', async () => {
    const { json } = await here.request('POST', '/api/v1/keys', { body: { name: 'test' } })
    const key = String(json['key'])
    const knock = async (gateway: InProcessGateway): Promise<number> =>
      (await gateway.request('POST', '/mcp', { key, headers: MCP_HEADERS, body: INITIALIZE })).status
    expect(await knock(here)).toBe(200)
    await expect.poll(() => knock(there), { timeout: 5000 }).toBe(200)

    expect((await here.request('POST', `/api/v1/keys/${String(json['id'])}/revoke`)).status).toBe(200)
    expect(await knock(here)).toBe(401)
    // That is the promise, not a measure of this machine.
    await expect.poll(() => knock(there), { timeout: 5000, interval: 50 }).toBe(401)
    expect((await there.request('GET', `/api/v1/keys/${String(json['id'])}`)).json).toMatchObject({
      state: 'revoked',
    })
  })

  test('a policy that is made at one counts at the other, and so does its end', async () => {
    const { json } = await here.request('POST', '/api/v1/keys', { body: { name: 'test', role: 'user' } })
    const look = async (): Promise<number> =>
      (await there.request('GET', '/api/v1/servers', { key: String(json['key']) })).status
    await expect.poll(look, { timeout: 5000 }).toBe(200)
    const made = await here.request('POST', '/api/v1/policies', {
      body: {
        name: 'nothing',
        subject: { kind: 'key', id: json['id'] },
        rules: { api: { allow: [] } },
      },
    })
    await expect.poll(look, { timeout: 5000, interval: 25 }).toBe(403)
    await here.request('DELETE', `/api/v1/policies/${String(made.json['id'])}`)
    await expect.poll(look, { timeout: 5000, interval: 25 }).toBe(200)
  })
})
