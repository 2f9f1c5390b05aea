import { expect, test } from 'vitest'

import * as entry from '../src/index.ts'

test('the entry exports this and nothing else', () => {
  expect(Object.keys(entry).toSorted()).toEqual([
    'ChildGuard',
    'StdioTransport',
    'UpstreamTransportError',
    'childEnvironment',
    'createSseTransport',
    'createStreamableHttpTransport',
    'environmentFault',
  ])
})
