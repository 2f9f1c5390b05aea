import { startFixtureServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { callOf, clientOf, initialize, seen } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const ECHO = callOf('echo', { message: 'hi' })

test('a restarted gateway goes on with the session of a client, though it has never seen it', async () => {
  await using server = await startFixtureServer()
  const fixture = registered(server.url)
  const keys = ['the key']
  let token = ''
  {
    await using before = openProxy({ keys })
    before.register(fixture)
    token = (await initialize(before.proxy)).token
  }
  await using after = openProxy({ keys })
  after.register(fixture)
  const { ask } = clientOf(after.proxy, token)
  expect((await ask(ECHO)).last).toMatchObject({ id: 1, result: { content: [{ text: 'hi' }] } })
  // In the very session that the server had opened, without another initialize.
  expect(server.sessionsOpened).toBe(1)
  expect(server.executions).toEqual([expect.objectContaining({ sessionId: server.sessionIds[0] })])
})

test('a restarted gateway goes on also when the server was restarted with it', async () => {
  await using server = await startFixtureServer()
  const fixture = registered(server.url)
  const keys = ['the key']
  await using before = openProxy({ keys })
  before.register(fixture)
  const { token } = await initialize(before.proxy)
  await server.forgetSessions()
  await using after = openProxy({ keys })
  after.register(fixture)
  expect((await clientOf(after.proxy, token).ask(ECHO)).status).toBe(200)
  expect(server.sessionsOpened).toBe(2)
  expect(server.executions).toHaveLength(1)
})

test('a gateway with a new key first and the old one behind it takes the tokens of the old one', async () => {
  await using server = await startFixtureServer()
  const fixture = registered(server.url)
  await using before = openProxy({ keys: ['old'] })
  before.register(fixture)
  const { token } = await initialize(before.proxy)
  await using rotated = openProxy({ keys: ['new', 'old'] })
  rotated.register(fixture)
  expect((await clientOf(rotated.proxy, token).ask(ECHO)).status).toBe(200)
  const fresh = (await initialize(rotated.proxy)).token
  expect((await clientOf(before.proxy, fresh).ask(ECHO)).status).toBe(404)
})

test('two gateways serve one session at the same time', async () => {
  await using server = await startFixtureServer()
  const fixture = registered(server.url)
  await using one = openProxy({ keys: ['shared'] })
  await using two = openProxy({ keys: ['shared'] })
  one.register(fixture)
  two.register(fixture)
  const { token } = await initialize(one.proxy)
  const clients = [clientOf(one.proxy, token), clientOf(two.proxy, token)]
  const answers = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const client = clients[index % 2]
      return seen(await (client ?? clients[0]!).send(callOf('echo', { message: `m${index}` }, { id: index })))
    }),
  )
  expect(answers.map(({ last }) => last['id'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(server.sessionsOpened).toBe(1)
})
