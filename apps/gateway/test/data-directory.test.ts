import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { DataDirectory } from '../src/process/data-directory.ts'

let parent: string

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'mreg-data-directory-'))
})

afterEach(() => {
  rmSync(parent, { recursive: true, force: true })
})

test('a directory is made with all above it, for its owner alone', () => {
  const path = join(parent, 'a', 'b')
  using data = DataDirectory.claim(path)
  expect(data.path).toBe(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
})

test('a directory belongs to one owner at a time', () => {
  const first = DataDirectory.claim(parent)
  expect(() => DataDirectory.claim(parent)).toThrow(
    expect.objectContaining({ code: 'data_directory_in_use' }),
  )
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  DataDirectory.claim(parent)[Symbol.dispose]()
})

test('the lock of a process that was killed holds nobody up', async () => {
  const module = join(import.meta.dirname, '../src/process/data-directory.ts')
  const program = `import { DataDirectory } from ${JSON.stringify(module)}; globalThis.kept = DataDirectory.claim(${JSON.stringify(parent)}); console.log('claimed'); setInterval(() => {}, 1000)`
  const child = spawn(
    process.execPath,
    ['--conditions=@mreg/source', '--input-type=module', '--eval', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    await once(child.stdout, 'data')
    expect(() => DataDirectory.claim(parent)).toThrow(
      expect.objectContaining({ code: 'data_directory_in_use' }),
    )
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  DataDirectory.claim(parent)[Symbol.dispose]()
})

test('what cannot be written is refused, and left alone', () => {
  const file = join(parent, 'file')
  writeFileSync(file, 'content')
  for (const path of [file, join(file, 'below'), '/proc/mreg/data']) {
    expect(() => DataDirectory.claim(path)).toThrow(
      expect.objectContaining({ code: 'data_directory_unwritable' }),
    )
  }
  expect(readFileSync(file, 'utf8')).toBe('content')
})

test('the endpoint file says where the gateway is, to its owner alone, and goes with it', () => {
  const data = DataDirectory.claim(parent)
  const file = join(parent, 'endpoint.json')
  data.announce({ url: 'http://127.0.0.1:1', pid: 2 })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ url: 'http://127.0.0.1:1', pid: 2 })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  data[Symbol.dispose]()
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined()
})
