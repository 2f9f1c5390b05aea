import { clients } from './clients.ts'

/** What one client took for a number of requests. */
export interface ClientReport {
  readonly requests: number
  readonly seconds: number
  readonly cpuMicroseconds: number
}

// One client alone in its process, with nothing but itself and an upstream elsewhere.
const [name = '', upstreamPort] = process.argv.slice(2)
const client = clients[name]?.(Number(upstreamPort))
if (client === undefined) throw new Error(`no client is called ${name}`)

const headers = ['Content-Type', 'application/json', 'Accept', 'application/json', 'Mcp-Session-Id', 'bench']
const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', padding: 'y'.repeat(250) }))

process.on('message', async ({ durationMs, loops }: { durationMs: number; loops: number }) => {
  let requests = 0
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const run = async (): Promise<void> => {
    while (performance.now() - startedAt < durationMs) {
      const { status } = await client('/300', headers, body)
      if (status !== 200) throw new Error(`status ${status}`)
      requests += 1
    }
  }
  await Promise.all(Array.from({ length: loops }, run))
  const { user, system } = process.cpuUsage(before)
  const report: ClientReport = {
    requests,
    seconds: (performance.now() - startedAt) / 1000,
    cpuMicroseconds: user + system,
  }
  process.send?.(report)
})
process.send?.('ready')
