import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js'

import type { SuiteClient } from './suite-client.ts'

/** A client of 2025-11-25, which fills in the defaults of a form. */
export const connectLegacy = async (url: string): Promise<SuiteClient> => {
  const client = new Client(
    { name: 'suite', version: '1.0.0' },
    { capabilities: { elicitation: { form: { applyDefaults: true } } } },
  )
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }))
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  return {
    listTools: async () => (await client.listTools()).tools,
    callTool: ({ name, arguments: input }) =>
      client.request(
        { method: 'tools/call', params: { name: String(name), arguments: { ...Object(input) } } },
        ResultSchema,
      ),
    readEverything: async () => {
      const { resources } = await client.listResources()
      for (const { uri } of resources) await client.readResource({ uri })
      const { prompts } = await client.listPrompts()
      for (const { name } of prompts) await client.getPrompt({ name })
    },
    close: () => client.close(),
  }
}
