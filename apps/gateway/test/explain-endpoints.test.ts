import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Explanation } from '@mreg/proxy'
import { type FixtureServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type OpenGateway, openGateway } from './support/open-gateway.ts'

const PATIENT = { timeout: 20_000 }

/** What is said of the endpoint of a server. */
const of = ({ endpoints }: Explanation, server: FixtureServer | undefined) =>
  endpoints.find(({ address }) => address === server?.url)

describe('the explanation of where a call goes', { timeout: 60_000 }, () => {
  let gateway: OpenGateway
  let servers: readonly FixtureServer[]

  const explain = async (): Promise<Explanation> =>
    (await gateway.api('GET', '/explain?name=pair__echo')).json
  const call = async (): Promise<unknown> => {
    const client = new Client({ name: 'old', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/pair`)))
    const answer = await client.callTool({ name: 'echo', arguments: { message: 'hi' } })
    await client.close()
    return answer
  }

  beforeAll(async () => {
    gateway = await openGateway({
      breaker: { failureThreshold: 1, openMs: 60_000, maxOpenMs: 60_000 },
      health: { intervalMs: 3_600_000, unhealthyIntervalMs: 3_600_000 },
    })
    servers = await Promise.all([startFixtureServer(), startFixtureServer()])
    const endpoints = servers.map(({ url }) => ({ transport: 'streamable-http', url }))
    await gateway.api('POST', '/servers', {
      slug: 'pair',
      endpoints,
      settings: { balancing: { strategy: 'round-robin', slowStartMs: 0 } },
    })
  }, 60_000)
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
    for (const server of servers ?? []) await server.stop()
  })

  test('names the one that its strategy chooses, and why not the other', async () => {
    await expect.poll(explain, PATIENT).toMatchObject({ isCallable: true })
    const explanation = await explain()
    expect(explanation).toMatchObject({ strategy: 'round-robin', isCallable: true })
    expect(explanation.endpoints.map(({ code }) => code).toSorted()).toEqual(['not_its_turn', 'strategy'])
    expect(explanation.endpoints.map(({ standing }) => standing)).toMatchObject(
      Array.from({ length: 2 }, () => ({ fitness: 'good', circuit: 'closed' })),
    )
    // Who looks takes nobody's turn.
    expect((await explain()).endpoints).toMatchObject(
      explanation.endpoints.map(({ code, isChosen }) => ({ code, isChosen })),
    )
    await call()
    const eras = (await explain()).endpoints.map(({ standing }) => standing?.eras)
    expect(eras).toContainEqual(expect.objectContaining({ legacy: 'legacy' }))
  })

  test('is the other one as soon as the circuit of the first is open, and none when both are', async () => {
    const [first, second] = servers
    await first?.stop()
    await expect
      .poll(async () => {
        await call()
        return of(await explain(), first)
      }, PATIENT)
      .toMatchObject({ isChosen: false, code: 'closed_off', standing: { circuit: 'open' } })
    const explanation = await explain()
    expect(of(explanation, second)).toMatchObject({ isChosen: true, code: 'only_one_well' })
    expect(explanation).toMatchObject({ isCallable: true })
    await call()

    await second?.stop()
    await expect
      .poll(async () => {
        await call().catch(() => undefined)
        return explain()
      }, PATIENT)
      .toMatchObject({ isShown: true, isCallable: false, reason: 'circuit_open' })
    await expect(call()).rejects.toThrow(/not tried at the moment/u)
  })
})
