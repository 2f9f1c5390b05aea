import { Agent, request as send } from 'node:http'

/** What a round of load found. */
export interface LoadReport {
  readonly requests: number
  readonly failures: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

interface LoadOrder {
  readonly url: string
  /** Which era the client speaks. */
  readonly era: 'legacy' | 'modern'
  readonly sessionId: string
  /** What the tool is called at that address. */
  readonly tool: string
  readonly connections: number
  readonly durationMs: number
}

const VERSION = '2026-07-28'
const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
}
const MODERN_HEADERS = { 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call' }

// A process of its own: what it costs is in nobody else's account.
const agent = new Agent({ keepAlive: true })
let lastId = 0

const call = (order: LoadOrder): Promise<number> =>
  new Promise((resolve, reject) => {
    lastId += 1
    const id = lastId
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: {
        name: order.tool,
        arguments: { message: `${id} ${'y'.repeat(100)}` },
        ...(order.era === 'modern' ? { _meta: MODERN_META } : {}),
      },
    })
    const startedAt = performance.now()
    const request = send(
      order.url,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'content-length': body.length,
          ...(order.era === 'modern'
            ? { ...MODERN_HEADERS, 'mcp-name': order.tool }
            : { 'mcp-session-id': order.sessionId, 'mcp-protocol-version': '2025-11-25' }),
        },
      },
      (response) => {
        let answer = ''
        response.setEncoding('latin1').on('data', (part: string) => (answer += part))
        response.on('end', () => {
          if (response.statusCode === 200 && answer.includes(`"id":${id}`) && answer.includes('"result"'))
            resolve(performance.now() - startedAt)
          else reject(new Error(`${response.statusCode} ${answer.slice(0, 200)}`))
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })

process.on('message', async (order: LoadOrder) => {
  const latencies: number[] = []
  let failures = 0
  const startedAt = performance.now()
  const endsAt = startedAt + order.durationMs
  await Promise.all(
    Array.from({ length: order.connections }, async () => {
      while (performance.now() < endsAt) {
        try {
          latencies.push(await call(order))
        } catch {
          failures += 1
        }
      }
    }),
  )
  latencies.sort((left, right) => left - right)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  const report: LoadReport = {
    requests: latencies.length,
    failures,
    seconds: (performance.now() - startedAt) / 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
  process.send?.(report)
})
