import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'
import { stdioServer, type StdioServerOptions } from '@mreg/testing'

import {
  childEnvironment,
  StdioTransport,
  type StdioTransportOptions,
  type UpstreamReply,
} from '../../src/index.ts'
import { answerOf, PROTOCOL_VERSION } from './messages.ts'

/** A transport to the scripted server, not started yet. */
export function stdioTransport(
  server: StdioServerOptions = {},
  options: Partial<StdioTransportOptions> = {},
  environment: Readonly<Record<string, string>> = {},
): StdioTransport {
  return new StdioTransport({
    command: { ...stdioServer(server), environment: childEnvironment(environment) },
    era: 'legacy',
    client: { capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    ...options,
  })
}

/** The same, started. */
export async function startedStdio(
  ...parameters: Parameters<typeof stdioTransport>
): Promise<StdioTransport> {
  const transport = stdioTransport(...parameters)
  await transport.start()
  return transport
}

/** One client of a process, with a session of its own. */
export class StdioCaller {
  readonly #transport: StdioTransport
  readonly sessionId: string

  private constructor(transport: StdioTransport, sessionId: string) {
    this.#transport = transport
    this.sessionId = sessionId
  }

  static async open(
    transport: StdioTransport,
    capabilities: object = {},
    version = PROTOCOL_VERSION,
  ): Promise<StdioCaller> {
    const params = { protocolVersion: version, capabilities, clientInfo: { name: 'caller', version: '1' } }
    const { sessionId } = await transport.send({
      message: encodeRequest({ id: 1, method: 'initialize', params }),
    })
    if (sessionId === undefined) throw new Error('no session was opened')
    const caller = new StdioCaller(transport, sessionId)
    await caller.notify('notifications/initialized')
    return caller
  }

  send(
    message: Uint8Array,
    options: { signal?: AbortSignal; timeoutMs?: number; maxMessageBytes?: number } = {},
  ): Promise<UpstreamReply> {
    const { signal, timeoutMs, maxMessageBytes } = options
    return this.#transport.send({
      message,
      sessionId: this.sessionId,
      signal,
      maxMessageBytes,
      timeouts: { totalMs: timeoutMs },
    })
  }

  notify(method: string, params?: object): Promise<UpstreamReply> {
    return this.send(encodeNotification({ method, params }))
  }

  request(id: string | number, method: string, params: object = {}): Promise<UpstreamReply> {
    return this.send(encodeRequest({ id, method, params }))
  }

  /** Calls a tool. */
  call(
    id: string | number,
    name: string,
    toolArguments: object = {},
    options: {
      signal?: AbortSignal
      timeoutMs?: number
      maxMessageBytes?: number
      progressToken?: string | number
    } = {},
  ): Promise<UpstreamReply> {
    const { progressToken, ...others } = options
    const meta = progressToken === undefined ? {} : { _meta: { progressToken } }
    const params = { name, arguments: toolArguments, ...meta }
    return this.send(encodeRequest({ id, method: 'tools/call', params }), others)
  }

  /** The text that a tool answers with. */
  async textOf(name: string, toolArguments: object = {}): Promise<string> {
    return textIn(await answerOf(await this.call(1, name, toolArguments)))
  }

  listen(signal?: AbortSignal): Promise<UpstreamReply> {
    return this.#transport.listen({ sessionId: this.sessionId, signal })
  }
}

/** The text of a tool's result. */
export function textIn(response: unknown): string {
  const [block] = list(member(member(response, 'result'), 'content'))
  const text = member(block, 'text')
  if (typeof text === 'string') return text
  throw new Error(`no text in ${JSON.stringify(response)}`)
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
