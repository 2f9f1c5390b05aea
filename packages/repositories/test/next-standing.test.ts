import { expect, test } from 'vitest'

import { nextStanding, type Standing } from '../src/catalog/next-standing.ts'

const standing = (
  observedHash: string,
  approvedHash: string | undefined,
  state: Standing['state'],
): Standing => ({
  observedHash,
  approvedHash,
  state,
})

const warn = { onNew: 'accepted', onChange: 'changed' } as const
const strict = { onNew: 'quarantined', onChange: 'quarantined' } as const
const open = { onNew: 'accepted', onChange: 'accepted' } as const

test.each([
  ['new is accepted', undefined, 'a', warn, standing('a', 'a', 'accepted')],
  ['new waits for an approval', undefined, 'a', strict, standing('a', undefined, 'quarantined')],
  ['the same stays', standing('a', 'a', 'accepted'), 'a', strict, standing('a', 'a', 'accepted')],
  ['another one is marked', standing('a', 'a', 'accepted'), 'b', warn, standing('b', 'a', 'changed')],
  ['another one is held', standing('a', 'a', 'accepted'), 'b', strict, standing('b', 'a', 'quarantined')],
  ['another one is taken', standing('a', 'a', 'accepted'), 'b', open, standing('b', 'b', 'accepted')],
  [
    'marked before, it stays marked under another policy',
    standing('b', 'a', 'changed'),
    'b',
    strict,
    standing('b', 'a', 'changed'),
  ],
  [
    'back to what was approved',
    standing('b', 'a', 'quarantined'),
    'a',
    strict,
    standing('a', 'a', 'accepted'),
  ],
  [
    'held and never approved, changed again',
    standing('a', undefined, 'quarantined'),
    'b',
    { ...strict, onChange: 'accepted' },
    standing('b', undefined, 'quarantined'),
  ],
  ['gone and back', standing('a', 'a', 'gone'), 'a', strict, standing('a', 'a', 'accepted')],
  ['gone and back otherwise', standing('a', 'a', 'gone'), 'b', warn, standing('b', 'a', 'changed')],
  [
    'gone while it was held, and back',
    standing('b', 'a', 'gone'),
    'b',
    strict,
    standing('b', 'a', 'quarantined'),
  ],
  [
    'gone, never approved, and back',
    standing('a', undefined, 'gone'),
    'a',
    strict,
    standing('a', undefined, 'quarantined'),
  ],
  ['switched off, whatever it is', standing('a', 'a', 'disabled'), 'b', open, standing('b', 'a', 'disabled')],
] as const)('%s', (_, before, hash, control, expected) => {
  expect(nextStanding(before, hash, control)).toEqual(expected)
})
