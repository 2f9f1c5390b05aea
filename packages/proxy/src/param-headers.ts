import {
  checkParamHeaders,
  findMember,
  HEADER,
  type HeaderFault,
  type MirroredArgument,
  mirroredArguments,
  readValue,
  type ScannedMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type UpstreamEndpoint } from '@mreg/upstream'

import type { Exchange } from './exchange.ts'

/** What tools of one server want repeated in headers. Most want nothing, and are not in it. */
interface MarkedTools {
  readonly mirrored: Map<string, readonly MirroredArgument[]>
  /** When the server was asked for its tools last, for want of knowing one; a moment of `performance.now`. */
  askedAt: number
}

/** What marks an argument in a schema. */
const MARK = '"x-mcp-header"'
/** The most marked tools of one server that are remembered; those listed first go first. */
const MAX_TOOLS = 10_000
/** A server is not asked again within so many milliseconds. */
const ASK_AGAIN_MS = 60_000

/**
 * Checks `Mcp-Param-*` on behalf of servers that see no headers: those of the older era, and those that are processes. What
 * their tools want repeated is learned from the lists that pass.
 */
export class ParamHeaders {
  readonly #servers = new WeakMap<UpstreamEndpoint, MarkedTools>()

  /** Takes over the tools in the response to a `tools/list`. */
  learn(endpoint: UpstreamEndpoint, bytes: Uint8Array, { resultSpan }: ScannedMessage): void {
    const { mirrored } = this.#of(endpoint)
    // Reading a list costs much, and hardly any has a mark.
    const isMarked = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(MARK)
    if (!isMarked && mirrored.size === 0) return
    const span = resultSpan && bytes[resultSpan.start] === 0x7b && findMember(bytes, resultSpan, 'tools')
    const tools = span ? readValue(bytes, span) : undefined
    if (!Array.isArray(tools)) return
    for (const tool of tools as readonly unknown[]) {
      if (!isJsonObject(tool) || typeof tool['name'] !== 'string') continue
      const { name, inputSchema } = tool
      mirrored.delete(name)
      const wanted = mirroredArguments(inputSchema) ?? []
      if (wanted.length > 0) mirrored.set(name, wanted)
      const [oldest] = mirrored.keys()
      if (mirrored.size > MAX_TOOLS && oldest !== undefined) mirrored.delete(oldest)
    }
  }

  /**
   * What is wrong with the headers of a `tools/call`; undefined: nothing.
   *
   * @param ask has the server list its tools, which are learned by that: a client that repeats an argument knows more of
   * the tool than this process does.
   */
  async check(
    { body, header, headerNames }: Exchange,
    { argumentsSpan, name = '' }: ScannedMessage,
    endpoint: UpstreamEndpoint,
    ask: () => Promise<void>,
  ): Promise<HeaderFault | undefined> {
    const known = this.#of(endpoint)
    const isRepeated = headerNames.some((each) => each.startsWith(HEADER.paramPrefix))
    if (isRepeated && !known.mirrored.has(name) && performance.now() - known.askedAt > ASK_AGAIN_MS) {
      known.askedAt = performance.now()
      await ask()
    }
    const mirrored = known.mirrored.get(name)
    if (mirrored === undefined) return undefined
    return checkParamHeaders(mirrored, argumentsSpan && readValue(body, argumentsSpan), header)
  }

  #of(endpoint: UpstreamEndpoint): MarkedTools {
    const known = this.#servers.get(endpoint)
    if (known !== undefined) return known
    const tools: MarkedTools = { mirrored: new Map(), askedAt: Number.NEGATIVE_INFINITY }
    this.#servers.set(endpoint, tools)
    return tools
  }
}
