import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { LOCAL_PRINCIPAL } from '@mreg/core'
import { startDualEraServer, startFixtureServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { allTools, CLIENTS, connectNew } from './support/merged-clients.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

/** The machine may be busy. */
const PATIENT = { timeout: 20_000 }

describe.each(CLIENTS)('a client %s of a toolset', (_, connect) => {
  test('has what is in it, under the names of the set, and nothing else', async () => {
    await using old = await startFixtureServer({ name: 'old' })
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(old.url, { slug: 'old' }), registered(newer.url, { slug: 'new' }))
    open.setToolsets({
      few: [
        { effect: 'include', serverSlug: 'old', namePattern: 'echo', rename: 'say', description: 'Says it.' },
        { effect: 'include', serverSlug: 'new', namePattern: 'test_simple_*' },
        { effect: 'include', serverSlug: 'new', namePattern: 'test_elicitation' },
      ],
    })
    const { client, close } = await connect(open.urlOfSet('few'))
    expect(await allTools(client)).toEqual(['new__test_elicitation', 'new__test_simple_text', 'say'])
    const { tools } = await client.listTools()
    expect(tools.find(({ name }) => name === 'say')).toMatchObject({ description: 'Says it.' })
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['new__test_simple_prompt'])
    expect((await client.listResources()).resources).toEqual([])

    expect(await client.callTool({ name: 'say', arguments: { message: 'hi' } })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    expect(
      await client.callTool({ name: 'new__test_elicitation', arguments: { message: 'Who?' } }),
    ).toMatchObject({ content: [{ text: expect.stringContaining('ada@example.org') }] })
    expect(old.executions.map(({ tool }) => tool)).toEqual(['echo'])
    // As if they did not exist: also what is there under another name, and what could be named by a prefix.
    for (const name of ['old__echo', 'old__fail', 'echo', 'new__test_error_handling'])
      await expect(client.callTool({ name, arguments: {} })).rejects.toThrow(`Nothing is known as "${name}"`)
    await expect(client.getPrompt({ name: 'old__introduce', arguments: { who: 'x' } })).rejects.toThrow(
      /Nothing is known/u,
    )
    for (const uri of ['fixture://greeting', 'mcp.old+fixture://greeting', 'mcp.new+test://static-text'])
      await expect(client.readResource({ uri })).rejects.toThrow(/Nothing is known/u)
    expect(old.executions).toHaveLength(1)
    await close()
  })

  test('completes, and reads what the set has and what its servers speak of', async () => {
    await using server = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(server.url, { slug: 'new' }))
    open.setToolsets({
      most: [
        { effect: 'include', serverSlug: 'new' },
        { effect: 'include', serverSlug: 'new', namePattern: 'test_prompt_with_arguments', rename: 'ask' },
        { effect: 'exclude', namePattern: 'test://static-binary' },
      ],
    })
    const { client, close } = await connect(open.urlOfSet('most'))
    await allTools(client)
    const argument = { name: 'arg1', value: 'te' }
    const merged = await client.complete({ ref: { type: 'ref/prompt', name: 'ask' }, argument })
    expect(merged.completion.values.length).toBeGreaterThan(0)
    for (const uri of ['test://static-text', 'test://template/7/data'])
      expect(await client.readResource({ uri })).toMatchObject({ contents: [{ uri }] })
    const { content } = await client.callTool({ name: 'new__test_embedded_resource', arguments: {} })
    expect(content).toMatchObject([{ resource: { uri: 'mcp.new+test://embedded-resource' } }])
    await expect(client.readResource({ uri: 'test://static-binary' })).rejects.toThrow(/Nothing is known/u)
    await expect(client.readResource({ uri: 'mcp.new+test://static-binary' })).rejects.toThrow(
      /Nothing is known/u,
    )
    await close()
  })

  test('is told when the set is another, and when what it selects is', async () => {
    await using server = await startFixtureServer()
    await using open = await openMerged()
    const entry = registered(server.url, { slug: 'one' })
    open.register(entry)
    open.setToolsets({ set: [{ effect: 'include', tag: 'wanted' }] })
    const { client, close } = await connect(open.urlOfSet('set'))
    let told = 0
    if (client instanceof Client)
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (told += 1))
    else {
      client.setNotificationHandler('notifications/tools/list_changed', () => void (told += 1))
      await client.listen({ toolsListChanged: true })
    }
    expect(await allTools(client)).toEqual([])
    // Until the stream is open nobody is told.
    let tag = 0
    await expect
      .poll(
        () => {
          tag += 1
          open.setToolsets({ set: [{ effect: 'include', serverSlug: tag % 2 === 0 ? 'none' : 'one' }] })
          return told
        },
        { interval: 200, ...PATIENT },
      )
      .toBeGreaterThan(0)
    open.setToolsets({ set: [{ effect: 'include', tag: 'wanted' }] })
    expect(await allTools(client)).toEqual([])
    open.register({ ...entry, tags: ['wanted'], revision: entry.revision + 1 })
    expect(await allTools(client)).toContain('one__echo')
    await close()
  })

  test('is refused when there is no such set, and from when there is none any more', async () => {
    await using open = await openMerged()
    await expect(connect(open.urlOfSet('none'))).rejects.toThrow(/There is no toolset|did not offer/u)
    open.setToolsets({ brief: [{ effect: 'include' }] })
    const { client, close } = await connect(open.urlOfSet('brief'))
    await allTools(client)
    open.setToolsets({})
    await expect(allTools(client)).rejects.toThrow(/There is no toolset/u)
    await close().catch(() => {})
  })
})

test('a session is with one set: its token is good for no other, nor for everything', async () => {
  await using open = await openMerged()
  open.setToolsets({ one: [{ effect: 'include' }], other: [{ effect: 'include' }] })
  const transport = new StreamableHTTPClientTransport(open.urlOfSet('one'))
  const client = new Client({ name: 'old', version: '1' })
  await client.connect(transport)
  const statusAt = async (url: URL): Promise<number> => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': transport.sessionId ?? '',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    })
    return answer.status
  }
  expect(await statusAt(open.urlOfSet('one'))).toBe(200)
  expect(await statusAt(open.urlOfSet('other'))).toBe(404)
  expect(await statusAt(open.url)).toBe(404)
  await client.close()
})

test.each(['POST', 'GET', 'DELETE'])(
  '%s to a set that does not exist is answered 404 with a reason',
  async (method) => {
    await using open = await openMerged()
    const answer = await fetch(open.urlOfSet('none'), {
      method,
      ...(method === 'POST' ? { body: '{"jsonrpc":"2.0","id":7,"method":"ping"}' } : {}),
    })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      id: method === 'POST' ? 7 : null,
      error: { data: { reason: 'toolset_not_found', toolset: 'none' } },
    })
  },
)

test('how much servers and toolsets offer is known once the servers have been asked, which nobody has to wish for', async () => {
  await using server = await startFixtureServer()
  await using open = await openMerged()
  const { offers } = open.merged
  open.register(registered(server.url, { slug: 'one' }))
  open.setToolsets({ few: [{ effect: 'include', namePattern: 'echo' }] })
  expect(offers.ofServer(LOCAL_PRINCIPAL, 'one')).toBeUndefined()
  expect(offers.ofToolset(LOCAL_PRINCIPAL, 'few')).toBeUndefined()
  await expect.poll(() => offers.ofServer(LOCAL_PRINCIPAL, 'one'), { timeout: 20_000 }).toBeDefined()
  const { client, close } = await connectNew(open.url)
  const { tools } = await client.listTools()
  await close()
  const bytes = (names: readonly string[]): number =>
    tools
      .filter(({ name }) => names.includes(name))
      .reduce((sum, tool) => sum + Buffer.byteLength(JSON.stringify(tool)), 0)
  const all = tools.map(({ name }) => name)
  const whole = { tools: all.length, estimatedTokens: Math.ceil(bytes(all) / 4) }
  expect(offers.ofServer(LOCAL_PRINCIPAL, 'one')).toEqual(whole)
  expect(offers.ofToolset(LOCAL_PRINCIPAL, 'few')).toEqual({
    tools: 1,
    estimatedTokens: Math.ceil(bytes(['one__echo']) / 4),
  })
  expect(offers.ofServer(LOCAL_PRINCIPAL, 'nobody')).toBeUndefined()
})
