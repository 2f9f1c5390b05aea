import { randomUUID } from 'node:crypto'

import { LOCAL_PRINCIPAL } from '@mreg/core'
import { startDualEraServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { ActiveRequests, Traffic } from '../src/index.ts'
import { callOf, type ExchangeFields, initialize, type SeenAnswer } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const TENANT = LOCAL_PRINCIPAL.tenantId

/** A request that is registered while it is answered, as the gateway does it. */
const tracked = async (
  requests: ActiveRequests,
  ask: (fields: ExchangeFields) => Promise<SeenAnswer>,
): Promise<SeenAnswer> => {
  const controller = new AbortController()
  const id = randomUUID()
  const active = requests.begin({
    id,
    principal: LOCAL_PRINCIPAL,
    server: undefined,
    method: 'POST',
    controller,
  })
  try {
    return await ask({ active, requestId: id, signal: controller.signal })
  } finally {
    requests.end(active)
  }
}

describe('an active request', () => {
  const ways = (['modern', 'legacy'] as const).flatMap((client) =>
    (['modern', 'legacy'] as const).flatMap((server) =>
      ([true, false] as const).map((takesStream) => [client, server, takesStream] as const),
    ),
  )

  test.each(ways)(
    'is shown and cancelled for real: %s client, %s server, takes streams: %s',
    async (client, server, takesStream) => {
      await using upstream = await startDualEraServer(
        server === 'modern' ? { legacy: 'none' } : { modern: false },
      )
      const traffic = new Traffic()
      await using open = openProxy({ traffic })
      const registration = registered(upstream.url)
      open.register(registration)
      const requests = new ActiveRequests()
      const label = randomUUID()
      const headers = takesStream ? {} : { accept: 'application/json' }
      const legacy = await initialize(open.proxy)
      const ask = (tool: string, fields: ExchangeFields = {}): Promise<SeenAnswer> =>
        client === 'modern'
          ? sendModern(
              open,
              'tools/call',
              { name: tool, arguments: { label } },
              { id: 7, headers, ...fields },
            )
          : legacy.ask(callOf(tool, { label }, { id: 7 }), { headers, ...fields })

      const answer = tracked(requests, (fields) => ask('wait_until_cancelled', fields))
      await expect.poll(() => upstream.executions.map(({ tool }) => tool)).toContain('wait_until_cancelled')
      const [shown] = requests.list(TENANT)
      expect(shown).toMatchObject({
        principal: 'local',
        server: 'fixture',
        method: 'tools/call',
        tool: 'wait_until_cancelled',
        endpointId: registration.endpoints[0]?.id,
        ageMs: expect.any(Number),
      })
      expect(JSON.stringify(shown)).not.toContain(label)
      expect(requests.list('another')).toEqual([])
      expect(requests.cancel('another', shown?.id ?? '', 'no')).toBe(false)

      expect(requests.cancel(TENANT, shown?.id ?? '', 'the tool hangs')).toBe(true)
      expect((await answer).last).toEqual({
        jsonrpc: '2.0',
        id: 7,
        error: {
          code: -32_603,
          message: 'The request was cancelled: the tool hangs.',
          data: { reason: 'cancelled', server: 'fixture', requestId: shown?.id },
        },
      })
      await expect
        .poll(async () => (await ask('was_cancelled')).last)
        .toMatchObject({ result: { content: [{ text: 'true' }] } })
      expect(requests.size).toBe(0)
      expect(requests.cancel(TENANT, shown?.id ?? '', 'again')).toBe(false)

      const [[, figures] = []] = [...traffic.servers()]
      expect([...(figures?.counts() ?? [])]).toContainEqual({
        era: client,
        methodClass: 'call',
        outcome: 'cancelled',
        count: 1,
      })
      expect(figures?.bridged === 0).toBe(client === server)
    },
  )

  test('through the merged endpoint goes to the server that owns the tool', async () => {
    await using upstream = await startDualEraServer()
    await using merged = await openMerged()
    merged.register(registered(upstream.url, { slug: 'one' }))
    const requests = new ActiveRequests()
    const params = { name: 'one__wait_until_cancelled', arguments: { label: randomUUID() } }
    const answer = tracked(requests, (fields) =>
      sendModern({ proxy: merged.merged }, 'tools/call', params, { slug: 'mreg', ...fields }),
    )
    await expect.poll(() => upstream.executions.length).toBe(1)
    const [shown] = requests.list(TENANT)
    expect(shown).toMatchObject({ server: 'one', tool: 'wait_until_cancelled' })
    requests.cancel(TENANT, shown?.id ?? '', 'enough')
    expect((await answer).last).toMatchObject({ error: { data: { reason: 'cancelled', server: 'one' } } })
  })
})
