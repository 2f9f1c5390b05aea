import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

export interface ConnectedClient {
  readonly client: Client | ModernClient
  readonly close: () => Promise<void>
}

const ELICITED = { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.org' } }

const connectOld = async (url: URL): Promise<ConnectedClient> => {
  const client = new Client({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, () => ELICITED)
  const transport = new StreamableHTTPClientTransport(url)
  await client.connect(transport)
  return { client, close: () => client.close() }
}

/** A client of the newer era that answers when it is asked. */
export const connectNew = async (url: URL): Promise<ConnectedClient> => {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('elicitation/create', () => ELICITED)
  await client.connect(new ModernTransport(url))
  return { client, close: () => client.close() }
}

/** One client of each era. */
export const CLIENTS = [
  ['of the older era', connectOld],
  ['of the newer era', connectNew],
] as const

/** The names of all tools, over all pages. */
export const allTools = async (client: Client | ModernClient): Promise<string[]> => {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor })
    names.push(...page.tools.map(({ name }) => name))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return names
}
