import { connect } from 'node:net'

/** What a round of load found. */
export interface LoadReport {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface LoadOrder {
  readonly port: number
  readonly path: string
  readonly connections: number
  readonly durationMs: number
}

// A process of its own, on bare sockets: it must cost less than what it measures.
const body = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: { message: 'y'.repeat(200) } },
})

const requestTo = (path: string): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    'Mcp-Protocol-Version: 2025-11-25',
    'Mcp-Session-Id: bench',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')

/** Sends one request after the other until `endsAt`; every answer must have status 200 and all its bytes. */
const drive = (order: LoadOrder, endsAt: number, latencies: number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = requestTo(order.path)
    const socket = connect(order.port, '127.0.0.1')
    let startedAt = 0
    let head = ''
    let missing = -1
    const send = (): void => {
      startedAt = performance.now()
      socket.write(request)
    }
    socket.setNoDelay(true).on('error', reject).on('connect', send)
    socket.on('close', () => reject(new Error('the connection was closed')))
    socket.on('data', (chunk) => {
      let at = 0
      if (missing === -1) {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        const length = /^content-length: (\d+)/imu.exec(head.slice(0, end))?.[1]
        if (!head.startsWith('HTTP/1.1 200') || length === undefined)
          return reject(new Error(head.slice(0, end)))
        at = chunk.byteLength - (head.length - end - 4)
        missing = Number(length)
        head = ''
      }
      missing -= chunk.byteLength - at
      if (missing > 0) return
      missing = -1
      latencies.push(performance.now() - startedAt)
      if (performance.now() < endsAt) return send()
      socket.removeAllListeners('close').destroy()
      resolve()
    })
  })

process.on('message', async (order: LoadOrder) => {
  const latencies: number[] = []
  const startedAt = performance.now()
  const loops = Array.from({ length: order.connections }, () =>
    drive(order, startedAt + order.durationMs, latencies),
  )
  await Promise.all(loops)
  latencies.sort((left, right) => left - right)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  const report: LoadReport = {
    requests: latencies.length,
    seconds: (performance.now() - startedAt) / 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
  process.send?.(report)
})
