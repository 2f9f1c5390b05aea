import { HttpPool } from '@mreg/http-pool'
import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'

import { createSseTransport, type SseTransportOptions, type UpstreamTransport } from '../../src/index.ts'
import { PROTOCOL_VERSION } from './messages.ts'

export interface OpenSse extends AsyncDisposable {
  readonly transport: UpstreamTransport
  readonly pool: HttpPool
  /** Initialises; gives the session. */
  session(capabilities?: object): Promise<string>
}

/** An HTTP+SSE transport to `url` over a pool of its own; disposing of it closes both. */
export const openSse = (url: string, options: Omit<SseTransportOptions, 'pool' | 'url'> = {}): OpenSse => {
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const transport = createSseTransport({ pool, url: new URL(url), ...options })
  return {
    pool,
    transport,
    async session(capabilities = {}) {
      const params = {
        protocolVersion: PROTOCOL_VERSION,
        capabilities,
        clientInfo: { name: 'test', version: '1' },
      }
      const message = encodeRequest({ id: 1, method: 'initialize', params })
      const { sessionId } = await transport.send({ message })
      if (sessionId === undefined) throw new Error('no session was opened')
      await transport.send({
        message: encodeNotification({ method: 'notifications/initialized' }),
        sessionId,
      })
      return sessionId
    },
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}
