import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { startEverythingServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { openProxy, registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

test(
  'a newer client is asked by server-everything, on whatever stream that does so',
  { timeout: 60_000 },
  async () => {
    await using server = await startEverythingServer()
    await using open = openProxy({
      timeouts: { requestMs: 30_000, toolCallMs: 30_000 },
      connectTimeoutMs: 10_000,
    })
    await using http = await serveProxy(open.proxy)
    open.register(registered(server.url))
    const client = new Client(
      { name: 'test', version: '1.0.0' },
      {
        capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
        versionNegotiation: { mode: { pin: '2026-07-28' } },
      },
    )
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { name: 'elicited' },
    }))
    client.setRequestHandler('sampling/createMessage', () => ({
      role: 'assistant',
      model: 'test',
      content: { type: 'text', text: 'sampled' },
    }))
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///shared/root' }] }))
    await client.connect(new StreamableHTTPClientTransport(http.urlOf('fixture')))
    const call = async (name: string, input: Record<string, unknown> = {}): Promise<string> =>
      JSON.stringify(await client.callTool({ name, arguments: input }))
    expect(await call('trigger-sampling-request', { prompt: 'x', maxTokens: 5 })).toContain('sampled')
    expect(await call('trigger-elicitation-request')).toContain('elicited')
    expect(await call('get-roots-list')).toContain('file:///shared/root')
    await client.close()
  },
)
