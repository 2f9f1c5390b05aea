import { startChangingServer, startScriptedUpstream, type ToolDefinition } from '@mreg/testing'
import { isJsonObject } from '@mreg/upstream'
import { describe, expect, test } from 'vitest'

import { callOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'

/** Schemas that lead elsewhere, into themselves, or into very many others. */
const toolsLeadingTo = (url: string): readonly ToolDefinition[] => {
  const tool = (name: string, inputSchema: object): ToolDefinition => ({
    name,
    inputSchema: { type: 'object', ...inputSchema },
    icons: [{ src: `${url}/icon.svg`, mimeType: 'image/svg+xml' }],
  })
  const doubled = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => {
      const next = { $ref: `#/$defs/d${index + 1}` }
      return [`d${index}`, { type: 'object', properties: { a: next, b: next } }]
    }),
  )
  return [
    tool('elsewhere', { $schema: `${url}/schema`, properties: { a: { $ref: `${url}/a.json#/x` } } }),
    tool('itself', { properties: { a: { $ref: '#' } }, $defs: { a: { $ref: '#/$defs/a' } } }),
    tool('bomb', { properties: { a: { $ref: '#/$defs/d0' } }, $defs: doubled }),
    tool('pattern', { properties: { a: { type: 'string', pattern: '^(a+)+$' } } }),
  ]
}

const NAMES = ['elsewhere', 'itself', 'bomb', 'pattern']

const namesIn = ({ result }: Readonly<Record<string, unknown>>): unknown[] => {
  const tools = isJsonObject(result) && Array.isArray(result['tools']) ? result['tools'] : []
  return tools.map((tool: unknown) => (isJsonObject(tool) ? tool['name'] : undefined))
}

describe('what definitions point to is passed on and never followed (S28, S41, S42)', () => {
  test.each(['legacy', 'modern'] as const)('with a server of the %s era', async (era) => {
    await using canary = await startScriptedUpstream()
    await using server = await startChangingServer({
      era,
      tools: toolsLeadingTo(`http://127.0.0.1:${canary.port}`),
    })
    await using open = await openMerged()
    open.register(registered(server.url, { slug: 'bad' }))
    const { last } = await sendModern({ proxy: open.merged }, 'tools/list')
    expect(namesIn(last)).toEqual(expect.arrayContaining(NAMES.map((name) => `bad__${name}`)))
    const input = { a: `${'a'.repeat(50)}!` }
    for (const name of NAMES) {
      const call = { name: `bad__${name}`, arguments: input }
      const called = await sendModern({ proxy: open.merged }, 'tools/call', call)
      expect(called.last).toMatchObject({ result: { content: [{ text: `${name} was called` }] } })
    }

    const { ask } = await initialize(open.open.proxy, { slug: 'bad' })
    expect(namesIn((await ask(requestOf('tools/list'))).last)).toEqual(NAMES)
    expect((await ask(callOf('bomb', input))).last).toMatchObject({ result: {} })
    expect(canary.connectionsAccepted).toBe(0)
  })
})
