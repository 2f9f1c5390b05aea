import type { EndpointProbe, ServerStatus } from '@mreg/core'
import { HealthMonitor, type HealthMonitorOptions, type ProbedServer } from '@mreg/health'
import type { EndpointTarget } from '@mreg/upstream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const target = (id: string): EndpointTarget => ({
  endpoint: {
    id,
    serverId: `server of ${id}`,
    transport: 'streamable-http',
    url: 'http://127.0.0.1:1/mcp',
    command: undefined,
    args: undefined,
    cwd: undefined,
    weight: 1,
    headerNames: [],
    envNames: [],
    secretId: undefined,
  },
  tenantId: 'default',
  serverId: `server of ${id}`,
  slug: id,
  revision: 1,
  sealedCredentials: undefined,
})

const probeOf = (endpointId: string, status: ServerStatus): EndpointProbe => ({
  endpointId,
  status,
  era: 'legacy',
  latencyMs: 1,
  message: undefined,
  probedAt: new Date(),
})

interface Watch {
  readonly monitor: HealthMonitor
  readonly asked: string[]
  readonly kept: { readonly server: ProbedServer; readonly probes: readonly EndpointProbe[] }[]
}

const watch = (options: Partial<HealthMonitorOptions> & Pick<HealthMonitorOptions, 'targets'>): Watch => {
  const asked: string[] = []
  const kept: Watch['kept'] = []
  const monitor = new HealthMonitor({
    probe: async ({ endpoint }) => {
      asked.push(endpoint.id)
      return probeOf(endpoint.id, 'healthy')
    },
    record: async (server, probes) => {
      kept.push({ server, probes })
    },
    intervalMs: 30_000,
    unhealthyIntervalMs: 5000,
    maxConcurrentProbes: 4,
    now: () => Date.now(),
    random: () => 0.5,
    ...options,
  })
  monitor.start()
  return { monitor, asked, kept }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('each endpoint is asked within the first interval and then once in each, and what was found is kept', async () => {
  const { monitor, asked, kept } = watch({ targets: () => [target('a'), target('b')] })
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
  const { monitor } = watch({
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
  const { monitor } = watch({
    targets: () => ['a', 'b', 'c', 'd', 'e', 'f'].map(target),
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
  const { monitor, asked } = watch({ targets: () => targets })
  await vi.advanceTimersByTimeAsync(30_000)
  targets.pop()
  asked.length = 0
  await vi.advanceTimersByTimeAsync(120_000)
  expect(new Set(asked)).toEqual(new Set(['a']))
  await monitor[Symbol.asyncDispose]()
})

test('after a wake everything is asked again soon', async () => {
  const { monitor, asked } = watch({ targets: () => [target('a'), target('b')] })
  await vi.advanceTimersByTimeAsync(30_000)
  asked.length = 0
  monitor.startOver()
  await vi.advanceTimersByTimeAsync(5000)
  expect(asked.toSorted()).toEqual(['a', 'b'])
  await monitor[Symbol.asyncDispose]()
})

test('what cannot be kept is asked again, and the loop goes on', async () => {
  let tries = 0
  const { monitor } = watch({
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
  const { monitor, kept } = watch({
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
