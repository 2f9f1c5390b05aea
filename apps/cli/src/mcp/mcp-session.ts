import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js'

import type { FoundGateway } from '../gateway-client/find-gateway.ts'
import { version } from '../version.ts'
import { endpointPath } from './endpoint-path.ts'
import { fetchWithKey } from './fetch-with-key.ts'
import { mcpFailure } from './mcp-failure.ts'

/** What a call reports while it is under way. */
export interface CallProgress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

export interface CallOptions {
  readonly timeoutMs: number
  readonly onProgress: (progress: CallProgress) => void
}

const CONNECT_MS = 130_000
const MAX_PAGES = 1000

/** A conversation with one registered server, or a toolset, through the gateway, as any MCP client has it. */
export class McpSession implements AsyncDisposable {
  readonly #client: Client
  readonly #transport: StreamableHTTPClientTransport
  readonly #slug: string
  readonly #gatewayUrl: string

  private constructor(slug: string, { url, key }: FoundGateway) {
    this.#slug = slug
    this.#gatewayUrl = url
    this.#client = new Client({ name: 'mreg', version }, { capabilities: {} })
    this.#transport = new StreamableHTTPClientTransport(new URL(`${url}${endpointPath(slug)}`), {
      fetch: fetchWithKey(key),
    })
  }

  /**
   * Opens a session.
   *
   * @throws {CommandFailure} with what the gateway says.
   */
  static async open(slug: string, gateway: FoundGateway): Promise<McpSession> {
    const session = new McpSession(slug, gateway)
    await session.#during(session.#client.connect(session.#transport, { timeout: CONNECT_MS }))
    return session
  }

  /** All tools, over all pages; none when the server has no tools at all. */
  async listTools(): Promise<Tool[]> {
    if (this.#client.getServerCapabilities()?.tools === undefined) return []
    const tools: Tool[] = []
    let cursor: string | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await this.#during(this.#client.listTools(cursor === undefined ? {} : { cursor }))
      tools.push(...answer.tools)
      cursor = answer.nextCursor
      if (cursor === undefined) break
    }
    return tools
  }

  /** Calls a tool and waits for its result. Never sent twice. */
  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    { timeoutMs, onProgress }: CallOptions,
  ): Promise<CallToolResult> {
    const result = await this.#during(
      this.#client.callTool({ name, arguments: { ...args } }, undefined, {
        timeout: timeoutMs,
        maxTotalTimeout: timeoutMs,
        onprogress: onProgress,
      }),
    )
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other shape is of a protocol that is not offered
    return result as CallToolResult
  }

  /** Ends the session with the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.terminateSession().catch(() => {})
    await this.#client.close()
  }

  async #during<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } catch (error) {
      throw mcpFailure(error, this.#slug, this.#gatewayUrl)
    }
  }
}
