import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { startDualEraServer, startFixtureServer } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { allTools, CLIENTS } from './support/merged-clients.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

const searched = (url: URL): URL => new URL('?mode=search', url)

describe.each(CLIENTS)('a client %s that searches', (_, connect) => {
  test('sees three tools, and finds, reads about and calls all others through them', async () => {
    await using old = await startFixtureServer({ name: 'old' })
    await using newer = await startDualEraServer({ legacy: 'none' })
    await using open = await openMerged()
    open.register(registered(old.url, { slug: 'old' }), registered(newer.url, { slug: 'new' }))
    const { client, close } = await connect(searched(open.url))
    expect(await allTools(client)).toEqual(['find_tool', 'describe_tool', 'call_tool'])

    const found = await client.callTool({
      name: 'find_tool',
      arguments: { query: 'old echo: answer with the message', limit: 3 },
    })
    expect(found).toMatchObject({
      structuredContent: {
        tools: [{ name: 'old__echo', server: 'old', description: 'Answers with the message.' }, {}, {}],
        total: expect.any(Number),
      },
    })
    expect(await client.callTool({ name: 'describe_tool', arguments: { name: 'old__echo' } })).toMatchObject({
      structuredContent: {
        tool: { name: 'old__echo', inputSchema: { properties: { message: { type: 'string' } } } },
      },
    })
    const inner = { name: 'old__echo', arguments: { message: 'hi' } }
    expect(await client.callTool({ name: 'call_tool', arguments: inner })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    expect(old.executions).toMatchObject([{ tool: 'echo', arguments: { message: 'hi' } }])

    // What the inner call brings comes through: a question to the client, an error of the tool, an error of the call.
    for (const [name, expected] of [
      ['new__test_elicitation', { content: [{ text: expect.stringContaining('ada@example.org') }] }],
      ['new__test_error_handling', { isError: true }],
      ['nobody__nothing', { isError: true, content: [{ text: expect.stringContaining('find_tool') }] }],
    ] as const) {
      const call = { name: 'call_tool', arguments: { name, arguments: { message: 'Who?' } } }
      expect(await client.callTool(call)).toMatchObject(expected)
    }
    await expect(client.callTool({ name: 'old__echo', arguments: { message: 'x' } })).rejects.toThrow(
      /Nothing is known/u,
    )
    await close()
  })

  test('finds and calls in a toolset what is in it, and nothing else', async () => {
    await using server = await startFixtureServer()
    await using open = await openMerged()
    open.register(registered(server.url, { slug: 'one' }))
    open.setToolsets({
      few: [
        { effect: 'include', serverSlug: 'one', namePattern: 'echo', rename: 'say' },
        { effect: 'include', serverSlug: 'one', namePattern: 'count' },
      ],
    })
    const { client, close } = await connect(searched(open.urlOfSet('few')))
    await allTools(client)
    expect(await client.callTool({ name: 'find_tool', arguments: { query: '' } })).toMatchObject({
      structuredContent: { tools: [{ name: 'one__count' }, { name: 'say' }], total: 2 },
    })
    const progress: number[] = []
    const call = { name: 'call_tool', arguments: { name: 'one__count', arguments: { steps: 2, stepMs: 0 } } }
    const onprogress = (told: { readonly progress: number }): void => void progress.push(told.progress)
    const result =
      client instanceof Client
        ? await client.callTool(call, undefined, { onprogress })
        : await client.callTool(call, { onprogress })
    expect(result).toMatchObject({ content: [{ text: 'counted to 2' }] })
    expect(progress).toEqual([1, 2])
    for (const name of ['one__echo', 'one__fail', 'find_tool']) {
      const refused = await client.callTool({ name: 'call_tool', arguments: { name, arguments: {} } })
      expect(refused).toMatchObject({ isError: true })
    }
    expect(server.executions.map(({ tool }) => tool)).toEqual(['count'])
    await close()
  })
})
