import type { Tool } from '@modelcontextprotocol/sdk/types.js'

import { CommandFailure } from '../command-failure.ts'
import type { Context } from '../context.ts'
import { dataDirectories } from '../gateway-client/data-directories.ts'
import { findGateway, type FoundGateway } from '../gateway-client/find-gateway.ts'
import { GatewayClient, type ServerView, type ToolsetView } from '../gateway-client/gateway-client.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What checks look at. Each thing is found out once, when it is first asked for. */
export class Facts {
  readonly environment: Environment
  /** Where a gateway of this machine may have left word. */
  readonly dataDirectories: readonly string[]
  readonly #context: Context
  readonly #slug: string | undefined
  #gateway: Promise<FoundGateway | CommandFailure> | undefined
  #servers: Promise<readonly ServerView[] | CommandFailure> | undefined
  readonly #tools = new Map<string, Promise<readonly Tool[] | CommandFailure>>()

  /** @param slug the server that it is about; undefined: all of them. */
  constructor(context: Context, slug: string | undefined) {
    this.#context = context
    this.#slug = slug
    this.environment = context.environment
    this.dataDirectories = dataDirectories(context.environment, context.workingDirectory)
  }

  /** The gateway that runs, or why none was found. */
  gateway(): Promise<FoundGateway | CommandFailure> {
    return (this.#gateway ??= orFailure(() => findGateway(this.#context)))
  }

  /** The servers that it is about, or why they cannot be had. */
  servers(): Promise<readonly ServerView[] | CommandFailure> {
    return (this.#servers ??= orFailure(async () => {
      const client = new GatewayClient(await findGateway(this.#context))
      return this.#slug === undefined ? await client.list() : [await client.get(this.#slug)]
    }))
  }

  /** The servers, or none when they cannot be had: other checks say why. */
  async serversIfAny(): Promise<readonly ServerView[]> {
    const servers = await this.servers()
    return CommandFailure.is(servers) ? [] : servers
  }

  /** All toolsets when it is about all servers; none when they cannot be had. */
  async toolsetsIfAny(): Promise<readonly ToolsetView[]> {
    if (this.#slug !== undefined) return []
    const toolsets = await orFailure(async () =>
      new GatewayClient(await findGateway(this.#context)).toolsets(),
    )
    return CommandFailure.is(toolsets) ? [] : toolsets
  }

  /** The tools of a server as a client sees them through the gateway, or why it sees none. */
  tools(slug: string): Promise<readonly Tool[] | CommandFailure> {
    const known = this.#tools.get(slug)
    if (known !== undefined) return known
    const tools = orFailure(async () => {
      const { McpSession } = await import('../mcp/mcp-session.ts')
      await using session = await McpSession.open(slug, await findGateway(this.#context))
      return await session.listTools()
    })
    this.#tools.set(slug, tools)
    return tools
  }
}

const orFailure = async <Result>(work: () => Promise<Result>): Promise<Result | CommandFailure> => {
  try {
    return await work()
  } catch (error) {
    if (CommandFailure.is(error)) return error
    throw error
  }
}
