import { expect, test } from 'vitest'

import { EndpointEra } from '../src/era/endpoint-era.ts'
import { learnFromRefusal } from '../src/era/learn-from-refusal.ts'

const NEWER = '2026-07-28'

const refusal = (status: number, code: number) => ({
  kind: 'refused' as const,
  status,
  contentType: 'application/json',
  body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message: 'no' } })),
  retryAfterMs: undefined,
  wwwAuthenticate: undefined,
  sessionId: undefined,
})

/** How often an endpoint was asked again, and what is known of it. */
const eraOf = (known?: 'modern') => {
  let asked = 0
  const era = new EndpointEra({
    ask: async () => {
      asked += 1
    },
  })
  if (known !== undefined) era.learn({ modern: true })
  return { era, asked: () => asked }
}

test('an endpoint of which nothing is known is taken for an older one when it does not understand a newer request', () => {
  const { era } = eraOf()
  expect(era.peek('modern')).toBeUndefined()
  learnFromRefusal(era, refusal(400, -32_000), NEWER)
  expect(era.peek('modern')).toBe('legacy')
  // It was wrong: an error that only newer ones have says so.
  learnFromRefusal(era, refusal(400, -32_022), '2025-11-25')
  expect([era.peek('modern'), era.peek('legacy')]).toEqual(['modern', 'modern'])
})

test('one that is known is asked again, and stays what it is', () => {
  const { asked, era } = eraOf('modern')
  learnFromRefusal(era, refusal(400, -32_000), NEWER)
  expect([era.peek('modern'), asked()]).toEqual(['modern', 1])
})

test.each([
  ['a login that is wanted', 401, -32_000],
  ['a failure', 503, -32_000],
  ['parameters that are wrong', 400, -32_602],
])('%s says nothing of the era', (_, status, code) => {
  const { asked, era } = eraOf()
  learnFromRefusal(era, refusal(status, code), NEWER)
  expect([era.peek('modern'), era.peek('legacy'), asked()]).toEqual([undefined, undefined, 0])
})
