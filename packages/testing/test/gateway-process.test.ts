import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { removeDataDirectory, runGatewayToEnd, startGateway } from '../src/gateway/gateway-process.ts'

/** Stands in for the gateway: the same files and the same signs, and nothing behind them. */
const program = `
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
const directory = process.env.MREG_DATA_DIR
if (process.env.REFUSE) { console.error('refused: ' + process.env.REFUSE); process.exit(4) }
let asked = 0
const server = createServer((request, response) => {
  asked += 1
  response.statusCode = asked > 2 ? 200 : 503
  response.end()
})
server.listen(Number(process.env.MREG_PORT), '127.0.0.1', () => {
  writeFileSync(directory + '/admin.key', 'the-key\\n')
  const url = 'http://127.0.0.1:' + server.address().port
  writeFileSync(directory + '/endpoint.json', JSON.stringify({ url, pid: process.pid }))
  console.log('up')
})
process.on('SIGTERM', () => process.exit(0))
`

let directory: string
let entry: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mreg-test-gateway-'))
  entry = join(directory, 'main.mjs')
  await writeFile(entry, program)
})

afterEach(() => removeDataDirectory(directory))

test('a gateway counts as started when its endpoint file is there and it is ready', async () => {
  await using gateway = await startGateway({ dataDirectory: directory, entry })
  expect(gateway.adminKey).toBe('the-key')
  expect(gateway.url).toBe(`http://127.0.0.1:${gateway.port}`)
  expect(gateway.stdout).toBe('up\n')
  expect(gateway.isRunning).toBe(true)
  expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
  expect(gateway.isRunning).toBe(false)
})

test('the endpoint file of a gateway that was killed before is not taken for the new one’s', async () => {
  const first = await startGateway({ dataDirectory: directory, entry })
  expect(await first.kill()).toEqual({ code: null, signal: 'SIGKILL' })
  await using second = await startGateway({ dataDirectory: directory, entry })
  expect(second.pid).not.toBe(first.pid)
  expect((await fetch(second.url)).status).toBe(200)
})

test('a gateway that ends before it is ready is an error with what it wrote', async () => {
  const start = startGateway({ dataDirectory: directory, entry, environment: { REFUSE: 'no reason' } })
  await expect(start).rejects.toThrow(/exit code 4[^]*refused: no reason/)
})

test('a gateway that is not ready in time is an error, and is ended', async () => {
  await writeFile(entry, 'console.log(process.pid); setInterval(() => {}, 1000)')
  const start = startGateway({ dataDirectory: directory, entry, readyTimeoutMs: 500 })
  await expect(start).rejects.toThrow(/SIGKILL[^]*stdout: \d+/)
})

test('how a gateway refuses to start can be looked at', async () => {
  const end = await runGatewayToEnd({ dataDirectory: directory, entry, environment: { REFUSE: 'bad' } })
  expect(end).toEqual({ code: 4, signal: null, stdout: '', stderr: 'refused: bad\n' })
})

test('a gateway that should have refused to start is ended all the same', async () => {
  await expect(runGatewayToEnd({ dataDirectory: directory, entry, readyTimeoutMs: 500 })).rejects.toThrow(
    'the gateway still ran',
  )
})
