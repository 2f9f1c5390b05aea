import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'

/** What tests do with a client of either era. */
export interface EraClient extends AsyncDisposable {
  /** Whether it hears the server from the moment when it is connected. */
  readonly isAllEars: boolean
  /** What it sees, by name. */
  tools(): Promise<ReadonlyMap<string, ListedTool>>
  call(name: string): Promise<unknown>
  /** Counts from now on how often it hears that the tools have changed. */
  hear(): Promise<() => number>
}

export interface ListedTool {
  readonly name: string
  readonly description?: string | undefined
  readonly _meta?: Readonly<Record<string, unknown>> | undefined
}

const byName = (tools: readonly ListedTool[]): ReadonlyMap<string, ListedTool> =>
  new Map(tools.map((tool) => [tool.name, tool]))

const connectOld = async (url: string): Promise<EraClient> => {
  const client = new Client({ name: 'old', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  return {
    isAllEars: true,
    tools: async () => byName((await client.listTools()).tools),
    call: (name) => client.callTool({ name, arguments: {} }),
    hear: async () => {
      let heard = 0
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1))
      return () => heard
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

const connectNew = async (url: string): Promise<EraClient> => {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new ModernTransport(new URL(url)))
  return {
    isAllEars: false,
    tools: async () => byName((await client.listTools()).tools),
    call: (name) => client.callTool({ name, arguments: {} }),
    hear: async () => {
      let heard = 0
      client.setNotificationHandler('notifications/tools/list_changed', () => void (heard += 1))
      await client.listen({ toolsListChanged: true })
      return () => heard
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/** Clients of both eras. */
export const ERA_CLIENTS = [
  ['of the older era', connectOld],
  ['of the newer era', connectNew],
] as const
