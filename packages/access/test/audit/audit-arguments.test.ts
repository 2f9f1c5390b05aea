import { randomBytes } from 'node:crypto'

import { expect, test } from 'vitest'

import { type ArgumentsAudit, ArgumentsAuditor } from '../../src/index.ts'

const key = randomBytes(32)
const given = Buffer.from(
  JSON.stringify({
    path: '/tmp',
    password: 'hunter2-canary',
    nested: [{ apiKey: 'key-canary', text: 'x'.repeat(1000) }],
  }),
)
const audited = (mode: ArgumentsAudit, from = key): Record<string, unknown> => ({
  ...new ArgumentsAuditor(mode, from).of(given),
})

test('metadata says nothing of arguments', () => {
  expect(audited('metadata')).toEqual({})
})

test('a hash is the same for the same arguments, and of no use without the key', () => {
  expect(audited('hash')).toEqual(audited('hash'))
  expect(Object.keys(audited('hash'))).toEqual(['argumentsHash'])
  expect(audited('hash')).not.toEqual(audited('hash', randomBytes(32)))
})

test('redacted arguments show no secrets, and are short', () => {
  const text = JSON.stringify(audited('redacted'))
  expect(text).toContain('/tmp')
  expect(text).not.toContain('canary')
  expect(text.length).toBeLessThan(700)
})
