import { createSettings } from '@mreg/core'
import { HttpPool, HttpPoolError, NameResolver } from '@mreg/http-pool'
import { startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { poolOptions } from '../src/pool-options.ts'

const FACTS = { role: 'gateway', version: '1.2.3', databaseDirectory: '/nowhere' } as const
const STRONG = `${'k'.repeat(20)}1234567890abcdef`

const openPool = (
  environment: Readonly<Record<string, string>>,
  file: object = {},
  variables: Readonly<Record<string, string>> = {},
): HttpPool => {
  const settings = createSettings({
    environment: { ...environment, MREG_CONFIG: 'settings.json' },
    readFile: () => JSON.stringify(file),
  })
  const { allow: kinds } = settings.egress
  return new HttpPool(
    poolOptions({ settings, facts: FACTS, names: new NameResolver(), kinds, environment: variables }),
  )
}

const PRODUCTION = { MREG_ENVIRONMENT: 'production', MREG_ADMIN_KEY: STRONG, MREG_SECRET_KEY: `${STRONG}b` }

const reasonOf = async (pool: HttpPool, url: string): Promise<string> => {
  try {
    const { body } = await pool.relay({ url: new URL(url), method: 'GET' })
    body.discard()
    return 'reached'
  } catch (error) {
    if (HttpPoolError.is(error)) return error.reason
    throw error
  }
}

describe('where requests may go', () => {
  test('in development servers of this machine are reached, the metadata of a cloud is not', async () => {
    await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
    await using pool = openPool({ MREG_ENVIRONMENT: 'development' })
    expect(await reasonOf(pool, upstream.url)).toBe('reached')
    expect(await reasonOf(pool, 'http://169.254.169.254/latest/meta-data')).toBe('egress_denied')
  })

  test('in production only public servers are reached, unless the settings name others', async () => {
    await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
    await using strict = openPool(PRODUCTION)
    for (const host of ['127.0.0.1', 'localhost', '10.0.0.1', '[fd00::1]', '[::ffff:192.168.0.1]']) {
      expect(await reasonOf(strict, `http://${host}:${upstream.port}/`)).toBe('egress_denied')
    }
    expect(upstream.requests).toEqual([])
    for (const egress of [
      { allow: ['loopback'] },
      { allowNetworks: ['127.0.0.0/8'] },
      { allowHosts: ['127.0.0.1'] },
    ]) {
      await using open = openPool(PRODUCTION, { egress })
      expect(await reasonOf(open, upstream.url)).toBe('reached')
    }
    await using narrow = openPool(PRODUCTION, {
      egress: { allow: ['loopback'], refuseNetworks: ['127.0.0.1'] },
    })
    expect(await reasonOf(narrow, upstream.url)).toBe('egress_denied')
  })

  test('a range that is none is refused with the settings', () => {
    expect(() => openPool({}, { egress: { allowNetworks: ['10.0.0.0/99'] } })).toThrow(
      /egress\.allowNetworks.*must be an IP address or a range/su,
    )
  })

  test('the proxy of the environment stands before what is not on this machine', async () => {
    await using proxy = await startHttpUpstream((_request, response) => void response.end('ok'))
    const variables = { HTTP_PROXY: proxy.url, NO_PROXY: 'direct.invalid' }
    await using pool = openPool({}, {}, variables)
    expect(await reasonOf(pool, 'http://mcp.invalid/')).toBe('reached')
    expect(proxy.requests.length).toBe(1)
    expect(await reasonOf(pool, 'http://direct.invalid/')).toBe('dns')
    await using judging = openPool(PRODUCTION, {}, variables)
    expect(await reasonOf(judging, 'http://mcp.invalid/')).toBe('dns')
    expect(proxy.requests.length).toBe(1)
  })
})
