import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { freePort } from '@mreg/testing'

import type { ClientReport } from './client-round.ts'
import { clients } from './clients.ts'
import type { LoadOrder, LoadReport } from './load.ts'

// The two forms of http-pool beside the clients that they are built on or might have been, as clients and as proxies, in
// one run with interleaved rounds. Only ratios within a run mean anything, and processor time more than throughput.

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const ROUND_MS = Number(process.env['BENCH_ROUND_MS'] ?? 2000)
const CONNECTIONS = Number(process.env['BENCH_CONNECTIONS'] ?? 16)
const WARM_UP_REQUESTS = 20_000
const MAX_WARM_UP_SLICES = 10
const PATHS = (process.env['BENCH_PATHS'] ?? '/300,/65536').split(',')

interface Measured {
  readonly perSecond: number
  readonly cpuUs: number
  readonly p50Ms?: number
  readonly p99Ms?: number
}

const children: ChildProcess[] = []

const start = async (script: string, ...parameters: readonly (string | number)[]): Promise<ChildProcess> => {
  const child = fork(join(import.meta.dirname, script), parameters.map(String))
  children.push(child)
  await once(child, 'message')
  return child
}

const ask = async <Report>(child: ChildProcess, order: object): Promise<Report> => {
  const answered = once(child, 'message')
  child.send(order)
  const [report] = await answered
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own script answers
  return report as Report
}

/** Processor time of a process so far, in microseconds: user and system, from /proc. */
const cpuUs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN

const printTable = (
  title: string,
  rounds: ReadonlyMap<string, readonly Measured[]>,
  baseline: string,
): void => {
  const base = rounds.get(baseline) ?? []
  console.log(`\n${title}, ${ROUNDS} rounds of ${ROUND_MS} ms, medians of per-round figures\n`)
  console.log(`| | req/s | CPU µs/req | x ${baseline} throughput | x ${baseline} CPU | p50 ms | p99 ms |`)
  console.log('|---|---|---|---|---|---|---|')
  for (const [name, found] of rounds) {
    const over = (read: (measured: Measured) => number): string =>
      median(found.map((each, index) => read(each) / read(base[index] ?? each))).toFixed(2)
    const latency = (read: (measured: Measured) => number | undefined): string =>
      found[0]?.p50Ms === undefined ? '–' : median(found.map((each) => read(each) ?? Number.NaN)).toFixed(2)
    const cells = [
      name,
      median(found.map(({ perSecond }) => perSecond)).toFixed(0),
      median(found.map((each) => each.cpuUs)).toFixed(1),
      over(({ perSecond }) => perSecond),
      over((each) => each.cpuUs),
      latency(({ p50Ms }) => p50Ms),
      latency(({ p99Ms }) => p99Ms),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

/** Warms each up, then measures all of them in turn, round by round. */
const interleave = async (
  names: readonly string[],
  measure: (name: string, durationMs: number) => Promise<Measured>,
): Promise<Map<string, Measured[]>> => {
  const rounds = new Map<string, Measured[]>(names.map((name) => [name, []]))
  for (const name of names) {
    // By count, not by time: on a busy machine a second is not enough for the code to be compiled.
    for (let slice = 0, requests = 0; slice < MAX_WARM_UP_SLICES && requests < WARM_UP_REQUESTS; slice += 1) {
      requests += (await measure(name, 1000)).perSecond
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) rounds.get(name)?.push(await measure(name, ROUND_MS))
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`)
  }
  return rounds
}

try {
  const upstreamPort = await freePort()
  await start('upstream.ts', upstreamPort)
  const only = process.env['BENCH_ONLY']?.split(',')
  const names = Object.keys(clients).filter((name) => only?.includes(name) ?? true)

  const alone = new Map<string, ChildProcess>()
  for (const name of names) alone.set(name, await start('client-round.ts', name, upstreamPort))
  const asClients = await interleave(names, async (name, durationMs) => {
    const child = alone.get(name)
    if (child === undefined) throw new Error(`no process for ${name}`)
    const report = await ask<ClientReport>(child, { durationMs, loops: CONNECTIONS })
    return { perSecond: report.requests / report.seconds, cpuUs: report.cpuMicroseconds / report.requests }
  })
  printTable(`Clients alone, 300 bytes, ${CONNECTIONS} at once`, asClients, names[0] ?? '')
  for (const child of alone.values()) child.kill()

  const load = fork(join(import.meta.dirname, 'load.ts'))
  children.push(load)
  const proxies = new Map<string, { port: number; pid: number }>()
  const rawPort = await freePort()
  const raw = await start('../gateway/raw-proxy.ts', rawPort, upstreamPort)
  proxies.set('raw', { port: rawPort, pid: raw.pid ?? 0 })
  for (const name of names) {
    const port = await freePort()
    const { pid = 0 } = await start('proxy.ts', name, port, upstreamPort)
    proxies.set(name, { port, pid })
  }
  for (const path of PATHS) {
    const found = await interleave([...proxies.keys()], async (name, durationMs) => {
      const { port = 0, pid = 0 } = proxies.get(name) ?? {}
      const before = cpuUs(pid)
      const order: LoadOrder = { port, path, connections: CONNECTIONS, durationMs }
      const { requests, seconds, p50Ms, p99Ms } = await ask<LoadReport>(load, order)
      return { perSecond: requests / seconds, cpuUs: (cpuUs(pid) - before) / requests, p50Ms, p99Ms }
    })
    printTable(`Proxies, ${path.slice(1)} bytes, ${CONNECTIONS} connections`, found, 'raw')
    const relay = found.get('http-pool relay')
    if (path !== '/300' || relay === undefined) continue
    const rawRounds = found.get('raw') ?? []
    const ratio = (read: (measured: Measured) => number): number =>
      median(relay.map((each, index) => read(each) / read(rawRounds[index] ?? each)))
    const [throughput, cpu] = [ratio(({ perSecond }) => perSecond), ratio((each) => each.cpuUs)]
    const verdict = throughput >= 1.3 && cpu <= 0.75 ? 'met' : 'missed'
    console.log(
      `\nP1, relay: ${throughput.toFixed(2)}x raw throughput (>= 1.3), ${cpu.toFixed(2)}x raw CPU (<= 0.75): ${verdict}`,
    )
  }
} finally {
  for (const child of children) child.kill()
}
