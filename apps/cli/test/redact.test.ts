import { expect, test } from 'vitest'

import { isSecretName, redactedArguments, redactedUrl } from '../src/output/redact.ts'

test.each(['GITHUB_TOKEN', 'apiKey', '--api-key', 'DB_PASSWORD', 'Authorization', 'client_secret'])(
  '%s is the name of a secret',
  (name) => {
    expect(isSecretName(name)).toBe(true)
  },
)

test.each(['HOME', 'MONKEY', 'KEYBOARD', 'tokenizer', '--port', 'AUTHOR'])('%s is not', (name) => {
  expect(isSecretName(name)).toBe(false)
})

test('secrets in arguments are blotted out, and nothing else', () => {
  expect(
    redactedArguments(['-y', 'server', '--api-key', 'abc', '--token=def', '--port', '80', 'ghp_0123456789']),
  ).toEqual(['-y', 'server', '--api-key', '•••', '--token=•••', '--port', '80', '•••'])
  expect(redactedArguments(['--header', 'Authorization: Bearer abc'])).toEqual([
    '--header',
    'Authorization: •••',
  ])
  expect(redactedArguments(['--token', '--verbose'])).toEqual(['--token', '--verbose'])
})

test('secrets in URLs are blotted out', () => {
  expect(redactedUrl('https://example.com/mcp?api_key=abc&region=eu')).toBe(
    'https://example.com/mcp?api_key=•••&region=eu',
  )
  expect(redactedArguments(['postgres://me:abc@localhost/shop'])).toEqual([
    'postgres://me:•••@localhost/shop',
  ])
})
