import { HttpPool, type HttpPoolOptions } from '@mreg/http-pool'

import {
  createStreamableHttpTransport,
  type StreamableHttpTransportOptions,
  type UpstreamTransport,
} from '../../src/index.ts'

export interface OpenTransport extends AsyncDisposable {
  readonly pool: HttpPool
  readonly transport: UpstreamTransport
}

/** A transport to `url` over a pool of its own; disposing of it closes both. */
export function openTransport(
  url: string,
  options: Omit<StreamableHttpTransportOptions, 'pool' | 'url'> & {
    readonly poolOptions?: HttpPoolOptions
  } = {},
): OpenTransport {
  const { poolOptions, ...transportOptions } = options
  const pool = new HttpPool(poolOptions)
  const transport = createStreamableHttpTransport({ pool, url: new URL(url), ...transportOptions })
  return {
    pool,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}
