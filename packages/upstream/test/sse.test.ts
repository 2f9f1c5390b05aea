import { startDualEraServer, waitUntil } from '@mreg/testing'
import { expect, test } from 'vitest'

import { probeEndpoint } from '../src/index.ts'
import { openUpstream, targetOf } from './support/open-upstream.ts'

const OPTIONS = { timeoutMs: 5000, clientInfo: { name: 'mreg', version: '1' } }

test('a server of HTTP+SSE is probed, found of the older era, and left without a stream', async () => {
  await using server = await startDualEraServer({ legacy: 'none', modern: false })
  await using open = openUpstream('http://127.0.0.1:9')
  const { endpoint } = targetOf(server.sseUrl)
  const target = targetOf(server.sseUrl, { endpoint: { ...endpoint, transport: 'sse' } })
  const sse = open.upstreams.endpoint(target)
  expect(await probeEndpoint(sse, OPTIONS)).toMatchObject({ status: 'healthy', era: 'legacy' })
  await waitUntil('the stream to close', () => server.sseConnections === 0)
  await server.stop()
  expect(await probeEndpoint(sse, OPTIONS)).toMatchObject({ status: 'unhealthy' })
})
