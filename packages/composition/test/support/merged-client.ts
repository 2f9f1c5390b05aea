import { LOCAL_PRINCIPAL } from '@mreg/core'
import { MergedProxy } from '@mreg/proxy'
import type { Container } from 'inversify'

const VERSION = '2026-07-28'

/** Asks `/mcp` of a gateway, without HTTP, as a client of the newer era. */
export class MergedClient {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  /** The names of the tools of all servers. */
  async tools(): Promise<readonly string[]> {
    const { tools } = await this.list()
    return tools.map(({ name }) => name)
  }

  /** The first page of `tools/list`. */
  async list(): Promise<{ readonly tools: readonly { readonly name: string }[]; readonly _meta?: object }> {
    const answer = await this.#ask('tools/list', {}, new AbortController().signal)
    if (answer.kind !== 'complete') throw new Error('a list came as a stream')
    return JSON.parse(Buffer.from(answer.body).toString()).result
  }

  /** The text of what comes when the list of tools changes, as it comes, until `signal`. */
  async *changes(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const answer = await this.#ask(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      signal,
    )
    if (answer.kind !== 'stream') throw new Error('a subscription came as one message')
    for await (const chunk of answer.chunks) yield Buffer.from(chunk).toString()
  }

  #ask(method: string, params: object, signal: AbortSignal) {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const headers = new Map([
      ['accept', 'application/json, text/event-stream'],
      ['content-type', 'application/json'],
      ['mcp-protocol-version', VERSION],
      ['mcp-method', method],
    ])
    return this.#container.get(MergedProxy).handle({
      principal: LOCAL_PRINCIPAL,
      slug: 'mreg',
      method: 'POST',
      header: (name) => headers.get(name),
      headerNames: [...headers.keys()],
      body: Buffer.from(
        JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
      ),
      requestId: 'request',
      signal,
    })
  }
}
