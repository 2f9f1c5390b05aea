import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, startGateway } from '@mreg/testing'

import type { LoadReport } from './load.ts'

// What the gateway costs on `/mcp/{slug}`, and on `/mcp` where names are rewritten, beside going to the server directly and beside a textbook proxy, in one
// run with interleaved rounds. Only ratios within a run mean anything.

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 2000)
const CONNECTIONS = Number(process.env['BENCH_CONNECTIONS'] ?? 16)

interface Target {
  readonly name: string
  readonly url: string
  readonly era: 'legacy' | 'modern'
  readonly sessionId: string
  readonly tool: string
  /** Whose processor time is counted. */
  readonly pid: number
}

interface Round extends LoadReport {
  readonly cpuSecondsPer10k: number
}

const children: ChildProcess[] = []

const startScript = async (name: string, ...parameters: readonly number[]): Promise<number> => {
  const child = fork(join(import.meta.dirname, name), parameters.map(String))
  children.push(child)
  await once(child, 'message')
  return child.pid ?? 0
}

const initialize = async (url: string): Promise<string> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'bench', version: '1' },
      },
    }),
  })
  await response.text()
  return response.headers.get('mcp-session-id') ?? ''
}

/** Processor time of a process so far, in seconds: user and system, from /proc. */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

const data = mkdtempSync(join(tmpdir(), 'mreg-bench-'))
try {
  const [upstreamPort, rawPort, modernPort] = [await freePort(), await freePort(), await freePort()]
  await startScript('modern-upstream.ts', modernPort)
  const upstreamPid = await startScript('upstream.ts', upstreamPort)
  const rawPid = await startScript('raw-proxy.ts', rawPort, upstreamPort)
  await using gateway = await startGateway({
    dataDirectory: data,
    environment: { MREG_DATABASE_URL: 'memory://', MREG_HEALTH_MODE: 'off', MREG_LOG_LEVEL: 'warn' },
  })
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}/mcp`
  const register = async (slug: string, url: string): Promise<void> => {
    await fetch(`${gateway.url}/api/v1/servers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ slug, endpoints: [{ transport: 'streamable-http', url }] }),
    })
  }
  await register('bench', upstreamUrl)
  await register('modern', `http://127.0.0.1:${modernPort}/mcp`)
  const urls = [
    ['direct', upstreamUrl, upstreamPid],
    ['raw', `http://127.0.0.1:${rawPort}/mcp`, rawPid],
    ['mreg', `${gateway.url}/mcp/bench`, gateway.pid],
    ['mreg, newer client and server', `${gateway.url}/mcp/modern`, gateway.pid, 'modern'],
    ['mreg, older client to newer server', `${gateway.url}/mcp/modern`, gateway.pid],
    ['mreg, newer client to older server', `${gateway.url}/mcp/bench`, gateway.pid, 'modern'],
  ] as const
  const targets: Target[] = []
  const add = async (target: Omit<Target, 'sessionId'>): Promise<void> => {
    targets.push({ ...target, sessionId: target.era === 'modern' ? '' : await initialize(target.url) })
  }
  for (const [name, url, pid, era = 'legacy'] of urls) await add({ name, url, pid, era, tool: 'echo' })
  const merged = { url: `${gateway.url}/mcp`, pid: gateway.pid }
  await add({ ...merged, name: 'mreg, all as one, older both', era: 'legacy', tool: 'bench__echo' })
  await add({ ...merged, name: 'mreg, all as one, newer both', era: 'modern', tool: 'modern__echo' })

  const load = fork(join(import.meta.dirname, 'load.ts'))
  children.push(load)
  const round = async ({ era, url, sessionId, tool, pid }: Target, durationMs: number): Promise<Round> => {
    const before = cpuSeconds(pid)
    const reported = new Promise<LoadReport>((resolve) => load.once('message', resolve))
    load.send({ era, url, sessionId, tool, connections: CONNECTIONS, durationMs })
    const report = await reported
    return { ...report, cpuSecondsPer10k: ((cpuSeconds(pid) - before) / report.requests) * 10_000 }
  }

  for (const target of targets) await round(target, 1000)
  const rounds = new Map<string, Round[]>(targets.map(({ name }) => [name, []]))
  for (let index = 0; index < ROUNDS; index += 1) {
    for (const target of targets) rounds.get(target.name)?.push(await round(target, ROUND_MS))
    process.stderr.write(`round ${index + 1} of ${ROUNDS}\n`)
  }

  const raw = rounds.get('raw') ?? []
  console.log(
    `tools/call, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${ROUND_MS} ms, medians of per-round figures\n`,
  )
  console.log('| via | req/s | p50 ms | p99 ms | CPU s/10k | x raw throughput | x raw CPU | failures |')
  console.log('|---|---|---|---|---|---|---|---|')
  for (const [name, found] of rounds) {
    const perSecond = ({ requests, seconds }: Round): number => requests / seconds
    const cells = [
      name,
      median(found.map(perSecond)).toFixed(0),
      median(found.map(({ p50Ms }) => p50Ms)).toFixed(2),
      median(found.map(({ p99Ms }) => p99Ms)).toFixed(1),
      median(found.map(({ cpuSecondsPer10k }) => cpuSecondsPer10k)).toFixed(2),
      median(found.map((each, index) => perSecond(each) / perSecond(raw[index] ?? each))).toFixed(2),
      median(
        found.map((each, index) => each.cpuSecondsPer10k / (raw[index] ?? each).cpuSecondsPer10k),
      ).toFixed(2),
      String(found.reduce((sum, { failures }) => sum + failures, 0)),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
} finally {
  for (const child of children) child.kill()
  rmSync(data, { recursive: true, force: true })
}
