import { startModernServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

test('a server in maintenance is not called, and the client is told why and when to try again', async () => {
  await using server = await startModernServer()
  await using open = openProxy()
  const known = registered(server.url)
  const call = async (): Promise<unknown> =>
    (await sendModern(open, 'tools/call', { name: 'echo', arguments: { message: 'hello' } })).last

  open.register({ ...known, maintenance: true, status: 'maintenance' })
  expect(await call()).toMatchObject({
    error: { data: { reason: 'maintenance', server: 'fixture', retryAfterMs: 60_000 } },
  })
  expect(server.executions).toEqual([])

  open.register(known)
  expect(await call()).toMatchObject({ result: { content: [{ text: 'hello' }] } })
})
