import { setTimeout as sleep } from 'node:timers/promises'

/** What the callers saw. */
export interface CallReport {
  readonly calls: number
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const ACCEPT = 'application/json, text/event-stream'
const INTERVAL_MS = 10

const post = (url: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: ACCEPT, ...headers },
    body: JSON.stringify(body),
  })

/** Opens a session of the 2025 era. */
export const openSession = async (url: string): Promise<string> => {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  }
  const response = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params }, {})
  await response.text()
  return response.headers.get('mcp-session-id') ?? ''
}

/** Calls a tool a hundred times a second, whatever becomes of the calls before, until `work` has ended. */
export const callWhile = async (
  url: string,
  sessionId: string,
  work: () => Promise<unknown>,
): Promise<CallReport> => {
  const latencies: number[] = []
  const under: Promise<void>[] = []
  let failures = 0
  const worked = new AbortController()
  const call = async (id: number): Promise<void> => {
    const startedAt = performance.now()
    const params = { name: 'echo', arguments: { message: String(id) } }
    const headers = { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' }
    const response = await post(url, { jsonrpc: '2.0', id, method: 'tools/call', params }, headers)
    if ((await response.text()).includes('"result"')) latencies.push(performance.now() - startedAt)
    else failures += 1
  }
  const calling = (async () => {
    const startedAt = performance.now()
    for (let id = 1; !worked.signal.aborted; id += 1) {
      under.push(call(id).catch(() => void (failures += 1)))
      await sleep(Math.max(0, startedAt + id * INTERVAL_MS - performance.now()))
    }
  })()
  await work().finally(() => worked.abort())
  await calling
  await Promise.all(under)
  latencies.sort((left, right) => left - right)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return { calls: latencies.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
