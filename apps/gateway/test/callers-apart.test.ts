import { type DualEraServer, startDualEraServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ERA_CLIENTS } from './support/clients.ts'
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
