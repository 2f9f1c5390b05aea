import {
  Client as ClientV2,
  LOG_LEVEL_META_KEY,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

export interface CallOptions {
  readonly onProgress?: ((progress: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What the cells do with a client, in the same words for all of them. */
export interface MatrixClient {
  readonly era: 'legacy' | 'modern'
  /** What it makes of a resource that does not exist. */
  readonly notFoundCode: number
  readonly serverName: string | undefined
  /** Log messages that came, in order. */
  readonly logged: readonly unknown[]
  /** How often it heard that the tools had changed. */
  readonly toolChanges: number
  /** Resources that it heard to have changed, in order. */
  readonly updated: readonly string[]
  toolNames(): Promise<readonly string[]>
  call(name: string, input?: Record<string, unknown>, options?: CallOptions): Promise<unknown>
  /** The same with log messages from `info` on. */
  callWithLog(name: string): Promise<unknown>
  complete(typed: string): Promise<readonly string[]>
  /** One page of resources. */
  resources(
    cursor: string | undefined,
  ): Promise<{ readonly uris: readonly string[]; readonly next: string | undefined }>
  read(uri: string): Promise<unknown>
  prompt(name: string): Promise<unknown>
  /** Begins to hear of changes of the tools and of the resource; fulfils when it is certain to. */
  listen(uri: string): Promise<void>
  close(): Promise<void>
}

const identity = { name: 'matrix', version: '1.0.0' }
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }

/** The user of every client. */
const USER = {
  elicit: (params: unknown) =>
    isObject(params) && params['mode'] === 'url'
      ? { action: 'accept' as const }
      : { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.com' } },
  sample: () => ({
    role: 'assistant' as const,
    model: 'test',
    content: { type: 'text' as const, text: 'Paris' },
  }),
  roots: () => ({ roots: [{ uri: 'file:///workspace' }] }),
}

const connectV1 = async (url: URL): Promise<MatrixClient> => {
  const logged: unknown[] = []
  const updated: string[] = []
  let toolChanges = 0
  const client = new ClientV1(identity, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => USER.elicit(params))
  client.setRequestHandler(CreateMessageRequestSchema, USER.sample)
  client.setRequestHandler(ListRootsRequestSchema, USER.roots)
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void logged.push(params.data),
  )
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void updated.push(params.uri),
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    toolChanges += 1
  })
  await client.connect(new TransportV1(url))
  const call: MatrixClient['call'] = (name, input = {}, { onProgress, signal } = {}) =>
    client.callTool({ name, arguments: input }, undefined, {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
    })
  return {
    era: 'legacy',
    notFoundCode: -32_002,
    serverName: client.getServerVersion()?.name,
    logged,
    updated,
    get toolChanges() {
      return toolChanges
    },
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call,
    callWithLog: async (name) => {
      await client.setLoggingLevel('info')
      return call(name)
    },
    complete: async (value) => (await client.complete(completionOf(value))).completion.values,
    resources: async (cursor) => pageOf(await client.listResources(cursor === undefined ? {} : { cursor })),
    read: (uri) => client.readResource({ uri }),
    prompt: (name) => client.getPrompt({ name }),
    listen: async (uri) => void (await client.subscribeResource({ uri })),
    close: () => client.close(),
  }
}

const connectV2 = async (url: URL, era: 'legacy' | 'modern'): Promise<MatrixClient> => {
  const logged: unknown[] = []
  const updated: string[] = []
  let toolChanges = 0
  const client = new ClientV2(identity, {
    capabilities,
    versionNegotiation: { mode: era === 'legacy' ? 'legacy' : { pin: '2026-07-28' } },
  })
  client.setRequestHandler('elicitation/create', ({ params }) => USER.elicit(params))
  client.setRequestHandler('sampling/createMessage', USER.sample)
  client.setRequestHandler('roots/list', USER.roots)
  client.setNotificationHandler('notifications/message', ({ params }) => void logged.push(params.data))
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void updated.push(params.uri),
  )
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    toolChanges += 1
  })
  await client.connect(new TransportV2(url))
  const call: MatrixClient['call'] = (name, input = {}, { onProgress, signal } = {}) =>
    client.callTool(
      { name, arguments: input },
      {
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
      },
    )
  return {
    era,
    // Whatever the server says: the SDK has one error for both codes.
    notFoundCode: -32_602,
    serverName: client.getServerVersion()?.name,
    logged,
    updated,
    get toolChanges() {
      return toolChanges
    },
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call,
    callWithLog: async (name) => {
      if (era === 'modern')
        return client.callTool({ name, arguments: {}, _meta: { [LOG_LEVEL_META_KEY]: 'info' } })
      await client.setLoggingLevel('info')
      return call(name)
    },
    complete: async (value) => (await client.complete(completionOf(value))).completion.values,
    resources: async (cursor) =>
      pageOf(
        await client.request({ method: 'resources/list', params: cursor === undefined ? {} : { cursor } }),
      ),
    read: (uri) => client.readResource({ uri }),
    prompt: (name) => client.getPrompt({ name }),
    listen: async (uri) => {
      if (era === 'legacy') await client.subscribeResource({ uri })
      else await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] })
    },
    close: () => client.close(),
  }
}

/** The clients of the matrix. */
export const CLIENTS = [
  { client: 'SDK v1', connect: connectV1 },
  { client: 'SDK v2, legacy', connect: (url: URL) => connectV2(url, 'legacy') },
  { client: 'SDK v2, modern', connect: (url: URL) => connectV2(url, 'modern') },
] as const

const completionOf = (value: string) => ({
  ref: { type: 'ref/prompt' as const, name: 'test_prompt_with_arguments' },
  argument: { name: 'arg1', value },
})

const pageOf = (page: {
  readonly resources: readonly { readonly uri: string }[]
  readonly nextCursor?: string | undefined
}) => ({ uris: page.resources.map(({ uri }) => uri), next: page.nextCursor })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
