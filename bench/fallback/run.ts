import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

import { KeyRing } from '@mreg/access'
import { createMemoryCache } from '@mreg/cache'
import { LOCAL_PRINCIPAL } from '@mreg/core'
import { HttpPool } from '@mreg/http-pool'
import { ActiveRequests, Fallback, RouteTable, ServerProxy, SessionTokens, Traffic } from '@mreg/proxy'
import { LegacySessions, noCredentials, Upstreams } from '@mreg/upstream'

// What it costs when an older answer stands in for a server whose circuit is open, beside the error without one. Processor time
// of this process, which does nothing else; only ratios within a run mean anything.

const CALLS = Number(process.env['BENCH_CALLS'] ?? 5000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const VERSION = '2026-07-28'

const tools = Array.from({ length: 20 }, (_, index) => ({
  name: `tool-${index}`,
  description: 'x'.repeat(100),
  inputSchema: { type: 'object', properties: { message: { type: 'string' } } },
}))
const result = { resultType: 'complete', tools, ttlMs: 0, cacheScope: 'private' }
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')

const pool = new HttpPool()
const circuit = { failureThreshold: 1, openMs: 3_600_000, maxOpenMs: 3_600_000 }
const keys = new KeyRing([randomBytes(32).toString('base64url')])
const timeouts = { requestMs: 5000, toolCallMs: 5000, streamAfterMs: 2000, heartbeatMs: 2000 }
const id = randomUUID()
const registered: Parameters<RouteTable['apply']>[0]['changed'][number] = {
  id,
  tenantId: LOCAL_PRINCIPAL.tenantId,
  slug: 'bench',
  title: undefined,
  description: undefined,
  version: undefined,
  tags: [],
  visibility: 'private',
  maintenance: false,
  status: 'unknown',
  settings: {},
  managedBy: 'api',
  revision: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  endpoints: [
    {
      id: randomUUID(),
      serverId: id,
      transport: 'streamable-http',
      url: `http://127.0.0.1:${address.port}/mcp`,
      command: undefined,
      args: undefined,
      cwd: undefined,
      weight: 1,
      headerNames: [],
      envNames: [],
      secretId: undefined,
      secret: undefined,
    },
  ],
}

const open = (fallback: Fallback | undefined): { proxy: ServerProxy; upstreams: Upstreams } => {
  const routes = new RouteTable()
  routes.apply({ changed: [registered], removed: [], complete: true })
  const upstreams = new Upstreams({
    pool,
    credentials: noCredentials,
    breaker: circuit,
    connectTimeoutMs: 1000,
    maxMessageBytes: 1_048_576,
  })
  for (const target of routes.targets()) upstreams.endpoint(target).era.learn({ modern: true, legacy: false })
  const proxy = new ServerProxy({
    routes,
    upstreams,
    sessions: new LegacySessions({ maxSessions: 10, idleMs: 60_000, tombstoneMs: 60_000 }),
    tokens: new SessionTokens({ sealer: keys.sealer('session-token'), lifetimeMs: 60_000 }),
    requestStates: keys.sealer('request-state'),
    fallback,
    traffic: new Traffic(),
    limits: { maxJsonDepth: 64 },
    timeouts,
  })
  return { proxy, upstreams }
}

const headers = new Map([
  ['accept', 'application/json'],
  ['mcp-protocol-version', VERSION],
  ['mcp-method', 'tools/list'],
])
const meta = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
}
const body = Buffer.from(
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: meta } }),
)
const { signal } = new AbortController()
const ask = async (proxy: ServerProxy): Promise<string> => {
  const answer = await proxy.handle({
    principal: LOCAL_PRINCIPAL,
    slug: 'bench',
    method: 'POST',
    header: (name) => headers.get(name),
    headerNames: [...headers.keys()],
    body,
    requestId: 'bench',
    signal,
  })
  return answer.kind === 'complete' ? Buffer.from(answer.body).toString() : ''
}

/** Processor time of one of `CALLS` calls, in microseconds. */
const costOf = async (call: () => unknown): Promise<number> => {
  const before = process.cpuUsage()
  for (let index = 0; index < CALLS; index += 1) await call()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / CALLS
}

const fallback = new Fallback({
  cache: createMemoryCache(),
  maxStaleMs: 3_600_000,
  maxAnswerBytes: 1_048_576,
  maxJsonDepth: 64,
})
const plain = open(undefined)
const kept = open(fallback)
for (const { proxy } of [plain, kept]) await ask(proxy)
while (fallback.figures.kept === 0) await new Promise((resolve) => setImmediate(resolve))
server.close()
server.closeAllConnections()
for (const { proxy } of [plain, kept]) for (let call = 0; call < 5; call += 1) await ask(proxy)
if (!(await ask(kept.proxy)).includes('dev.mreg/stale')) throw new Error('nothing stands in')
if (!(await ask(plain.proxy)).includes('circuit_open')) throw new Error('the circuit is not open')

const requests = new ActiveRequests()
const controller = new AbortController()
const track = (): void => {
  const fields = { id: 'bench', principal: LOCAL_PRINCIPAL, server: 'bench', method: 'POST', controller }
  requests.end(requests.begin(fields))
}
const found: { error: number; stale: number; tracked: number }[] = []
for (let round = 0; round <= ROUNDS; round += 1) {
  const error = await costOf(() => ask(plain.proxy))
  const stale = await costOf(() => ask(kept.proxy))
  const tracked = await costOf(track)
  // The first round warms up.
  if (round > 0) found.push({ error, stale, tracked })
}
const median = (of: (round: (typeof found)[number]) => number): number =>
  found.map(of).toSorted((left, right) => left - right)[Math.floor(found.length / 2)] ?? Number.NaN
console.log(`tools/list of 20 tools, circuit open, ${ROUNDS} rounds of ${CALLS} calls, medians\n`)
console.log('| what | CPU us | x error |')
console.log('|---|---|---|')
console.log(`| error, nothing stands in | ${median(({ error }) => error).toFixed(1)} | 1.00 |`)
console.log(
  `| an older answer stands in | ${median(({ stale }) => stale).toFixed(1)} | ${median(({ error, stale }) => stale / error).toFixed(2)} |`,
)
console.log(`| an active request, begun and ended | ${median(({ tracked }) => tracked).toFixed(2)} | - |`)
for (const { upstreams } of [plain, kept]) await upstreams[Symbol.asyncDispose]()
await pool.close()
