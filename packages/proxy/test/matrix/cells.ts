import { randomUUID } from 'node:crypto'

import { expect } from 'vitest'

import type { MatrixClient } from './clients.ts'
import type { ServerKind } from './servers.ts'

/** What one cell looks at. */
export interface Cell {
  readonly client: MatrixClient
  readonly server: ServerKind
}

interface Row {
  readonly what: string
  readonly expectIt: (cell: Cell) => Promise<void>
}

const WATCHED = 'test://watched-resource'
/** How long a loaded machine may need until a notification has come. */
const PATIENCE = { timeout: 15_000, interval: 20 }

const textOf = (text: string) => expect.objectContaining({ content: [expect.objectContaining({ text })] })

/** The rows of the matrix. */
export const ROWS: readonly Row[] = [
  {
    what: 'list',
    expectIt: async ({ client }) => {
      expect(client.serverName).toBe('dual-era')
      expect(await client.toolNames()).toEqual(
        expect.arrayContaining(['echo', 'structured', 'vendor_fields']),
      )
    },
  },
  {
    what: 'call',
    expectIt: async ({ client }) => {
      expect(await client.call('echo', { message: 'grüße' })).toEqual(textOf('grüße'))
      expect(await client.call('test_error_handling')).toMatchObject({ isError: true })
      expect(await client.call('test_custom_header', { region: 'zürich' })).toEqual(textOf('region zürich'))
      expect(await client.read('test://static-text')).toMatchObject({
        contents: [{ uri: 'test://static-text' }],
      })
      expect(await client.prompt('test_simple_prompt')).toMatchObject({ messages: [{ role: 'user' }] })
    },
  },
  {
    what: 'structured output',
    expectIt: async ({ client, server }) => {
      await client.toolNames()
      const structured = await client.call('structured', { city: 'Bern' })
      expect(structured).toMatchObject({ structuredContent: { city: 'Bern', degrees: 21.5 } })
      if (server.era === 'legacy') return
      const list = await client.call('structured_list')
      // Only the newer era has structured results that are no objects.
      expect(list).toMatchObject({
        structuredContent: client.era === 'modern' ? [1, 2, 3] : { result: [1, 2, 3] },
      })
    },
  },
  {
    what: 'progress',
    expectIt: async ({ client }) => {
      const steps: number[] = []
      const onProgress = (progress: number): void => void steps.push(progress)
      await client.call('slow_stream', { steps: 3, stepMs: 5 }, { onProgress })
      expect(steps).toEqual([1, 2, 3])
    },
  },
  {
    what: 'log',
    expectIt: async ({ client }) => {
      const before = client.logged.length
      await client.callWithLog('test_tool_with_logging')
      expect(client.logged.slice(before)).toEqual([
        'Tool execution started',
        'Tool processing data',
        'Tool execution completed',
      ])
    },
  },
  {
    what: 'elicitation by form',
    expectIt: async ({ client }) => {
      const answer = 'User response: action=accept, content={"username":"ada","email":"ada@example.com"}'
      expect(await client.call('test_elicitation', { message: 'Who?' })).toEqual(textOf(answer))
    },
  },
  {
    what: 'elicitation by URL',
    expectIt: async ({ client }) => {
      expect(await client.call('test_elicitation_url')).toEqual(textOf('Login: action=accept'))
    },
  },
  {
    what: 'sampling',
    expectIt: async ({ client }) => {
      expect(await client.call('test_sampling', { prompt: 'Capital?' })).toEqual(
        textOf('LLM response: Paris'),
      )
    },
  },
  {
    what: 'roots',
    expectIt: async ({ client }) => {
      expect(await client.call('test_roots')).toEqual(textOf('Roots: [{"uri":"file:///workspace"}]'))
    },
  },
  {
    what: 'several questions',
    expectIt: async ({ client }) => {
      expect(await client.call('test_input_required_result_multiple_inputs')).toEqual(
        textOf('undefined: Paris'),
      )
      expect(await client.call('test_input_required_result_multi_round')).toEqual(
        textOf('undefined likes undefined'),
      )
    },
  },
  {
    what: 'cancel',
    expectIt: async ({ client }) => {
      const label = randomUUID()
      const cancel = new AbortController()
      const call = client.call(
        'wait_until_cancelled',
        { label },
        { signal: cancel.signal, onProgress: () => cancel.abort() },
      )
      await expect(call).rejects.toThrow(/abort/iu)
      await expect.poll(() => client.call('was_cancelled', { label }), PATIENCE).toEqual(textOf('true'))
    },
  },
  {
    what: 'list_changed',
    expectIt: async ({ client }) => {
      await client.listen(WATCHED)
      const before = client.toolChanges
      // Older clients cannot know when their stream is open.
      const hears = async (): Promise<boolean> => {
        await client.call('test_trigger_tool_change')
        return client.toolChanges > before
      }
      await expect.poll(hears, PATIENCE).toBe(true)
    },
  },
  {
    what: 'resource subscribe',
    expectIt: async ({ client }) => {
      await client.listen(WATCHED)
      const before = client.updated.length
      const hears = async (): Promise<boolean> => {
        await client.call('test_touch_resource', { uri: WATCHED })
        return client.updated.length > before
      }
      await expect.poll(hears, PATIENCE).toBe(true)
      expect(new Set(client.updated)).toEqual(new Set([WATCHED]))
    },
  },
  {
    what: 'completion',
    expectIt: async ({ client }) => {
      expect(await client.complete('par')).toEqual(['paris', 'park', 'party'])
    },
  },
  {
    what: 'pagination',
    expectIt: async ({ client }) => {
      const pages: (readonly string[])[] = []
      let cursor: string | undefined
      do {
        const { next, uris } = await client.resources(cursor)
        pages.push(uris)
        cursor = next
      } while (cursor !== undefined)
      expect(pages.length).toBeGreaterThan(1)
      const all = pages.flat()
      expect(all).toEqual(expect.arrayContaining(['test://static-text', 'test://numbered/6']))
      expect(new Set(all).size).toBe(all.length)
    },
  },
  {
    what: 'error codes',
    expectIt: async ({ client }) => {
      await expect(client.call('no_such_tool')).rejects.toMatchObject({ code: -32_602 })
      await expect(client.read('test://nowhere')).rejects.toMatchObject({
        code: client.notFoundCode,
        data: { uri: 'test://nowhere' },
      })
      await expect(client.resources('nonsense')).rejects.toMatchObject({ code: -32_602 })
    },
  },
]
