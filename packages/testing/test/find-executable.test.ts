import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { findExecutable } from '../src/processes/find-executable.ts'

let first: string
let second: string

beforeAll(async () => {
  first = await mkdtemp(join(tmpdir(), 'mreg-test-path-'))
  second = await mkdtemp(join(tmpdir(), 'mreg-test-path-'))
  await writeFile(join(first, 'tool'), 'not executable', { mode: 0o644 })
  await writeFile(join(second, 'tool'), '#!/bin/sh\n')
  await chmod(join(second, 'tool'), 0o755)
})

afterAll(async () => {
  await rm(first, { recursive: true })
  await rm(second, { recursive: true })
})

test('an executable is found in the first folder of the path that has it', async () => {
  expect(await findExecutable('tool', ['', '/nowhere', first, second].join(delimiter))).toBe(
    join(second, 'tool'),
  )
})

test('what is nowhere on the path is not found', async () => {
  expect(await findExecutable('tool', first)).toBeUndefined()
  expect(await findExecutable('tool', '')).toBeUndefined()
})
