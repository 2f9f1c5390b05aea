import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { startFixtureServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { openProxy, registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

const modernClient = (): Client =>
  new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })

test.each([{}, { stateless: true }, { jsonResponses: true }])(
  'a modern client uses an older server with %j',
  async (options) => {
    await using server = await startFixtureServer(options)
    await using open = openProxy()
    await using http = await serveProxy(open.proxy)
    open.register(registered(server.url))
    const client = modernClient()
    await client.connect(new StreamableHTTPClientTransport(http.urlOf('fixture')))
    expect(client.getServerVersion()).toMatchObject({ name: 'fixture' })
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      'echo',
      'count',
      'hold',
      'fail',
    ])
    expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    expect(await client.callTool({ name: 'fail', arguments: { reason: 'no' } })).toMatchObject({
      isError: true,
    })
    expect(await client.readResource({ uri: 'fixture://greeting' })).toMatchObject({
      contents: [{ text: 'hello from fixture' }],
    })
    expect(await client.getPrompt({ name: 'introduce', arguments: { who: 'Ada' } })).toMatchObject({
      messages: [{ content: { text: 'Introduce Ada.' } }],
    })
    const steps: number[] = []
    await client.callTool(
      { name: 'count', arguments: { steps: 2, stepMs: 1 } },
      { onprogress: ({ progress }) => steps.push(progress) },
    )
    // A server that answers with JSON has no way to tell.
    expect(steps).toEqual(options.jsonResponses === true ? [] : [1, 2])
    await client.close()
  },
)
