import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

/** Connects a client. `key` undefined: it comes without one. */
export type Connect = (url: string, key?: string) => Promise<EraClient>

/** What tests do with a client of either era. */
export interface EraClient extends AsyncDisposable {
  /** Whether it hears the server from the moment when it is connected. */
  readonly isAllEars: boolean
  /** What it sees, by name. */
  tools(): Promise<ReadonlyMap<string, ListedTool>>
  call(name: string, given?: Record<string, unknown>): Promise<unknown>
  /** Counts from now on how often it hears that the tools have changed. */
  hear(): Promise<() => number>
  /** Notes from now on which resources it hears have changed; refuses with what it is refused with. */
  watch(...uris: readonly string[]): Promise<readonly string[]>
}

export interface ListedTool {
  readonly name: string
  readonly description?: string | undefined
  readonly _meta?: Readonly<Record<string, unknown>> | undefined
}

const byName = (tools: readonly ListedTool[]): ReadonlyMap<string, ListedTool> =>
  new Map(tools.map((tool) => [tool.name, tool]))

const withKey = (key: string | undefined): { requestInit?: { headers: Record<string, string> } } =>
  key === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${key}` } } }

const connectOld = async (url: string, key?: string): Promise<EraClient> => {
  const client = new Client({ name: 'old', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), withKey(key)))
  return {
    isAllEars: true,
    tools: async () => byName((await client.listTools()).tools),
    call: (name, given = {}) => client.callTool({ name, arguments: given }),
    hear: async () => {
      let heard = 0
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1))
      return () => heard
    },
    watch: async (...uris) => {
      const heard: string[] = []
      client.setNotificationHandler(
        ResourceUpdatedNotificationSchema,
        ({ params }) => void heard.push(params.uri),
      )
      for (const uri of uris) await client.subscribeResource({ uri })
      return heard
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

const connectNew = async (url: string, key?: string): Promise<EraClient> => {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new ModernTransport(new URL(url), withKey(key)))
  return {
    isAllEars: false,
    tools: async () => byName((await client.listTools()).tools),
    call: (name, given = {}) => client.callTool({ name, arguments: given }),
    hear: async () => {
      let heard = 0
      client.setNotificationHandler('notifications/tools/list_changed', () => void (heard += 1))
      await client.listen({ toolsListChanged: true })
      return () => heard
    },
    watch: async (...uris) => {
      const heard: string[] = []
      client.setNotificationHandler(
        'notifications/resources/updated',
        ({ params }) => void heard.push(params.uri),
      )
      await client.listen({ resourceSubscriptions: [...uris] })
      return heard
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/** Clients of both eras. */
export const ERA_CLIENTS = [
  ['of the older era', connectOld],
  ['of the newer era', connectNew],
] as const
