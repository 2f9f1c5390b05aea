import { randomUUID } from 'node:crypto'

import { HttpPool } from '@mreg/http-pool'

import {
  type CredentialSource,
  type EndpointTarget,
  noCredentials,
  type UpstreamEndpoint,
  Upstreams,
  type UpstreamsOptions,
} from '../../src/index.ts'

/** A target at `url` as a route table would give it. */
export const targetOf = (url: string, more: Partial<EndpointTarget> = {}): EndpointTarget => {
  const id = more.endpoint?.id ?? randomUUID()
  return {
    endpoint: {
      id,
      serverId: 'server',
      transport: 'streamable-http',
      url,
      command: undefined,
      args: undefined,
      cwd: undefined,
      weight: 1,
      headerNames: [],
      envNames: [],
      secretId: undefined,
    },
    tenantId: 'default',
    serverId: 'server',
    slug: 'fixture',
    revision: 1,
    sealedCredentials: undefined,
    ...more,
  }
}

export interface OpenUpstream extends AsyncDisposable {
  readonly pool: HttpPool
  readonly upstreams: Upstreams
  readonly target: EndpointTarget
  readonly endpoint: UpstreamEndpoint
}

/** A live endpoint at `url`, over a pool of its own. */
export const openUpstream = (
  url: string,
  options: Partial<UpstreamsOptions> & { readonly credentials?: CredentialSource } = {},
): OpenUpstream => {
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const upstreams = new Upstreams({
    pool,
    credentials: noCredentials,
    breaker: { failureThreshold: 3, openMs: 60_000, maxOpenMs: 60_000 },
    connectTimeoutMs: 500,
    maxMessageBytes: 1_048_576,
    ...options,
  })
  const target = targetOf(url)
  return {
    pool,
    upstreams,
    target,
    endpoint: upstreams.endpoint(target),
    async [Symbol.asyncDispose]() {
      await upstreams[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}
