import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { removeDataDirectory, startDualEraServer, startGateway } from '@mreg/testing'

import type { Targets } from './comparison.ts'

const SLUG = 'everything'

const sourceOfGateway = fileURLToPath(new URL('../../apps/gateway/src/main.ts', import.meta.url))

/** Starts the fixture, and in front of it a gateway: the built one, or straight from its source. */
export const startTargets = async (from: 'build' | 'source'): Promise<Targets & AsyncDisposable> => {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startDualEraServer())
  const dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-conformance-gateway-'))
  resources.defer(() => removeDataDirectory(dataDirectory))
  const gateway = resources.use(
    await startGateway({
      dataDirectory,
      entry: from === 'source' ? sourceOfGateway : undefined,
      environment: {
        MREG_DATABASE_URL: 'memory://',
        ...(from === 'source' ? { NODE_OPTIONS: '--conditions=@mreg/source --no-warnings' } : {}),
      },
    }),
  )
  const response = await fetch(`${gateway.url}/api/v1/servers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      slug: SLUG,
      endpoints: [{ transport: 'streamable-http', url: server.url }],
    }),
  })
  if (response.status !== 201) throw new Error(`the gateway did not register: ${await response.text()}`)
  const owned = resources.move()
  return {
    direct: server.url,
    through: `${gateway.url}/mcp/${SLUG}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
