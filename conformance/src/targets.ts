import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { dualEraStdioServer, removeDataDirectory, startDualEraServer, startGateway } from '@mreg/testing'

import { startKeyedFront } from './keyed-front.ts'

/** Where the servers are: the fixture itself, and what the gateway makes of it. */
export interface Targets extends AsyncDisposable {
  /** The gateway that the suite's servers are registered at; it wants a key, and whoever comes this way has one. */
  readonly gateway: { readonly url: string; readonly adminKey: string }
  readonly direct: string
  /** The same server behind the gateway. */
  readonly through: string
  /** The fixture in its other forms behind the gateway, by what they speak. */
  readonly otherForms: Readonly<Record<ServerForm, string>>
}

/** What a server behind the gateway speaks, when that is not everything. */
export type ServerForm =
  | 'HTTP+SSE'
  | 'stdio, legacy'
  | 'stdio, modern'
  | 'HTTP, legacy'
  | 'HTTP, legacy without sessions'
  | 'HTTP, modern'
  | 'everything, to a key with rules'

const sourceOfGateway = fileURLToPath(new URL('../../apps/gateway/src/main.ts', import.meta.url))

/** Starts the fixture in all its forms, and in front of them a gateway: the built one, or straight from its source. */
export const startTargets = async (from: 'build' | 'source'): Promise<Targets> => {
  await using resources = new AsyncDisposableStack()
  const start = async (...options: Parameters<typeof startDualEraServer>) =>
    resources.use(await startDualEraServer(...options))
  const both = await start()
  const legacy = await start({ modern: false })
  const stateless = await start({ modern: false, legacy: 'stateless' })
  const modern = await start({ legacy: 'none' })
  const dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-conformance-gateway-'))
  resources.defer(() => removeDataDirectory(dataDirectory))
  const gateway = resources.use(
    await startGateway({
      dataDirectory,
      entry: from === 'source' ? sourceOfGateway : undefined,
      environment: {
        MREG_DATABASE_URL: 'memory://',
        MREG_AUTH_MODE: 'required',
        ...(from === 'source' ? { NODE_OPTIONS: '--conditions=@mreg/source --no-warnings' } : {}),
      },
    }),
  )
  const { adminKey } = gateway
  const create = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${gateway.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.status !== 201) throw new Error(`POST ${path} was refused: ${await response.text()}`)
    return response.json()
  }
  /** The way to the gateway of somebody with a new key. */
  const frontFor = async (name: string, scopes: object = {}): Promise<string> => {
    const issued = await create('/keys', { name, role: 'user', scopes })
    const key = typeof issued === 'object' && issued !== null && 'key' in issued ? String(issued.key) : ''
    return resources.use(await startKeyedFront(gateway.url, key)).url
  }
  const front = await frontFor('the suite')
  const register = async (slug: string, endpoint: object, settings = {}): Promise<string> => {
    await create('/servers', { slug, endpoints: [endpoint], settings })
    return `${front}/mcp/${slug}`
  }
  const atUrl = (slug: string, url: string): Promise<string> =>
    register(slug, { transport: 'streamable-http', url })
  const asProcess = (slug: string, era: 'legacy' | 'modern'): Promise<string> =>
    register(slug, { transport: 'stdio', ...dualEraStdioServer(era) })
  const through = await atUrl('everything', both.url)
  /** The fixture to somebody who may not use all of it, with changes held: its lists come from the catalog. */
  const ruled = async (): Promise<string> => {
    const endpoint = { transport: 'streamable-http', url: both.url }
    await register('ruled', endpoint, { changes: { onChange: 'quarantine' } })
    const rules = { servers: { allow: ['ruled'] }, tools: { deny: ['ruled/nobody_*'] } }
    return `${await frontFor('the suite, with rules', rules)}/mcp/ruled`
  }
  const otherForms = {
    'HTTP+SSE': await register('sse', { transport: 'sse', url: both.sseUrl }),
    'stdio, legacy': await asProcess('stdio-legacy', 'legacy'),
    'stdio, modern': await asProcess('stdio-modern', 'modern'),
    'HTTP, legacy': await atUrl('http-legacy', legacy.url),
    'HTTP, legacy without sessions': await atUrl('http-stateless', stateless.url),
    'HTTP, modern': await atUrl('http-modern', modern.url),
    'everything, to a key with rules': await ruled(),
  }
  const owned = resources.move()
  return {
    gateway: { url: front, adminKey },
    direct: both.url,
    through,
    otherForms,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
