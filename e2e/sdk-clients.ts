import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

/** What the stories do with a client, in the same words for both generations of the SDK. Results are as the SDK gives them. */
export interface SdkClient {
  readonly sessionId: string | undefined
  readonly protocolVersion: string | undefined
  listTools(): Promise<readonly { readonly name: string }[]>
  callTool(
    name: string,
    input?: Record<string, unknown>,
    onProgress?: (progress: number) => void,
  ): Promise<unknown>
  listResources(): Promise<readonly { readonly uri: string }[]>
  readResource(uri: string): Promise<unknown>
  listPrompts(): Promise<readonly { readonly name: string }[]>
  getPrompt(name: string, input?: Record<string, string>): Promise<unknown>
  close(): Promise<void>
}

const identity = { name: 'newcomer', version: '1.0.0' }

const connectV1 = async (url: string): Promise<SdkClient> => {
  const transport = new TransportV1(new URL(url))
  const client = new ClientV1(identity)
  await client.connect(transport)
  return {
    get sessionId() {
      return transport.sessionId
    },
    get protocolVersion() {
      return transport.protocolVersion
    },
    listTools: async () => (await client.listTools()).tools,
    callTool: (name, input = {}, onProgress) =>
      client.callTool(
        { name, arguments: input },
        undefined,
        onProgress && { onprogress: ({ progress }) => onProgress(progress) },
      ),
    listResources: async () => (await client.listResources()).resources,
    readResource: (uri) => client.readResource({ uri }),
    listPrompts: async () => (await client.listPrompts()).prompts,
    getPrompt: (name, input = {}) => client.getPrompt({ name, arguments: input }),
    close: () => client.close(),
  }
}

const connectV2 = async (url: string): Promise<SdkClient> => {
  const transport = new TransportV2(new URL(url))
  const client = new ClientV2(identity)
  await client.connect(transport)
  return {
    get sessionId() {
      return transport.sessionId
    },
    get protocolVersion() {
      return transport.protocolVersion
    },
    listTools: async () => (await client.listTools()).tools,
    callTool: (name, input = {}, onProgress) =>
      client.callTool(
        { name, arguments: input },
        onProgress && { onprogress: ({ progress }) => onProgress(progress) },
      ),
    listResources: async () => (await client.listResources()).resources,
    readResource: (uri) => client.readResource({ uri }),
    listPrompts: async () => (await client.listPrompts()).prompts,
    getPrompt: (name, input = {}) => client.getPrompt({ name, arguments: input }),
    close: () => client.close(),
  }
}

/** Both generations of the official client, speaking the 2025 era. */
export const sdkClients: readonly {
  readonly name: string
  readonly connect: (url: string) => Promise<SdkClient>
}[] = [
  { name: 'SDK v1', connect: connectV1 },
  { name: 'SDK v2', connect: connectV2 },
]
