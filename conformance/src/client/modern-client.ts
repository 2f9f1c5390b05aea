import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

import { ACCEPTED, type SuiteClient } from './suite-client.ts'

/** A client of 2026-07-28, which answers what a server asks for and sends the call again. */
export const connectModern = async (url: string): Promise<SuiteClient> => {
  const client = new Client(
    { name: 'suite', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('elicitation/create', () => ACCEPTED)
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  return {
    listTools: async () => (await client.listTools()).tools,
    callTool: ({ name, arguments: input }) =>
      client.callTool({ name: String(name), arguments: { ...Object(input) } }),
    readEverything: async () => {
      const { resources } = await client.listResources()
      for (const { uri } of resources) await client.readResource({ uri })
      const { prompts } = await client.listPrompts()
      for (const { name } of prompts) await client.getPrompt({ name })
    },
    close: () => client.close(),
  }
}
