import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Principal } from '@mreg/core'
import { MergedProxy } from '@mreg/proxy'
import { ChangeFeed, Registry } from '@mreg/registry'
import { CapabilityRepository } from '@mreg/repositories'
import { createTestDatabase, type FixtureServer, startFixtureServer, type TestDatabase } from '@mreg/testing'
import type { Container } from 'inversify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  access,
  cache,
  compose,
  database,
  DatabaseToken,
  events,
  health,
  prepareDatabase,
  proxy,
  registry,
  upstream,
} from '../src/index.ts'
import { foundationWith } from './support/foundation.ts'
import { MergedClient } from './support/merged-client.ts'

const ADMINISTRATOR: Principal = { id: 'admin', tenantId: 'default', role: 'admin', kind: 'key' }
/** The machine may be busy. */
const PATIENT = { timeout: 20_000 }

describe('two gateways on one database, one of which cannot reach the servers', () => {
  let shared: TestDatabase
  let directory: string
  let server: FixtureServer
  let resources: AsyncDisposableStack
  let near: Container
  let far: Container

  const open = async (settings: object): Promise<Container> => {
    const file = join(directory, `${JSON.stringify(settings).length}.json`)
    await writeFile(file, JSON.stringify(settings))
    const container = await compose(
      foundationWith(resources, { MREG_DATABASE_URL: shared.url, MREG_CONFIG: file }),
      database,
      cache,
      events,
      access,
      upstream,
      registry,
      health,
      proxy,
    )
    await prepareDatabase(container.get(DatabaseToken))
    // Before the first change is told, as in the gateway.
    container.get(MergedProxy)
    await container.get(ChangeFeed).start()
    return container
  }

  beforeAll(async () => {
    resources = new AsyncDisposableStack()
    directory = await mkdtemp(join(tmpdir(), 'mreg-test-'))
    ;[shared, server] = await Promise.all([createTestDatabase(), startFixtureServer()])
    // Nothing but what is announced.
    const quiet = { database: { changePollMs: 600_000 } }
    near = await open(quiet)
    far = await open({ ...quiet, egress: { allow: ['public'] } })
  })

  afterAll(async () => {
    await resources?.disposeAsync()
    await server?.stop()
    await shared?.drop()
    await rm(directory, { recursive: true, force: true })
  })

  test('what one learns of a server, the other lists and announces without asking the server', async () => {
    const nearClient = new MergedClient(near)
    const farClient = new MergedClient(far)
    const ending = new AbortController()
    const heard: string[] = []
    const listening = (async () => {
      for await (const text of farClient.changes(ending.signal)) heard.push(text)
    })()
    await expect.poll(() => heard.join(''), PATIENT).toContain('acknowledged')
    await near.get(Registry).register(ADMINISTRATOR, {
      slug: 'fixture',
      endpoints: [{ transport: 'streamable-http', url: server.url }],
    })

    // Nobody has asked for a list: it is asked because it is there.
    await expect.poll(() => heard.join(''), PATIENT).toContain('notifications/tools/list_changed')
    ending.abort()
    await listening
    expect(await nearClient.tools()).toContain('fixture__echo')
    await expect.poll(() => farClient.tools(), PATIENT).toEqual(await nearClient.tools())
    // It asks as well, and gets no answer: what it shows comes from elsewhere.
    await expect.poll(async () => JSON.stringify(await farClient.list()), PATIENT).toContain('unavailable')
  })

  test('what somebody switches off is in the list of neither, and switched on again in both', async () => {
    const { id: serverId } = await near.get(Registry).get(ADMINISTRATOR, 'fixture')
    const list = { serverId, scopeKey: '', kind: 'tool' } as const
    const decide = (decision: 'disable' | 'enable') =>
      near.get(DatabaseToken).tenantSession('default', (session) =>
        new CapabilityRepository(session).decide(list, 'echo', {
          decision,
          control: { onNew: 'accepted', onChange: 'changed' },
        }),
      )
    const both = [new MergedClient(near), new MergedClient(far)]
    await decide('disable')
    for (const client of both) await expect.poll(() => client.tools(), PATIENT).not.toContain('fixture__echo')
    await decide('enable')
    for (const client of both) await expect.poll(() => client.tools(), PATIENT).toContain('fixture__echo')
  })
})
