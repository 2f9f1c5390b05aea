import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort } from '@mreg/testing'

import type { LoopReport } from './loop-meter.ts'
import { startMeasured, type MeasuredGateway } from './measured-gateway.ts'
import { type CallReport, callWhile, openSession } from './steady-calls.ts'

// What the embedded database costs the process that it lives in: how late its event loop becomes, what that does to
// the calls that go through it meanwhile, and how long a start takes.

const SERVERS = Number(process.env['BENCH_SERVERS'] ?? 1000)
const STARTS = Number(process.env['BENCH_STARTS'] ?? 5)

const data = mkdtempSync(join(tmpdir(), 'mreg-bench-'))
const upstreamPort = await freePort()
const upstream = fork(join(import.meta.dirname, '..', 'gateway', 'upstream.ts'), [String(upstreamPort)])
const upstreamUrl = `http://127.0.0.1:${upstreamPort}/mcp`

const register = async (gateway: MeasuredGateway, slug: string): Promise<void> => {
  const response = await fetch(`${gateway.url}/api/v1/servers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ slug, endpoints: [{ transport: 'streamable-http', url: upstreamUrl }] }),
  })
  await response.arrayBuffer()
  // A machine that is busy with other things lets the database be late; a newcomer would try again as well.
  if (response.status === 503) await register(gateway, slug)
  // 409: the answer to the time before was late, and what it was about has happened.
  else if (!response.ok && response.status !== 409)
    throw new Error(`registering ${slug} was answered ${response.status}`)
}

const list = async (gateway: MeasuredGateway): Promise<void> => {
  const headers = { authorization: `Bearer ${gateway.adminKey}` }
  const response = await fetch(`${gateway.url}/api/v1/servers?limit=100`, { headers })
  await response.arrayBuffer()
}

const line = (name: string, loop: LoopReport, calls: CallReport | undefined, more: string): void => {
  const cells = [
    name,
    ...[loop.p50Ms, loop.p99Ms, loop.maxMs].map((value) => value.toFixed(1)),
    ...(calls === undefined
      ? ['', '', '']
      : [calls.p50Ms, calls.p99Ms, calls.maxMs].map((value) => value.toFixed(1))),
    calls === undefined ? '' : String(calls.failures),
    loop.loopCpuMs.toFixed(0),
    loop.cpuMs.toFixed(0),
    loop.rssMiB.toFixed(0),
    more,
  ]
  console.log(`| ${cells.join(' | ')} |`)
}

try {
  await once(upstream, 'message')
  console.log(
    '| phase | loop p50 ms | p99 | max | call p50 ms | p99 | max | failed | loop CPU ms | all CPU ms | RSS MiB | |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|')
  {
    await using gateway = await startMeasured(data)
    line('start, new directory', await gateway.report(), undefined, `ready ${gateway.readyMs.toFixed(0)} ms`)
    await register(gateway, 'bench')
    const url = `${gateway.url}/mcp/bench`
    const sessionId = await openSession(url)
    const phase = async (name: string, work: () => Promise<unknown>, more: string): Promise<void> => {
      await gateway.report()
      const startedAt = performance.now()
      const calls = await callWhile(url, sessionId, work)
      const seconds = (performance.now() - startedAt) / 1000
      line(name, await gateway.report(), calls, `${more}${seconds.toFixed(1)} s`)
    }
    await callWhile(url, sessionId, () => sleep(2000))
    await phase('calls alone', () => sleep(5000), '')
    let next = 0
    const registrar = async (): Promise<void> => {
      while (next < SERVERS) await register(gateway, `server-${(next += 1)}`)
    }
    await phase(
      `registering ${SERVERS} servers, 4 at a time`,
      () => Promise.all(Array.from({ length: 4 }, registrar)),
      '',
    )
    await phase(
      'listing servers, 4 at a time',
      () =>
        Promise.all(
          Array.from({ length: 4 }, async () => {
            for (let count = 0; count < 50; count += 1) await list(gateway)
          }),
        ),
      '',
    )
  }
  for (let start = 1; start <= STARTS; start += 1) {
    await using gateway = await startMeasured(data)
    const name = `start ${start}, ${SERVERS} servers`
    line(name, await gateway.report(), undefined, `ready ${gateway.readyMs.toFixed(0)} ms`)
  }
} finally {
  upstream.kill()
  rmSync(data, { recursive: true, force: true })
}
