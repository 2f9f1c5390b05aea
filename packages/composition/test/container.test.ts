import { serialize } from 'node:v8'

import { ApiKeys, Authenticator, CredentialVault, KeyRing, KnownApiKeys } from '@mreg/access'
import { LOCAL_PRINCIPAL, type Principal } from '@mreg/core'
import { HealthMonitor, HealthRecorder } from '@mreg/health'
import { HttpPool } from '@mreg/http-pool'
import { RouteTable, ServerProxy, SessionTokens } from '@mreg/proxy'
import { ChangeFeed, Registry, type ServerChecker } from '@mreg/registry'
import { startFixtureServer } from '@mreg/testing'
import { LegacySessions, Upstreams } from '@mreg/upstream'
import type { Container, ServiceIdentifier } from 'inversify'
import { describe, expect, test } from 'vitest'

import {
  access,
  cache,
  CacheToken,
  CheckerToken,
  compose,
  database,
  DatabaseToken,
  events,
  EventsToken,
  FactsToken,
  type Foundation,
  health,
  KeysToken,
  LoggerToken,
  prepareDatabase,
  proxy,
  registry,
  ResourcesToken,
  SettingsToken,
  upstream,
} from '../src/index.ts'
import { foundationWith } from './support/foundation.ts'
import { RecordingStack } from './support/recording-stack.ts'

const ADMINISTRATOR: Principal = { id: 'admin', tenantId: 'default', role: 'admin', kind: 'key' }

const composeAll = (foundation: Foundation): Promise<Container> =>
  compose(foundation, database, cache, events, access, upstream, registry, health, proxy)

/** Everything that can be asked for. */
const SERVICES: readonly ServiceIdentifier[] = [
  SettingsToken,
  LoggerToken,
  FactsToken,
  KeysToken,
  ResourcesToken,
  DatabaseToken,
  CacheToken,
  EventsToken,
  KeyRing,
  CredentialVault,
  Authenticator,
  HttpPool,
  Upstreams,
  LegacySessions,
  ChangeFeed,
  Registry,
  HealthRecorder,
  HealthMonitor,
  CheckerToken,
  RouteTable,
  SessionTokens,
  ServerProxy,
]

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

/** The status of the answer to `initialize` at a server. */
const statusOf = async (container: Container, slug: string): Promise<number> => {
  const answer = await container.get(ServerProxy).handle({
    principal: LOCAL_PRINCIPAL,
    slug,
    method: 'POST',
    header: () => undefined,
    headerNames: [],
    body: Buffer.from(JSON.stringify(INITIALIZE)),
    requestId: 'request',
    signal: new AbortController().signal,
  })
  return answer.status
}

describe('the container', () => {
  test('gives every service, and each time the same one', async () => {
    await using resources = new AsyncDisposableStack()
    const container = await composeAll(foundationWith(resources))
    for (const service of SERVICES) {
      const instance: unknown = container.get(service)
      expect(instance).toBeDefined()
      expect(container.get(service)).toBe(instance)
    }
  })

  test('opens nothing that nobody asks for', async () => {
    await using resources = new RecordingStack()
    const container = await composeAll(foundationWith(resources))
    container.get(CredentialVault)
    expect(resources.opened).toEqual([])
    container.get(HttpPool)
    expect(resources.opened).toEqual(['HttpPool'])
  })

  test('closes whatever it opened, each before what it stands on', async () => {
    const resources = new RecordingStack()
    const container = await composeAll(foundationWith(resources))
    for (const service of [Registry, ServerProxy, HealthMonitor]) container.get<unknown>(service)
    const pool = container.get(DatabaseToken)
    await resources.disposeAsync()
    expect(resources.closed).toEqual(resources.opened.toReversed())
    const closed = (name: string): number => resources.closed.indexOf(name)
    expect(closed('Registry')).toBeLessThan(closed('ChangeFeed'))
    expect(closed('HealthMonitor')).toBeLessThan(closed('Upstreams'))
    expect(closed('Upstreams')).toBeLessThan(closed('HttpPool'))
    expect(closed('ChangeFeed')).toBeLessThan(closed(pool.constructor.name))
    await expect(pool.systemSession('test', () => Promise.resolve(1))).rejects.toMatchObject({
      reason: 'closed',
    })
  })

  test('says what is missing', async () => {
    const container = await compose(foundationWith(new AsyncDisposableStack()), access)
    expect(() => container.get(Registry)).toThrow(/Registry/u)
  })

  test('puts together what registers a server, calls it with its credentials, and watches it', async () => {
    await using server = await startFixtureServer()
    await using resources = new AsyncDisposableStack()
    const container = await composeAll(foundationWith(resources))
    await prepareDatabase(container.get(DatabaseToken))
    const routes = container.get(RouteTable)
    await container.get(ChangeFeed).start()
    expect(routes.loaded).toBe(true)

    const registered = container.get(Registry)
    await registered.register(ADMINISTRATOR, {
      slug: 'fixture',
      endpoints: [{ transport: 'streamable-http', url: server.url, headers: { 'X-Api-Key': 'canary' } }],
    })
    expect(routes.lookup('default', 'fixture')).toBeDefined()
    expect(await statusOf(container, 'fixture')).toBe(200)
    expect(server.requestHeaders.length).toBeGreaterThan(0)
    for (const headers of server.requestHeaders) expect(headers['x-api-key']).toBe('canary')
    expect(server.requestHeaders[0]?.['user-agent']).toBe('MCP-Registry-Gateway/1.2.3')

    const probed = await registered.probe(ADMINISTRATOR, 'fixture')
    expect(probed).toMatchObject({ status: 'healthy', endpoints: [{ probe: { era: 'legacy' } }] })
    expect(routes.lookup('default', 'fixture')?.server.status).toBe('healthy')

    await registered.remove(ADMINISTRATOR, 'fixture')
    expect(await statusOf(container, 'fixture')).toBe(404)
  })

  test('keeps of API keys what the next process knows them by, and nothing that could be used as one', async () => {
    await using resources = new AsyncDisposableStack()
    const container = await composeAll(foundationWith(resources))
    const keys = container.get(ApiKeys)
    container.get(KnownApiKeys)
    await prepareDatabase(container.get(DatabaseToken))
    const changes = container.get(ChangeFeed)
    await changes.start()
    const { id, key } = await keys.create(ADMINISTRATOR, { name: 'ada', principalId: 'ada', role: 'user' })
    const kept = serialize(changes.others).toString('latin1')
    expect(kept).toContain(id)
    expect(kept).not.toContain(key.slice(-43))

    const next = await composeAll(foundationWith(resources))
    const known = next.get(KnownApiKeys)
    next.get(ChangeFeed).resume({ revisions: changes.revisions, servers: [], others: changes.others })
    expect(known.check(key)?.kind).toBe('good')
  })

  test('takes another service in the place of one, for all who need it', async () => {
    await using resources = new AsyncDisposableStack()
    const container = await composeAll(foundationWith(resources))
    const checked: string[] = []
    const checker: ServerChecker = ({ slug }) => {
      checked.push(slug)
      return Promise.resolve()
    }
    container.rebind(CheckerToken).toConstantValue(checker)
    await prepareDatabase(container.get(DatabaseToken))
    await container.get(ChangeFeed).start()
    const endpoints = [{ transport: 'streamable-http' as const, url: 'http://127.0.0.1:9/mcp' }]
    await container.get(Registry).register(ADMINISTRATOR, { slug: 'fixture', endpoints })
    expect(checked).toEqual(['fixture'])
  })
})

test('a database is prepared once for all who do it at the same time, and again without a change', async () => {
  await using resources = new AsyncDisposableStack()
  const pool = (await composeAll(foundationWith(resources))).get(DatabaseToken)
  await Promise.all([prepareDatabase(pool), prepareDatabase(pool)])
  await prepareDatabase(pool)
  const tenants = await pool.systemSession('look at the tenants', ({ kysely }) =>
    kysely.selectFrom('tenants').select('id').execute(),
  )
  expect(tenants).toEqual([{ id: 'default' }])
})
