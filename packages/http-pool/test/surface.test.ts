import { readdir, readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import * as gotEntry from '../src/got.ts'
import * as entry from '../src/index.ts'

const source = new URL('../src/', import.meta.url)

test('the entries export this and nothing else', () => {
  expect(Object.keys(entry).toSorted()).toEqual([
    'EgressDeniedError',
    'HttpPool',
    'HttpPoolError',
    'NameResolutionError',
    'NameResolver',
    'ResponseHeaders',
    'RetryBudget',
    'addressKind',
    'createEgressGuard',
    'proxyFromEnvironment',
  ])
  expect(Object.keys(gotEntry)).toEqual(['createHttpClient'])
})

test('nothing but the got form imports got, so that the pool runs without it', async () => {
  const files = (await readdir(source)).filter((name) => name.endsWith('.ts') && name !== 'got.ts')
  expect(files.length).toBeGreaterThan(10)
  const importers: string[] = []
  for (const file of files) {
    if (/from '(got|\.\/got)/.test(await readFile(new URL(file, source), 'utf8'))) importers.push(file)
  }
  expect(importers).toEqual([])
})
