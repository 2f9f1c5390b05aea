import type { Client as ModernClient } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { startFaultProxy, startFixtureServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { allTools, CLIENTS } from './support/merged-clients.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

/** The machine may be busy. */
const PATIENT = { timeout: 20_000 }
/** At most two changes within twice that. */
const QUIET_MS = 400
const LOOKS = { refreshMs: 20, minRefreshMs: 20, retryMs: 20, quietMs: QUIET_MS }
const BREAKER = { failureThreshold: 1000, openMs: 50, maxOpenMs: 50 }

/** Counts what a client is told of changed tools. */
const listening = async (client: Client | ModernClient): Promise<() => number> => {
  let told = 0
  if (client instanceof Client)
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (told += 1))
  else {
    client.setNotificationHandler('notifications/tools/list_changed', () => void (told += 1))
    await client.listen({ toolsListChanged: true })
  }
  return () => told
}

const isAway = async (client: Client | ModernClient): Promise<boolean> => {
  const { _meta: meta } = await client.listTools()
  return meta?.['dev.mreg/unavailable'] !== undefined
}

describe.each(CLIENTS)('F25 to a client %s, an upstream that comes and goes', (_, connect) => {
  test('is announced when it is back, seldom, and keeps its tools all the time', async () => {
    await using server = await startFixtureServer()
    await using line = await startFaultProxy({ port: server.port })
    await using open = await openMerged(LOOKS, { breaker: BREAKER })
    open.register(registered(server.url.replace(`:${server.port}`, `:${line.port}`), { slug: 'one' }))
    const { client, close } = await connect(open.url)
    const told = await listening(client)
    const all = await allTools(client)
    expect(all).toContain('one__echo')
    const go = async (): Promise<void> => {
      await line.refuse()
      line.reset()
      await expect.poll(() => isAway(client), PATIENT).toBe(true)
      expect(await allTools(client)).toEqual(all)
    }
    const comeBack = async (): Promise<void> => {
      await line.accept()
      await expect.poll(() => isAway(client), PATIENT).toBe(false)
      expect(await allTools(client)).toEqual(all)
    }
    // Until the stream of the client is open, nobody is told.
    do {
      await go()
      await comeBack()
    } while (told() === 0)

    const startedAt = performance.now()
    const before = told()
    let returns = 0
    for (; returns < 8; returns += 1) {
      await go()
      await comeBack()
    }
    const quietTimes = Math.floor((performance.now() - startedAt) / QUIET_MS)
    expect(told() - before).toBeLessThanOrEqual(quietTimes + 1)
    // What was held back is told.
    const afterAll = told()
    await go()
    await comeBack()
    await expect.poll(told, PATIENT).toBeGreaterThan(afterAll)
    await close()
  })
})
