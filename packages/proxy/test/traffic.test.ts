import { scanMessage } from '@mreg/mcp-wire'
import { describe, expect, test } from 'vitest'

import { DURATION_BOUNDS_MS, METHOD_CLASSES, OUTCOMES, RouteTable, Traffic } from '../src/index.ts'
import type { RoutedMessage } from '../src/routed.ts'
import { exchangeOf, requestOf } from './support/exchanges.ts'
import { registered } from './support/open-proxy.ts'

const routeTo = (slug: string): RoutedMessage['route'] => {
  const routes = new RouteTable()
  routes.apply({ changed: [registered('http://127.0.0.1:1/mcp', { slug })], removed: [], complete: true })
  const route = routes.lookup('default', slug)
  if (route === undefined) throw new Error('there is no route')
  return route
}

const messageTo = (route: RoutedMessage['route'], method = 'tools/list'): RoutedMessage => {
  const exchange = exchangeOf(requestOf(method), { slug: route.server.slug })
  return { exchange, route, scanned: scanMessage(exchange.body), startedAt: performance.now() }
}

const RESULT = {
  message: Buffer.from('12345'),
  eventId: undefined,
  retryMs: undefined,
  final: true,
  status: 200,
}

describe('the figures of servers', () => {
  test('add up: every request is in one outcome and one class of durations', () => {
    const traffic = new Traffic()
    const route = routeTo('one')
    const turns = [
      RESULT,
      { ...RESULT, isError: true },
      { ...RESULT, failure: new Error('away') },
      { ...RESULT, isStale: true },
      { ...RESULT, isCancelled: true },
    ]
    const methods = ['tools/call', 'tools/list', 'resources/read', 'initialize', 'completion/complete']
    for (const method of methods) for (const turn of turns) traffic.settled(messageTo(route, method), turn)
    const [[serverId, server] = []] = [...traffic.servers()]
    expect(serverId).toBe(route.server.id)
    const counts = [...(server?.counts() ?? [])]
    expect(new Set(counts.map(({ methodClass }) => methodClass))).toEqual(new Set(METHOD_CLASSES))
    expect(new Set(counts.map(({ outcome }) => outcome))).toEqual(new Set(OUTCOMES))
    expect(counts.every(({ count, era }) => count === 1 && era === 'legacy')).toBe(true)
    expect(server?.responseBytes).toBe(25 * 5)
    for (const { atMost, count } of server?.durations() ?? []) {
      expect(count).toBe(turns.length)
      expect(atMost).toHaveLength(DURATION_BOUNDS_MS.length)
      expect(atMost.at(-1)).toBe(count)
    }
  })

  test('are in the class of durations whose bound is not less', () => {
    const traffic = new Traffic()
    const route = routeTo('one')
    for (const ms of [5, 5.5, 300_000, 300_001]) {
      const { slug, tenantId } = route.server
      traffic.settled({ ...messageTo(route), startedAt: performance.now() }, RESULT)
      const [[, server] = []] = [...traffic.servers()]
      expect(server).toMatchObject({ slug, tenantId })
      server?.count({
        era: 'modern',
        methodClass: 'call',
        outcome: 'result',
        durationMs: ms,
        requestBytes: 0,
        responseBytes: 0,
      })
    }
    const [[, server] = []] = [...traffic.servers()]
    const calls = [...(server?.durations() ?? [])].find(({ methodClass }) => methodClass === 'call')
    expect(calls).toMatchObject({ count: 4, sumMs: 600_011.5 })
    expect(calls?.atMost.slice(0, 2)).toEqual([1, 2])
    expect(calls?.atMost.at(-1)).toBe(3)
  })

  test('are bounded: the servers that come later are counted together, until others are gone', () => {
    const traffic = new Traffic({ maxServers: 2 })
    const routes = ['a', 'b', 'c', 'd'].map(routeTo)
    const ask = (): void => {
      for (const route of routes) traffic.settled(messageTo(route), RESULT)
    }
    ask()
    const slugs = (): string[] => [...traffic.servers()].map(([, { slug }]) => slug)
    expect(slugs()).toEqual(['a', 'b'])
    expect([...traffic.others.counts()]).toMatchObject([{ count: 2 }])
    traffic.keepOnly((serverId) => serverId !== routes[0]?.server.id)
    ask()
    expect(slugs()).toEqual(['b', 'a'])
  })
})
