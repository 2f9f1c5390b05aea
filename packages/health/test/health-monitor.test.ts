import type { EndpointProbe, ServerStatus } from '@mreg/core'
import {
  HealthMonitor,
  type HealthMonitorOptions,
  LocalSchedule,
  type LocalScheduleOptions,
  type ProbedServer,
} from '@mreg/health'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { endpointTarget as target } from './support/endpoint-target.ts'

const probeOf = (endpointId: string, status: ServerStatus): EndpointProbe => ({
  endpointId,
  status,
  era: 'legacy',
  latencyMs: 1,
  message: undefined,
  probedAt: new Date(),
})

interface Watch extends AsyncDisposable {
  readonly schedule: LocalSchedule
  readonly asked: string[]
  readonly kept: { readonly server: ProbedServer; readonly probes: readonly EndpointProbe[] }[]
}

interface WatchOptions {
  readonly targets: LocalScheduleOptions['targets']
  readonly record?: LocalScheduleOptions['record']
  readonly probe?: HealthMonitorOptions['probe']
  readonly maxConcurrentProbes?: number
}

const watch = ({ targets, record, ...options }: WatchOptions): Watch => {
  const asked: string[] = []
  const kept: Watch['kept'] = []
  const schedule = new LocalSchedule({
    targets,
    record:
      record ??
      (async ({ tenantId, serverId }, probes) => {
        kept.push({ server: { tenantId, serverId }, probes })
      }),
    intervalMs: 30_000,
    unhealthyIntervalMs: 5000,
    now: () => Date.now(),
    random: () => 0.5,
  })
  const monitor = new HealthMonitor({
    schedules: [schedule],
    probe: async ({ endpoint }) => {
      asked.push(endpoint.id)
      return probeOf(endpoint.id, 'healthy')
    },
    maxConcurrentProbes: 4,
    random: () => 0.5,
    ...options,
  })
  monitor.start()
  return { schedule, asked, kept, [Symbol.asyncDispose]: () => monitor[Symbol.asyncDispose]() }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('each endpoint is asked within the first interval and then once in each, and what was found is kept', async () => {
  const { asked, kept, ...monitor } = watch({ targets: () => [target('a'), target('b')] })
  await vi.advanceTimersByTimeAsync(30_000)
  expect(asked.toSorted()).toEqual(['a', 'b'])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked.filter((id) => id === 'a')).toHaveLength(3)
  expect(kept[0]).toEqual({
    server: { tenantId: 'default', serverId: 'server of a' },
    probes: [expect.objectContaining({ endpointId: 'a', status: 'healthy' })],
  })
  await monitor[Symbol.asyncDispose]()
})

test('one that does not work is asked more often, until it works again', async () => {
  let status: ServerStatus = 'unhealthy'
  const asked: number[] = []
  const monitor = watch({
    targets: () => [target('a')],
    probe: async () => {
      asked.push(Date.now())
      return probeOf('a', status)
    },
  })
  await vi.advanceTimersByTimeAsync(45_000)
  expect(asked.length).toBeGreaterThanOrEqual(5)
  status = 'healthy'
  await vi.advanceTimersByTimeAsync(6000)
  const before = asked.length
  await vi.advanceTimersByTimeAsync(24_000)
  expect(asked).toHaveLength(before)
  await monitor[Symbol.asyncDispose]()
})

test('no more probes are under way than may be, and no endpoint is asked twice at once', async () => {
  let underWay = 0
  let most = 0
  const monitor = watch({
    targets: () => ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => target(id)),
    maxConcurrentProbes: 2,
    probe: async ({ endpoint }) => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setTimeout(resolve, 40_000))
      underWay -= 1
      return probeOf(endpoint.id, 'healthy')
    },
  })
  await vi.advanceTimersByTimeAsync(200_000)
  expect(most).toBe(2)
  const disposed = monitor[Symbol.asyncDispose]()
  await vi.advanceTimersByTimeAsync(100_000)
  await disposed
})

test('an endpoint that is gone is not asked any more', async () => {
  const targets = [target('a'), target('b')]
  const { asked, ...monitor } = watch({ targets: () => targets })
  await vi.advanceTimersByTimeAsync(30_000)
  targets.pop()
  asked.length = 0
  await vi.advanceTimersByTimeAsync(120_000)
  expect(new Set(asked)).toEqual(new Set(['a']))
  await monitor[Symbol.asyncDispose]()
})

test('after a wake everything is asked again soon', async () => {
  const { asked, ...monitor } = watch({ targets: () => [target('a'), target('b')] })
  await vi.advanceTimersByTimeAsync(30_000)
  asked.length = 0
  monitor.schedule.startOver()
  await vi.advanceTimersByTimeAsync(5000)
  expect(asked.toSorted()).toEqual(['a', 'b'])
  await monitor[Symbol.asyncDispose]()
})

test('what cannot be kept is asked again, and the loop goes on', async () => {
  let tries = 0
  const monitor = watch({
    targets: () => [target('a')],
    record: async () => {
      tries += 1
      throw new Error('the database is away')
    },
  })
  await vi.advanceTimersByTimeAsync(120_000)
  expect(tries).toBeGreaterThan(2)
  await monitor[Symbol.asyncDispose]()
})

test('the end cuts a probe short and keeps nothing of it', async () => {
  const { promise: begun, resolve } = Promise.withResolvers<void>()
  const { kept, ...monitor } = watch({
    targets: () => [target('a')],
    probe: async (_target, signal) => {
      resolve()
      await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
      return probeOf('a', 'unhealthy')
    },
  })
  await vi.advanceTimersByTimeAsync(30_000)
  await begun
  await monitor[Symbol.asyncDispose]()
  expect(kept).toEqual([])
})
