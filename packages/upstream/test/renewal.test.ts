import { HttpPool } from '@mreg/http-pool'
import { answerJson, type HttpUpstream, startHttpUpstream } from '@mreg/testing'
import { afterEach, describe, expect, it } from 'vitest'

import { type CredentialSource, type EndpointTarget, UpstreamError, Upstreams } from '../src/index.ts'

const resources = new Set<AsyncDisposable>()

afterEach(async () => {
  for (const resource of resources) await resource[Symbol.asyncDispose]()
  resources.clear()
})

/** A server that takes only the token `good`. */
const startGuarded = async (): Promise<HttpUpstream> => {
  const upstream = await startHttpUpstream(({ headers }, response) =>
    headers.authorization === 'Bearer good'
      ? answerJson(response, { jsonrpc: '2.0', id: 1, result: {} })
      : answerJson(response, {}, { status: 401 }),
  )
  resources.add(upstream)
  return upstream
}

const callWith = async (upstream: HttpUpstream, credentials: CredentialSource): Promise<unknown> => {
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const upstreams = new Upstreams({
    pool,
    credentials,
    breaker: { failureThreshold: 5, openMs: 1000, maxOpenMs: 1000 },
    connectTimeoutMs: 1000,
    maxMessageBytes: 65_536,
  })
  try {
    const reply = await upstreams.endpoint(targetOf(upstream)).send({
      message: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call"}'),
      method: 'tools/call',
      timeoutMs: 2000,
    })
    return reply.kind
  } catch (error) {
    return UpstreamError.is(error) ? error.reason : error
  } finally {
    await upstreams[Symbol.asyncDispose]()
    await pool.close()
  }
}

const targetOf = ({ url }: HttpUpstream): EndpointTarget => ({
  endpoint: {
    id: 'endpoint',
    serverId: 'server',
    transport: 'streamable-http',
    url,
    weight: 1,
    headerNames: [],
    envNames: [],
    command: undefined,
    args: undefined,
    cwd: undefined,
    secretId: undefined,
  },
  tenantId: 'default',
  serverId: 'server',
  slug: 'guarded',
  revision: 1,
  sealedCredentials: undefined,
})

describe('credentials that a server refuses', () => {
  it('are renewed once, and the request is sent again with the new ones alone', async () => {
    const upstream = await startGuarded()
    let token = 'stale'
    const refusals: unknown[] = []

    const outcome = await callWith(upstream, {
      headersFor: () => [['authorization', `Bearer ${token}`]],
      renew: async (_target, refused) => {
        refusals.push(refused.filter(([name]) => name === 'authorization'))
        token = 'good'
        return true
      },
    })

    expect(outcome).not.toBe('needs_login')
    expect(refusals).toEqual([[['authorization', 'Bearer stale']]])
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer stale',
      'Bearer good',
    ])
  })

  it('are not renewed twice for one request', async () => {
    const upstream = await startGuarded()
    let renewals = 0

    const outcome = await callWith(upstream, {
      headersFor: () => [['authorization', `Bearer bad-${renewals}`]],
      renew: async () => {
        renewals += 1
        return true
      },
    })

    expect({ outcome, renewals, requests: upstream.requests.length }).toEqual({
      outcome: 'needs_login',
      renewals: 1,
      requests: 2,
    })
  })

  it.each([
    ['cannot be renewed', { renew: () => Promise.resolve(false) }],
    ['are of a kind that never changes', {}],
  ])('mean that a login is needed when they %s', async (_what, more) => {
    const upstream = await startGuarded()

    const outcome = await callWith(upstream, { headersFor: () => [], ...more })

    expect({ outcome, requests: upstream.requests.length }).toEqual({ outcome: 'needs_login', requests: 1 })
  })
})
