import type { LookupFunction } from 'node:net'

import { createEgressGuard, HttpPool } from '@mreg/http-pool'
import { startHttpUpstream, startScriptedUpstream } from '@mreg/testing'
import { expect, it } from 'vitest'

import { createLoginNetwork } from '../../src/index.ts'
import { createOAuthFetch } from '../../src/oauth/oauth-fetch.ts'

/** Every name stands for these addresses; a name of `.unknown` for none. */
const lookupTo =
  (...addresses: readonly string[]): LookupFunction =>
  (hostname, options, done) => {
    if (hostname.endsWith('.unknown')) return done(new Error('not found'), '')
    const found = addresses.map((address) => ({ address, family: 4 }))
    if (options.all === true) done(null, found)
    else done(null, found[0]?.address ?? '', 4)
  }

const outside = '93.184.215.14'

it.each(['https://mcp.example/mcp', 'https://8.8.8.8/mcp', 'https://mcp.unknown/mcp'])(
  'S28: for the server %s outside, no name of its login that leads inside is followed',
  async (serverUrl) => {
    await using inside = await startScriptedUpstream()
    const inward = lookupTo('127.0.0.1')
    await using pool = new HttpPool({ lookup: inward })
    await using publicPool = new HttpPool({ lookup: inward, egress: createEgressGuard() })
    const fetch = createOAuthFetch(
      createLoginNetwork({ pool, publicPool, lookup: lookupTo(outside) }),
      serverUrl,
    )
    await expect(fetch(`https://login.example:${inside.port}/metadata`)).rejects.toMatchObject({
      code: 'login_address_refused',
    })
    expect(inside.connectionsAccepted).toBe(0)
  },
)

it('a server inside, by its address or by what its name is resolved to, may have its login inside', async () => {
  await using pool = new HttpPool()
  await using publicPool = new HttpPool({ egress: createEgressGuard() })
  await using inside = await startHttpUpstream((_request, response) => void response.end('{}'))
  const network = createLoginNetwork({ pool, publicPool, lookup: lookupTo(outside, '10.0.0.1') })
  for (const serverUrl of ['http://127.0.0.1/mcp', 'https://10.1.2.3/mcp', 'https://mcp.corp/mcp']) {
    const client = await network.clientFor(serverUrl)
    expect((await client.get(inside.url)).text()).toBe('{}')
  }
  const client = await network.clientFor('https://mcp.unknown/mcp')
  await expect(client.get(inside.url)).rejects.toMatchObject({ reason: 'egress_denied' })
})
