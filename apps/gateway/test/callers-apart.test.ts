import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  type AuthorizationServer,
  type DualEraServer,
  startAuthorizationServer,
  startDualEraServer,
  startProtectedServer,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ERA_CLIENTS } from './support/clients.ts'
import { InProcessGateway } from './support/in-process-gateway.ts'
import { type OpenGateway, openGateway } from './support/open-gateway.ts'

/** Servers of this machine answer at once; the machine may be busy. */
const PATIENT = { timeout: 20_000 }

const WATCHED = 'test://watched-resource'
const OTHER = 'test://static-text'
const SECRET = 'test_simple_text'

/** Says that a resource has changed. Gives what somebody has heard by then. */
const announce = async (
  server: DualEraServer,
  uri: string,
  heard: readonly string[],
): Promise<readonly string[]> => {
  await server.announce({ kind: 'updated', uri })
  return heard
}

describe('callers who may do different things', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: OpenGateway
  let server: DualEraServer
  const keys = new Map<string, string>()

  beforeAll(async () => {
    gateway = resources.use(await openGateway())
    server = resources.use(await startDualEraServer())
    await gateway.register('dual', server.url)
    for (const [name, scopes] of [
      ['all', {}],
      ['few', { tools: { deny: [`dual/${SECRET}`] }, resources: { deny: [WATCHED] } }],
    ] as const) {
      const { json } = await gateway.api('POST', '/keys', { name, scopes })
      keys.set(name, json.key)
    }
  }, 60_000)
  afterAll(() => resources.disposeAsync())

  describe.each(ERA_CLIENTS)('through a client %s', (_, connect) => {
    test('find, are told of and call by search what they may use, and nothing else', async () => {
      await using all = await connect(`${gateway.url}/mcp?mode=search`, keys.get('all'))
      await using few = await connect(`${gateway.url}/mcp?mode=search`, keys.get('few'))
      const name = `dual__${SECRET}`
      const find = (client: typeof all): Promise<unknown> =>
        client.call('find_tool', { query: 'simple text', limit: 25 })
      const found = {
        structuredContent: { tools: expect.arrayContaining([expect.objectContaining({ name })]) },
      }
      for (const client of [all, few])
        expect([...(await client.tools()).keys()]).toEqual(['find_tool', 'describe_tool', 'call_tool'])
      await expect.poll(() => find(all), PATIENT).toMatchObject(found)
      expect(await all.call('describe_tool', { name })).toMatchObject({
        structuredContent: { tool: { name } },
      })
      expect(await all.call('call_tool', { name })).toMatchObject({ content: [{ type: 'text' }] })
      const before = server.executions.length

      // Others are found: it is this one that is not.
      const seen = JSON.stringify(await find(few))
      expect(seen).toContain('dual__')
      expect(seen).not.toContain(SECRET)
      for (const tool of ['describe_tool', 'call_tool']) {
        const [hidden, absent] = [
          await few.call(tool, { name }),
          await few.call(tool, { name: 'dual__no_such_tool' }),
        ]
        expect(hidden).toMatchObject({ isError: true })
        // Nothing says that there is one.
        expect(JSON.stringify(hidden).replaceAll(SECRET, 'no_such_tool')).toBe(JSON.stringify(absent))
      }
      await expect(few.call(name)).rejects.toThrow(/Nothing is known/u)
      expect(server.executions).toHaveLength(before)
    })

    test.each(['/mcp', '/mcp/dual'])(
      'at %s hear of the resources that they may read, and of no other',
      async (path) => {
        await using all = await connect(`${gateway.url}${path}`, keys.get('all'))
        await using few = await connect(`${gateway.url}${path}`, keys.get('few'))
        const heard = await all.watch(WATCHED, OTHER)
        // What one may not read is refused, or left out of what is acknowledged.
        const unheard = await few.watch(WATCHED).catch(() => [])
        const heardByFew = await few.watch(OTHER)
        await expect.poll(() => announce(server, WATCHED, heard), PATIENT).toContain(WATCHED)
        await expect.poll(() => announce(server, OTHER, heardByFew), PATIENT).toContain(OTHER)
        await expect.poll(() => announce(server, OTHER, heard), PATIENT).toContain(OTHER)
        expect(new Set([...heardByFew, ...unheard])).toEqual(new Set([OTHER]))
      },
    )
  })
})

/** Logs somebody in for the server, as he does in his browser. */
const logIn = async (
  gateway: InProcessGateway,
  key: string,
  authority: AuthorizationServer,
): Promise<void> => {
  const path = '/api/v1/servers/notes/login'
  const body = { redirectUri: 'http://127.0.0.1:40123/callback' }
  const { json, text } = await gateway.request('POST', path, { body, key })
  if (typeof json['authorizationUrl'] !== 'string') throw new Error(text)
  const { searchParams } = await authority.consent(json['authorizationUrl'])
  const answer = Object.fromEntries(searchParams)
  const done = await gateway.request('POST', `${path}/${String(json['loginId'])}`, { body: answer, key })
  if (done.status !== 200) throw new Error(done.text)
}

describe('callers with logins of their own at one server', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  afterAll(() => resources.disposeAsync())

  test('S24 see and call what it has for each of them, and whoever is not connected sees nothing of it', async () => {
    const gateway = resources.use(await InProcessGateway.start({ MREG_AUTH_MODE: 'required' }))
    const authority = resources.use(await startAuthorizationServer())
    const tokens: string[] = []
    const server = resources.use(
      await startProtectedServer({
        authorizationServer: authority,
        // Who logs in first is ada.
        toolsFor: (token) => {
          if (!tokens.includes(token)) tokens.push(token)
          return [`only_${['ada', 'bob'][tokens.indexOf(token)] ?? 'nobody'}`]
        },
      }),
    )
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    const settings = { login: 'principal' }
    await gateway.request('POST', '/api/v1/servers', { body: { slug: 'notes', endpoints, settings } })
    const people = new Map<string, { readonly client: Client; readonly key: string }>()
    for (const name of ['ada', 'bob', 'eve']) {
      const { json } = await gateway.request('POST', '/api/v1/keys', { body: { name } })
      const key = String(json['key'])
      const client = new Client({ name: 'test', version: '1' })
      const headers = { authorization: `Bearer ${key}` }
      await client.connect(
        new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } }),
      )
      resources.defer(() => client.close())
      people.set(name, { client, key })
    }
    const namesOf = async (who: string): Promise<readonly string[]> =>
      ((await people.get(who)?.client.listTools())?.tools ?? []).map(({ name }) => name)
    const call = async (who: string, name: string): Promise<string> =>
      JSON.stringify(await people.get(who)?.client.callTool({ name, arguments: {} }).catch(String))
    for (const who of ['ada', 'bob']) {
      await expect.poll(() => namesOf(who), PATIENT).toEqual(['notes__login'])
      await logIn(gateway, people.get(who)?.key ?? '', authority)
      await expect.poll(() => namesOf(who), PATIENT).toContain(`notes__only_${who}`)
    }
    expect((await namesOf('ada')).filter((name) => name.includes('only'))).toEqual(['notes__only_ada'])
    expect((await namesOf('bob')).filter((name) => name.includes('only'))).toEqual(['notes__only_bob'])
    expect(await namesOf('eve')).toEqual(['notes__login'])
    expect(await call('ada', 'notes__only_ada')).toContain('only_ada was called')
    for (const who of ['bob', 'eve']) expect(await call(who, 'notes__only_ada')).toContain('Nothing is known')
    for (const [who, isShown] of [
      ['ada', true],
      ['bob', false],
      ['eve', false],
    ] as const) {
      const target = `/api/v1/explain?principal=${who}&name=notes__only_ada`
      const { json } = await gateway.request('GET', target)
      expect([who, json['isShown']]).toEqual([who, isShown])
    }
  })
})
