import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { startModernServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { openProxy, registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

test('a client on the SDK 1 uses a modern server', async () => {
  await using server = await startModernServer()
  await using open = openProxy()
  await using http = await serveProxy(open.proxy)
  open.register(registered(server.url))
  const client = new Client({ name: 'test', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(http.urlOf('fixture'))
  await client.connect(transport)
  expect(client.getServerVersion()).toMatchObject({ name: 'modern' })
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'fail', 'hold'])
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  })
  expect(await client.callTool({ name: 'fail', arguments: {} })).toMatchObject({ isError: true })
  expect(await client.ping()).toEqual({})
  const steps: number[] = []
  await client.callTool({ name: 'hold', arguments: {} }, undefined, {
    onprogress: ({ progress }) => {
      steps.push(progress)
      server.release()
    },
  })
  expect(steps).toEqual([1])
  await client.close()
})
