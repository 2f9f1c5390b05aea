import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { FETCHED_NODE_VERSION, isRequiredNode } from '../src/node/required-node.ts'

test.each([
  ['20.20.2', false],
  ['22.22.0', false],
  ['24.10.9', false],
  ['24.11.0', true],
  ['24.21.0', true],
  ['26.0.0', true],
])('Node.js %s: new enough is %s', (version, enough) => {
  expect(isRequiredNode(version)).toBe(enough)
})

test('what is fetched is new enough, and the one that the repository works with', async () => {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    await readFile(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  expect(isRequiredNode(FETCHED_NODE_VERSION)).toBe(true)
  expect(FETCHED_NODE_VERSION).toBe(manifest.devDependencies['node'])
})
