import { PROTOCOL_VERSION, exchangeOf, INITIALIZE, seen } from '../support/exchanges.ts'
import { openProxy, registered } from '../support/open-proxy.ts'

// A process of its own: opens sessions that nobody comes back to, and tells how many bytes of the heap each retains.

const [url = '', era = '', count = ''] = process.argv.slice(2)
const sessions = Number(count)
/** What is made once, by the first requests, is no part of any session. */
const WARM_UP = 500
const CONCURRENT = 20

const open = openProxy({
  era: { legacy: era === 'legacy', modern: era === 'modern' },
  // All are retained: a cap would only make it less.
  maxSessions: sessions + WARM_UP,
  bridge: { maxSessions: sessions + WARM_UP },
  connectTimeoutMs: 60_000,
  timeouts: { requestMs: 60_000, toolCallMs: 60_000 },
})
open.register(registered(url))

const abandonOne = async (): Promise<void> => {
  const { headers, text } = await seen(await open.proxy.handle(exchangeOf(INITIALIZE)))
  const token = headers['mcp-session-id']
  if (token === undefined) throw new Error(`no session: ${text}`)
  await open.proxy.handle(
    exchangeOf(
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { headers: { 'mcp-session-id': token, 'mcp-protocol-version': PROTOCOL_VERSION } },
    ),
  )
}

const abandon = async (many: number): Promise<void> => {
  let left = many
  const work = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1
      await abandonOne()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, work))
}

const retainedBytes = async (): Promise<number> => {
  // What ends with a request may need another turn to be let go.
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    globalThis.gc?.()
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

await abandon(WARM_UP)
const before = await retainedBytes()
await abandon(sessions)
const bytesEach = Math.round(((await retainedBytes()) - before) / sessions)
process.stdout.write(
  JSON.stringify({ bytesEach, remembered: open.sessions.size, canCollect: globalThis.gc !== undefined }),
)
await open[Symbol.asyncDispose]()
