import { createMemoryCache } from '@mreg/cache'
import type { ServerStatus } from '@mreg/core'
import { HealthBoard } from '@mreg/health'
import { afterEach, beforeEach, expect, test } from 'vitest'

type Told = readonly [endpointId: string, status: ServerStatus]

let cache: ReturnType<typeof createMemoryCache>
let resources: AsyncDisposableStack

beforeEach(() => {
  resources = new AsyncDisposableStack()
  cache = resources.use(createMemoryCache())
})

afterEach(() => resources.disposeAsync())

const open = (endpointIds: readonly string[] = []): { board: HealthBoard; told: Told[] } => {
  const board = resources.use(new HealthBoard({ cache, ttlMs: 60_000 }))
  const told: Told[] = []
  board.follow({
    learn: (endpointId, status) => void told.push([endpointId, status]),
    endpointIds: () => endpointIds,
  })
  return { board, told }
}

test('what is bad is told each time, what is good again once, and what stays good never', async () => {
  const { told } = open()
  const { board } = open()
  board.post([
    { endpointId: 'one', found: 'unhealthy', former: 'healthy' },
    { endpointId: 'two', found: 'healthy', former: 'healthy' },
  ])
  board.post([{ endpointId: 'one', found: 'unhealthy', former: 'unhealthy' }])
  board.post([{ endpointId: 'one', found: 'healthy', former: 'degraded' }])
  board.post([{ endpointId: 'three', found: 'needs_login', former: 'unknown' }])
  await expect
    .poll(() => told)
    .toEqual([
      ['one', 'unhealthy'],
      ['one', 'unhealthy'],
      ['one', 'healthy'],
      ['three', 'needs_login'],
    ])
})

test('whoever comes later reads what was found of the endpoints that it knows', async () => {
  const { board: worker } = open()
  worker.post([
    { endpointId: 'one', found: 'unhealthy', former: 'healthy' },
    { endpointId: 'another', found: 'unhealthy', former: 'healthy' },
  ])
  await worker[Symbol.asyncDispose]()
  const { board, told } = open(['one', 'two'])
  await board.read()
  expect(told).toEqual([['one', 'unhealthy']])
})

test('many findings are told in several messages, and none is lost', async () => {
  const { told } = open()
  const { board } = open()
  const ids = Array.from(
    { length: 1001 },
    (_, index) => `019ac0de-0000-7000-8000-${String(index).padStart(12, '0')}`,
  )
  board.post(ids.map((endpointId) => ({ endpointId, found: 'needs_login', former: 'unknown' })))
  await expect.poll(() => told.map(([endpointId]) => endpointId).toSorted()).toEqual(ids)
})

test.each([
  'nonsense',
  '{}',
  '[1,["one"],["one","on fire"],[1,"unhealthy"],["one","maintenance"]]',
  `[["${'x'.repeat(100_000)}","unhealthy"]]`,
])('what is no finding is not taken for one: %.40s', async (message) => {
  const { told } = open()
  await cache.publish('endpoint-health', message)
  await cache.publish('endpoint-health', '[["last","unhealthy"]]')
  await expect.poll(() => told).toEqual([['last', 'unhealthy']])
})
