import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, test } from 'vitest'

import { startEverythingServer } from '../src/servers/everything-server.ts'

test(
  'server-everything runs as a child, dies when killed and comes back on the same port',
  { timeout: 60_000 },
  async () => {
    await using server = await startEverythingServer()
    const echo = async (): Promise<unknown> => {
      const client = new Client({ name: 'test', version: '1.0.0' })
      await client.connect(new StreamableHTTPClientTransport(new URL(server.url)))
      try {
        return await client.callTool({ name: 'echo', arguments: { message: 'hi' } })
      } finally {
        await client.close()
      }
    }
    const answer = { content: [{ type: 'text', text: 'Echo: hi' }] }
    const firstPid = server.pid

    expect(await echo()).toEqual(answer)
    await server.kill()
    await expect(fetch(server.url)).rejects.toThrow('fetch failed')
    await server.restart()
    expect(await echo()).toEqual(answer)
    expect(server.pid).not.toBe(firstPid)
  },
)
