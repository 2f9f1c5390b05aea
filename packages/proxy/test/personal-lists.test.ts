import { startFixtureServer } from '@mreg/testing'
import { isJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import type { CatalogSettings } from '../src/index.ts'
import { exchangeOf, messagesOf } from './support/exchanges.ts'
import { type ModernFields, sendModern } from './support/modern-exchanges.ts'
import { type OpenMerged, openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'
import { Logins, type PersonalServer, personOf, startPersonalServer } from './support/personal-server.ts'

interface Stage extends AsyncDisposable {
  readonly open: OpenMerged
  readonly logins: Logins
  readonly server: PersonalServer
  ask(id: string, method: string, params?: Record<string, unknown>, fields?: ModernFields): Promise<Json>
  /** What a principal's list holds under that member, page by page. */
  names(id: string, method?: string): Promise<readonly string[]>
  loginChanged(id: string): void
}

type Json = Readonly<Record<string, unknown>>

/** One server that is used with a login of one's own, beside one that all share. */
const staged = async (catalog: Partial<CatalogSettings> = {}): Promise<Stage> => {
  const resources = new AsyncDisposableStack()
  const server = resources.use(await startPersonalServer())
  const shared = resources.use(await startFixtureServer())
  const logins = new Logins()
  const open = resources.use(await openMerged(catalog, { credentials: logins.credentials }))
  const own = registered(server.url, { slug: 'own', settings: { login: 'principal' } })
  open.register(own, registered(shared.url, { slug: 'all' }))
  const ask: Stage['ask'] = async (id, method, params = {}, fields = {}) =>
    (await sendModern({ proxy: open.merged }, method, params, { principal: personOf(id), ...fields })).last
  return {
    open,
    logins,
    server,
    ask,
    names: async (id, method = 'tools/list') => {
      const { result } = await ask(id, method)
      if (!isJsonObject(result)) throw new Error(`${method} has no result`)
      const list: unknown = Object.values(result).find((member) => Array.isArray(member))
      if (!Array.isArray(list)) throw new Error(`${method} gives no list`)
      return list.map(({ name, uri, uriTemplate }) => String(uri ?? uriTemplate ?? name))
    },
    loginChanged: (id) =>
      open.merged.loginChanged({ tenantId: 'default', serverId: own.id, principalId: id }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

const PATIENT = { timeout: 20_000 }
const ofOwn = (names: readonly string[]): readonly string[] =>
  names.filter((name) => !name.startsWith('all__'))

describe('a server that is used with a login of one’s own', { timeout: 30_000 }, () => {
  test('S24 shows each principal its own lists, and nothing to whoever is not connected', async () => {
    await using stage = await staged()
    stage.logins.add('ada', 'bob')
    expect(ofOwn(await stage.names('ada'))).toEqual(['own__ada_only', 'own__common'])
    expect(ofOwn(await stage.names('bob'))).toEqual(['own__bob_only', 'own__common'])
    const nobody = JSON.stringify(await Promise.all(LISTS.map((method) => stage.ask('eve', method))))
    expect(nobody).toContain('all__echo')
    expect(nobody).not.toMatch(/ada|bob|own__common/u)
    for (const [id, other] of [
      ['ada', 'bob'],
      ['bob', 'ada'],
    ] as const) {
      for (const method of LISTS) expect(JSON.stringify(await stage.names(id, method))).not.toContain(other)
      expect(await stage.names(id, 'prompts/list')).toContain(`own__${id}_prompt`)
      expect(await stage.names(id, 'resources/list')).toContain(`personal://${id}/notes`)
      expect(await stage.names(id, 'resources/templates/list')).toContain(`own-${id}://{id}`)
    }
    // Asked once for each, and for nobody in particular never.
    expect(stage.server.seen.filter((line) => line.endsWith(' tools/list'))).toEqual([
      'ada tools/list',
      'bob tools/list',
    ])
  })

  test('is called by name, read and completed by its owner alone', async () => {
    await using stage = await staged()
    stage.logins.add('ada', 'bob')
    for (const id of ['ada', 'bob', 'eve']) await stage.names(id)
    const before = stage.server.seen.length
    for (const other of ['bob', 'eve']) {
      for (const [method, params] of [
        ['tools/call', { name: 'own__ada_only', arguments: {} }],
        ['prompts/get', { name: 'own__ada_prompt' }],
        ['resources/read', { uri: 'personal://ada/notes' }],
        ['resources/read', { uri: 'own-ada://7' }],
        ['completion/complete', completionOf({ type: 'ref/prompt', name: 'own__ada_prompt' })],
        ['completion/complete', completionOf({ type: 'ref/resource', uri: 'own-ada://{id}' })],
      ] as const) {
        const { error } = await stage.ask(other, method, params)
        expect(error, `${method} of ${other}`).toMatchObject({
          message: expect.stringMatching(/Nothing is known/u),
        })
      }
    }
    expect(stage.server.seen.slice(before)).toEqual([])
    expect(await stage.ask('ada', 'tools/call', { name: 'own__ada_only', arguments: {} })).toMatchObject({
      result: { content: [{ text: 'ada_only for ada' }] },
    })
    expect(await stage.ask('bob', 'tools/call', { name: 'own__common', arguments: {} })).toMatchObject({
      result: { content: [{ text: 'common for bob' }] },
    })
    const completion = completionOf({ type: 'ref/prompt', name: 'own__ada_prompt' })
    expect(await stage.ask('ada', 'completion/complete', completion)).toMatchObject({
      result: { completion: { values: ['ada'] } },
    })
  })

  test('S24 leaks nothing through the cursor of somebody else', async () => {
    await using stage = await staged()
    stage.logins.add('ada', 'bob')
    for (const id of ['ada', 'bob']) await stage.names(id)
    // The place right before the tool of somebody else, as a cursor of that one's list names it.
    for (const place of ['own own__ada', 'own ', 'all zzz']) {
      const cursor = Buffer.from(place).toString('base64url')
      for (const id of ['bob', 'eve'])
        expect(JSON.stringify(await stage.ask(id, 'tools/list', { cursor }))).not.toContain('ada')
    }
  })

  test('tells only its owner that a list has changed', async () => {
    await using stage = await staged({ refreshMs: 600_000 })
    stage.logins.add('ada', 'bob')
    const heard = new Map<string, string[]>()
    const gone = new AbortController()
    for (const id of ['ada', 'bob', 'eve']) {
      await stage.names(id)
      heard.set(id, [])
      void listen(stage, id, gone.signal, (method) => heard.get(id)?.push(method))
    }
    await expect.poll(() => stage.server.listeners, PATIENT).toEqual(new Set(['ada', 'bob']))
    await expect.poll(() => [...heard.values()].every(({ length }) => length === 1), PATIENT).toBe(true)
    stage.server.addTool('ada', 'ada_later')
    await expect.poll(() => stage.names('ada'), PATIENT).toContain('own__ada_later')
    await expect.poll(() => heard.get('ada'), PATIENT).toContain('notifications/tools/list_changed')
    expect(await stage.names('bob')).not.toContain('own__ada_later')
    // What bob is told next is his own: nothing came before it.
    stage.server.addTool('bob', 'bob_later')
    await expect.poll(() => heard.get('bob'), PATIENT).toContain('notifications/tools/list_changed')
    expect(heard.get('bob')).toEqual([ACKNOWLEDGED, 'notifications/tools/list_changed'])
    expect(heard.get('eve')).toEqual([ACKNOWLEDGED])
    gone.abort()
  })

  test('shows its lists once its owner has logged in, and keeps them when the login ends', async () => {
    await using stage = await staged()
    expect(ofOwn(await stage.names('ada'))).not.toContain('own__common')
    stage.logins.add('ada')
    stage.loginChanged('ada')
    await expect.poll(() => stage.names('ada'), PATIENT).toContain('own__ada_only')
    stage.logins.remove('ada')
    stage.loginChanged('ada')
    await expect
      .poll(() => stage.ask('ada', 'tools/list'), PATIENT)
      .toMatchObject(away([{ server: 'own', code: 'needs_login' }]))
    expect(await stage.names('ada')).toContain('own__ada_only')
    expect(await stage.ask('bob', 'tools/list')).toMatchObject(away([{ server: 'own' }]))
  })

  test('is asked again for principals that were forgotten, and only for them', async () => {
    await using stage = await staged({ maxPrincipals: 2 })
    stage.logins.add('ada', 'bob', 'cyd')
    const asked = (): readonly string[] => stage.server.seen.filter((line) => line.endsWith(' tools/list'))
    for (const id of ['ada', 'bob', 'bob', 'ada']) await stage.names(id)
    expect(asked()).toEqual(['ada tools/list', 'bob tools/list'])
    // Bob was there longest ago.
    await stage.names('cyd')
    await stage.names('ada')
    expect(asked()).toHaveLength(3)
    await stage.names('bob')
    expect(asked()).toHaveLength(4)
  })
})

const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

const away = (servers: readonly object[]): object => ({
  result: { _meta: { 'dev.mreg/unavailable': servers } },
})

const completionOf = (ref: object): Record<string, unknown> => ({ ref, argument: { name: 'id', value: '' } })

/** Hears what a principal is told of changed lists. */
const listen = async (
  { open }: Stage,
  id: string,
  signal: AbortSignal,
  onMessage: (method: string) => void,
): Promise<void> => {
  const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'subscriptions/listen',
    params: {
      notifications,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  }
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' }
  const answer = await open.merged.handle(exchangeOf(body, { principal: personOf(id), headers, signal }))
  if (answer.kind !== 'stream') throw new Error(`expected a stream, got ${answer.status}`)
  for await (const chunk of answer.chunks)
    for (const { method } of messagesOf(chunk)) if (typeof method === 'string') onMessage(method)
}
