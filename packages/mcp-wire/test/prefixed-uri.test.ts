import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { prefixUri, splitPrefixedUri } from '../src/index.ts'
import { propertyRuns } from './support/property-runs.ts'

const owner = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?$/)

test('A prefixed URI is a URI again, and a template a template', () => {
  expect(prefixUri('9lives', 'file:///notes.md')).toBe('mcp.9lives+file:///notes.md')
  expect(new URL(prefixUri('9lives', 'file:///notes.md')).protocol).toBe('mcp.9lives+file:')
  expect(prefixUri('a-b', 'note://{id}')).toBe('mcp.a-b+note://{id}')
})

test('The prefix comes off as it was put on, also twice, and in whatever case a client sends it', () => {
  fc.assert(
    fc.property(owner, owner, fc.string(), (first, second, uri) => {
      expect(splitPrefixedUri(prefixUri(first, uri))).toEqual({ owner: first, uri })
      const twice = prefixUri(second, prefixUri(first, uri))
      expect(splitPrefixedUri(twice)).toEqual({ owner: second, uri: prefixUri(first, uri) })
    }),
    { numRuns: propertyRuns(500) },
  )
  expect(splitPrefixedUri('MCP.A-B+File:///X')).toEqual({ owner: 'a-b', uri: 'File:///X' })
})

test.each(['file:///x', 'mcp.+x:y', 'mcp.a_b+x:y', 'mcp.-a+x:y', 'xmcp.a+x:y', 'mcp.a'])(
  '"%s" has no prefix',
  (uri) => {
    expect(splitPrefixedUri(uri)).toBeUndefined()
  },
)
