import type { Client as ModernClient } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { freePort, startDualEraServer, startFixtureServer, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { allTools, CLIENTS, connectNew } from './support/merged-clients.ts'
import { openFallback } from './support/open-fallback.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

/** Servers of this machine answer at once; the machine may be busy. */
const PATIENT = { timeout: 20_000 }

/** What a merged list says of servers that are away. */
const unavailable = async (client: Client | ModernClient): Promise<unknown> => {
  const { _meta: meta } = await client.listTools()
  return meta?.['dev.mreg/unavailable']
}

describe.each(CLIENTS)('a client %s', (_, connect) => {
  test('has the tools of all servers, whatever era they speak, and calls them by their merged names', async () => {
    await using old = await startFixtureServer({ name: 'old' })
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(old.url, { slug: 'old' }), registered(newer.url, { slug: 'new' }))
    const { client, close } = await connect(open.url)
    expect(client.getServerVersion()).toMatchObject({ name: 'mreg' })

    const names = await allTools(client)
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(['old__echo', 'old__fail', 'new__test_simple_text']))
    expect(names.every((name) => /^(old|new)__[\w-]+$/u.test(name))).toBe(true)

    expect(await client.callTool({ name: 'old__echo', arguments: { message: 'hi' } })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    expect(await client.callTool({ name: 'new__test_simple_text', arguments: {} })).toMatchObject({
      content: [{ text: 'This is a simple text response for testing.' }],
    })
    await expect(client.callTool({ name: 'echo', arguments: {} })).rejects.toThrow(/Nothing is known/u)
    expect(await client.getPrompt({ name: 'old__introduce', arguments: { who: 'Ada' } })).toMatchObject({
      messages: [{ content: { text: 'Introduce Ada.' } }],
    })
    await close()
  })

  test('gets progress of a merged call, and is asked in the middle of one', async () => {
    await using old = await startDualEraServer({ modern: false })
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(old.url, { slug: 'old' }), registered(newer.url, { slug: 'new' }))
    const { client, close } = await connect(open.url)
    for (const slug of ['old', 'new']) {
      const name = `${slug}__test_elicitation`
      expect(await client.callTool({ name, arguments: { message: 'Who?' } })).toMatchObject({
        content: [{ text: expect.stringContaining('ada@example.org') }],
      })
    }
    await close()
  })

  test('reads every resource by the URI that it was told: listed, from a template, in a result', async () => {
    await using first = await startDualEraServer({ modern: false })
    await using second = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged({ maxConcurrentLists: 1 })
    open.register(registered(first.url, { slug: 'first' }))
    const { client, close } = await connect(open.url)
    const before = (await client.listResources()).resources.map(({ uri }) => uri)
    expect(before).toContain('test://static-text')
    // The one that comes later has the same resources: its own get a prefix, those known stay.
    open.register(registered(second.url, { slug: 'second' }))
    await expect
      .poll(async () => (await client.listResources()).resources.map(({ uri }) => uri), PATIENT)
      .toEqual(expect.arrayContaining([...before, 'mcp.second+test://static-text']))
    for (const uri of [
      'test://static-text',
      'mcp.second+test://static-text',
      'mcp.second+test://template/7/data',
    ]) {
      expect(await client.readResource({ uri })).toMatchObject({ contents: [{ uri }] })
    }
    expect(first.executions).toEqual([])

    const result = await client.callTool({ name: 'second__test_embedded_resource', arguments: {} })
    expect(result).toMatchObject({
      content: [{ resource: { uri: 'mcp.second+test://embedded-resource' } }],
    })
    await expect(client.readResource({ uri: 'nowhere:x' })).rejects.toThrow(/Nothing is known/u)
    await close()
  })

  test('is told when a server comes, and when it goes', async () => {
    await using server = await startFixtureServer()
    await using open = await openMerged()
    const { client, close } = await connect(open.url)
    let told = 0
    if (client instanceof Client)
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (told += 1))
    else {
      client.setNotificationHandler('notifications/tools/list_changed', () => void (told += 1))
      await client.listen({ toolsListChanged: true })
    }
    expect(await allTools(client)).toEqual([])
    const entry = registered(server.url, { slug: 'later' })
    // Until the stream is open nobody is told.
    await expect
      .poll(
        async () => {
          open.unregister(entry)
          open.register(entry)
          await allTools(client)
          return told
        },
        { interval: 200, timeout: 20_000 },
      )
      .toBeGreaterThan(0)
    await expect.poll(() => allTools(client), PATIENT).toContain('later__echo')
    open.unregister(entry)
    expect(await allTools(client)).toEqual([])
    await close()
  })
})

test('what a server says of its lists is heard, in both eras', async () => {
  await using old = await startDualEraServer({ modern: false })
  await using newer = await startDualEraServer({ legacy: 'none' })
  await using open = await openMerged()
  open.register(registered(old.url, { slug: 'old' }), registered(newer.url, { slug: 'new' }))
  const { client, close } = await connectNew(open.url)
  await allTools(client)
  for (const server of [old, newer]) {
    // A look asks for four lists; the stream on which it is heard is one request.
    await expect
      .poll(async () => {
        const before = server.requests.length
        await server.announce({ kind: 'tools' })
        await new Promise((resolve) => setTimeout(resolve, 300))
        return server.requests.length - before
      }, PATIENT)
      .toBeGreaterThanOrEqual(4)
  }
  await close()
})

describe('servers that do not answer', () => {
  test('hold up nobody: the others are listed and called, and the list says who is missing', async () => {
    await using good = await startFixtureServer()
    await using hung = await startHttpUpstream(() => {})
    await using open = await openMerged({ firstListMs: 300, listMs: 500 })
    open.register(
      registered(good.url, { slug: 'good' }),
      registered(hung.url, { slug: 'hung' }),
      registered(`http://127.0.0.1:${await freePort()}/mcp`, { slug: 'dead' }),
    )
    const { client, close } = await connectNew(open.url)
    await expect.poll(() => allTools(client), PATIENT).toContain('good__echo')
    expect(await client.callTool({ name: 'good__echo', arguments: { message: 'hi' } })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    await expect
      .poll(() => unavailable(client), PATIENT)
      .toMatchObject([
        { server: 'dead', reason: expect.any(String) },
        { server: 'hung', reason: expect.stringMatching(/in time/u) },
      ])
    await close()
  })

  test('lose their entries when they have been away for long, and have them again when they are back', async () => {
    const server = await startFixtureServer()
    const breaker = { failureThreshold: 1000, openMs: 50, maxOpenMs: 50 }
    const catalog = { refreshMs: 50, minRefreshMs: 50, retryMs: 50, maxAwayMs: 100 }
    await using open = await openMerged(catalog, { breaker })
    open.register(registered(server.url, { slug: 'away' }))
    const { client, close } = await connectNew(open.url)
    expect(await allTools(client)).toContain('away__echo')
    await server.stop()
    // Who got an empty list would believe it.
    await expect
      .poll(() => allTools(client).catch(String), PATIENT)
      .toMatch(/No server could be asked what it offers \("away": .*unavailable/u)
    await using again = await startFixtureServer({ port: server.port })
    await expect.poll(() => allTools(client).catch(String), PATIENT).toContain('away__echo')
    expect(again.url).toBe(server.url)
    await close()
  })

  test.each([
    ['', undefined],
    [', also where older answers stand in', openFallback().fallback],
  ])('keep their entries while they are away, and say so when they are called%s', async (_, fallback) => {
    const server = await startFixtureServer()
    await using open = await openMerged({ refreshMs: 50, retryMs: 50 }, { fallback })
    open.register(registered(server.url, { slug: 'away' }))
    const { client, close } = await connectNew(open.url)
    expect(await allTools(client)).toContain('away__echo')
    await server.stop()
    await expect.poll(() => unavailable(client), PATIENT).toMatchObject([{ server: 'away' }])
    expect(await allTools(client)).toContain('away__echo')
    await expect(client.callTool({ name: 'away__echo', arguments: {} })).rejects.toThrow(/unavailable/u)
    await close()
  })
})

describe('a session of the older era', () => {
  test('ends when the client ends it, and its token is refused from then on', async () => {
    await using open = await openMerged()
    const transport = new StreamableHTTPClientTransport(open.url)
    const client = new Client({ name: 'old', version: '1' })
    await client.connect(transport)
    const { sessionId = '' } = transport
    await transport.terminateSession()
    const answer = await fetch(open.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': sessionId,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    })
    expect(answer.status).toBe(404)
    await client.close()
  })

  test.each([
    ['without a token', {}, 400],
    ['with a token of somebody else', { 'mcp-session-id': 'x' }, 404],
    ['with a version that nobody speaks', { 'mcp-protocol-version': '1999-01-01' }, 400],
  ])('is not there %s', async (_, headers, status) => {
    await using open = await openMerged()
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await fetch(open.url, {
        method,
        headers: { accept: 'application/json, text/event-stream', ...headers },
        ...(method === 'POST' ? { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' } : {}),
      })
      expect(answer.status).toBe(status)
    }
  })
})
