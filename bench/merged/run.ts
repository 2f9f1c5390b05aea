import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, type GatewayProcess, startGateway } from '@mreg/testing'

// How long a page of a merged `tools/list` takes when everything is known, with all servers well and with every tenth one hung,
// in one run. Only the ratio between the two means anything on another machine.

const SERVERS = Number(process.env['BENCH_SERVERS'] ?? 200)
const TOOLS = Number(process.env['BENCH_TOOLS'] ?? 50)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 20)

const listPage = async (gateway: GatewayProcess, cursor: string | undefined) => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { ...(cursor === undefined ? {} : { cursor }), _meta: meta }
  const startedAt = performance.now()
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params }),
  })
  const text = await response.text()
  const ms = performance.now() - startedAt
  const { result } = JSON.parse(text)
  return { ms, bytes: text.length, tools: Number(result.tools.length), cursor: result.nextCursor }
}

/** All pages. Gives how long each took, and how many tools there were. */
const listAll = async (gateway: GatewayProcess) => {
  const pages: number[] = []
  let [tools, bytes] = [0, 0]
  let cursor: string | undefined
  do {
    const page = await listPage(gateway, cursor)
    pages.push(page.ms)
    tools += page.tools
    bytes = Math.max(bytes, page.bytes)
    cursor = page.cursor
  } while (cursor !== undefined)
  return { pages, tools, bytes }
}

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN

const children: ChildProcess[] = []
const directories: string[] = []

const open = async (upstream: string, hungEvery: number): Promise<GatewayProcess> => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'mreg-bench-'))
  directories.push(dataDirectory)
  const gateway = await startGateway({
    dataDirectory,
    environment: { MREG_DATABASE_URL: 'memory://', MREG_HEALTH_MODE: 'off', MREG_LOG_LEVEL: 'error' },
  })
  for (let index = 0; index < SERVERS; index += 1) {
    const path = hungEvery > 0 && index % hungEvery === 0 ? `hung-${index}` : `server-${index}`
    await fetch(`${gateway.url}/api/v1/servers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        slug: `server-${index}`,
        endpoints: [{ transport: 'streamable-http', url: `${upstream}/${path}` }],
      }),
    })
  }
  return gateway
}

try {
  const port = await freePort()
  const child = fork(join(import.meta.dirname, 'upstream.ts'), [String(port), String(TOOLS)])
  children.push(child)
  await once(child, 'message')
  const upstream = `http://127.0.0.1:${port}`
  await using well = await open(upstream, 0)
  await using hung = await open(upstream, 10)
  const cases = [
    { name: 'all servers well', gateway: well, expected: SERVERS * TOOLS },
    { name: 'every tenth hung', gateway: hung, expected: (SERVERS - Math.ceil(SERVERS / 10)) * TOOLS },
  ].map((each) => ({ ...each, times: [] as number[], bytes: 0 }))
  for (const { name, gateway, expected } of cases) {
    const deadline = performance.now() + 60_000
    for (;;) {
      const { tools } = await listAll(gateway)
      if (tools === expected) break
      if (performance.now() > deadline) throw new Error(`${name}: ${tools} of ${expected} tools are known`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  const requestsSoFar = async (): Promise<number> => Number(await (await fetch(upstream)).text())
  const before = await requestsSoFar()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of cases) {
      const { pages, bytes } = await listAll(each.gateway)
      each.times.push(...pages)
      each.bytes = bytes
    }
  }
  const asked = (await requestsSoFar()) - before
  console.log(
    `tools/list of ${SERVERS} servers with ${TOOLS} tools each, warm, ${ROUNDS} rounds; servers were asked ${asked} times meanwhile\n`,
  )
  console.log('| case | p50 ms a page | p99 ms a page | largest page KiB | x all well |')
  console.log('|---|---|---|---|---|')
  const base = quantile(cases[0]?.times ?? [], 0.5)
  for (const { name, times, bytes } of cases) {
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)]
    console.log(
      `| ${name} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${Math.round(bytes / 1024)} | ${(p50 / base).toFixed(2)} |`,
    )
  }
} finally {
  for (const child of children) child.kill()
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
