import { expect, test } from 'vitest'

import { createHttpClient } from '../src/got.ts'
import { HttpPool, type RelayResponse } from '../src/index.ts'
import { startDnsServer } from './support/dns-server.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'
import { writeNameFiles } from './support/name-files.ts'

const textOf = async (response: Promise<RelayResponse>): Promise<string> =>
  (await (await response).body.bytes()).toString()

const named = (url: URL, hostname: string): URL => {
  const copy = new URL(url)
  copy.hostname = hostname
  return copy
}

test('a name of the hosts file and a short name of the search list are reached, in both forms', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'))
  await using dns = await startDnsServer(new Map([['api.team.test', { addresses: ['127.0.0.1'] }]]))
  await using files = await writeNameFiles({
    hosts: '127.0.0.1 listed.test',
    resolvConf: 'search team.test\n',
  })
  const { hostsPath, resolvConfPath } = files
  await using pool = new HttpPool({ names: { servers: [dns.address], hostsPath, resolvConfPath } })
  for (const hostname of ['listed.test', 'api']) {
    const url = named(server.url, hostname)
    expect(await textOf(pool.relay({ url, method: 'GET' }))).toBe('ok')
    // A connection of its own, so that the name is resolved for this form too.
    pool.closeIdle()
    expect((await createHttpClient(pool).get(url)).text()).toBe('ok')
  }
  expect(server.requests.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf('Host') + 1])).toEqual(
    ['listed.test', 'listed.test', 'api', 'api'].map((name) => `${name}:${server.url.port}`),
  )
})

test.each(['::1', '127.0.0.1'])('localhost is reached when its server is bound on %s only', async (host) => {
  await using server = await startHttpServer((_request, response) => response.end('ok'), { host })
  await using pool = new HttpPool()
  const url = named(server.url, 'localhost')
  const response = await pool.relay({ url, method: 'GET' })
  expect(response.remoteAddress).toBe(host)
  expect((await response.body.bytes()).toString()).toBe('ok')
  pool.closeIdle()
  expect((await createHttpClient(pool).get(url)).text()).toBe('ok')
})

test('a name with addresses of both families is reached on the one that listens', async () => {
  await using server = await startHttpServer((_request, response) => response.end('ok'), { host: '::1' })
  await using dns = await startDnsServer(new Map([['mcp.test', { addresses: ['127.0.0.1', '::1'] }]]))
  await using files = await writeNameFiles()
  const { hostsPath, resolvConfPath } = files
  await using pool = new HttpPool({ names: { servers: [dns.address], hostsPath, resolvConfPath } })
  expect(await textOf(pool.relay({ url: named(server.url, 'mcp.test'), method: 'GET' }))).toBe('ok')
})

test('F4: a name that nobody answers for fails as dns, in both forms', async () => {
  await using dns = await startDnsServer(new Map([['dead.test', 'silent']]))
  await using files = await writeNameFiles()
  const { hostsPath, resolvConfPath } = files
  const names = { servers: [dns.address], hostsPath, resolvConfPath, timeoutMs: 300 }
  await using pool = new HttpPool({ names, timeouts: { connectMs: 20_000 } })
  const url = new URL('http://dead.test/')
  const failure = await failureOf(pool.relay({ url, method: 'GET' }))
  expect(failure).toMatchObject({ reason: 'dns', requestSent: false })
  expect(failure.message).toContain('ETIMEOUT')
  expect(await failureOf(createHttpClient(pool).get(url))).toMatchObject({
    reason: 'dns',
    requestSent: false,
  })
  expect(pool.stats()).toMatchObject({ active: 0, queued: 0 })
})
