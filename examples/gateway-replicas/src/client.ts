import { randomUUID } from 'node:crypto'

/** What one request came to. */
export type Outcome = 'right' | 'wrong' | 'failed'

type Params = Readonly<Record<string, unknown>>

const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'

/** A client of the gateway that speaks one era of the protocol. */
export class Client {
  readonly #url: string
  readonly #era: 'legacy' | 'modern'
  #session = ''

  constructor(url: string, era: 'legacy' | 'modern') {
    this.#url = url
    this.#era = era
  }

  /** Opens a session, where the era has them. */
  async connect(): Promise<void> {
    if (this.#era === 'modern') return
    const clientInfo = { name: 'example', version: '1.0.0' }
    const response = await this.#post('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo })
    await response.text()
    this.#session = response.headers.get('mcp-session-id') ?? ''
  }

  /** Lists the tools: changes nothing, so it may be asked for twice. */
  async list(): Promise<Outcome> {
    const text = await this.#ask('tools/list', {})
    if (text.includes('"error"')) return 'failed'
    return text.includes('"name":"pay"') ? 'right' : 'wrong'
  }

  /** Calls a tool that must not run twice. The nonce tells whose an answer is, and who has executed the call. */
  async pay(nonce: string): Promise<Outcome> {
    const text = await this.#ask('tools/call', { name: 'pay', arguments: { nonce } })
    if (text.includes('"error"')) return 'failed'
    return text.includes(nonce) ? 'right' : 'wrong'
  }

  async #ask(method: string, params: Params): Promise<string> {
    return (await this.#post(method, params)).text()
  }

  #post(method: string, params: Params): Promise<Response> {
    const isModern = this.#era === 'modern'
    const meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const name = params['name']
    return fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': isModern ? MODERN : LEGACY,
        ...(isModern ? { 'mcp-method': method } : {}),
        ...(isModern && typeof name === 'string' ? { 'mcp-name': name } : {}),
        ...(isModern || this.#session === '' ? {} : { 'mcp-session-id': this.#session }),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: randomUUID(),
        method,
        params: isModern ? { ...params, _meta: meta } : params,
      }),
    })
  }
}
