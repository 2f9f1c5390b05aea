import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const story = fileURLToPath(new URL('../examples/gateway-replicas/src/main.ts', import.meta.url))

// Baseline 1c.3: three processes behind a real gateway, one killed under load, one slow, one lying, in both eras.
test('F52: losing one of three replicas under load fails no list, and executes nothing twice', async () => {
  // It checks itself against the ledgers of the replicas, and ends with an error when the story did not happen.
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@mreg/source', story], {
    timeout: 240_000,
  })
  expect(stdout).toContain('nothing was executed twice')
}, 300_000)
