import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import {
  type FixtureServer,
  isProcessRunning,
  startFixtureServer,
  startGateway,
  startModernServer,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { connectModernThroughBridge, connectThroughBridge, textOf } from './support/bridge-client.ts'
import { builtProgram, runProgram, temporaryDirectory } from './support/command.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let fixture: FixtureServer
let workplace: Workplace

beforeAll(async () => {
  ;[fixture, workplace] = await Promise.all([startFixtureServer(), openWorkplace()])
  await workplace.json(['add', 'fixture', fixture.url])
})

afterAll(async () => {
  await workplace[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

/** For tests that start gateways of their own. */
const LONG = { timeout: 120_000 }

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
})

/** Writes lines to a bridge, ends its input, and gives what it wrote. */
const speak = async (slug: string, ...lines: string[]): Promise<{ code: number; messages: unknown[] }> => {
  const { code, stdout } = await runProgram(process.execPath, [builtProgram, 'stdio', slug], {
    environment: workplace.environment,
    input: lines.map((line) => `${line}\n`).join(''),
  })
  return {
    code,
    messages: stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line)),
  }
}

test('a client of the first SDK has tools, resources, prompts, progress and unasked notifications', async () => {
  await using bridge = await connectThroughBridge('fixture', workplace.environment)
  const { client } = bridge
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'count', 'hold', 'fail'])
  const progress: number[] = []
  await client.callTool({ name: 'count', arguments: { steps: 3, stepMs: 5 } }, undefined, {
    onprogress: (each) => progress.push(each.progress),
  })
  // The client drops a progress that comes in one piece with the answer.
  expect(progress.slice(0, 2)).toEqual([1, 2])
  expect((await client.listResources()).resources).toHaveLength(1)
  expect((await client.getPrompt({ name: 'introduce', arguments: { who: 'you' } })).messages).toHaveLength(1)
  let heard = 0
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1))
  await waitUntil('the notification to come through', async () => {
    await fixture.announce()
    return heard > 0
  })
})

test('a client of the second SDK speaks the newer revision to a server that does, and can cancel', async () => {
  await using modern = await startModernServer()
  await workplace.json(['add', 'modern', modern.url])
  const client = await connectModernThroughBridge('modern', workplace.environment)
  try {
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'grüß' } }))).toBe('grüß')
    expect(modern.requestHeaders.at(-1)).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'echo' })
    const cancelling = new AbortController()
    const held = client.callTool({ name: 'hold', arguments: {} }, { signal: cancelling.signal })
    const outcome = held.then(
      () => 'answered',
      () => 'cancelled',
    )
    await waitUntil('the call to arrive', () => modern.executions.some(({ tool }) => tool === 'hold'))
    cancelling.abort()
    expect(await outcome).toBe('cancelled')
    await waitUntil('the server to hear of it', () => modern.cancellations.includes('hold'))
  } finally {
    await client.close()
  }
})

test('a client of the second SDK speaks the older revision to a server that knows no other', async () => {
  const client = await connectModernThroughBridge('fixture', workplace.environment)
  try {
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'old' } }))).toBe('old')
  } finally {
    await client.close()
  }
})

test('stdout holds nothing but messages, one on each line, also for input that is none', async () => {
  const { code, messages } = await speak(
    'fixture',
    initialize,
    'this is not JSON',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"count","arguments":{"steps":3,"stepMs":1},"_meta":{"progressToken":"p"}}}',
  )
  expect(code).toBe(0)
  expect(messages).toMatchObject([
    { id: 'first', result: { serverInfo: { name: 'fixture' } } },
    { id: null, error: { code: -32700 } },
    ...[1, 2, 3].map((progress) => ({ params: { progressToken: 'p', progress } })),
    { id: 2, result: { content: [{ text: 'counted to 3' }] } },
  ])
})

test('a server that is not registered is an error under the id of the request', async () => {
  const { messages } = await speak('nobody', initialize)
  expect(messages).toMatchObject([{ id: 'first', error: { data: { reason: 'server_not_found' } } }])
})

test('the session ends with the client', async () => {
  // Sessions of the tests before may still be ending.
  const before = new Set(fixture.sessionIds)
  const bridge = await connectThroughBridge('fixture', workplace.environment)
  const opened = fixture.sessionIds.filter((id) => !before.has(id))
  expect(opened).not.toEqual([])
  await bridge[Symbol.asyncDispose]()
  await waitUntil('the session to end', () => !fixture.sessionIds.some((id) => opened.includes(id)))
})

test('a gateway that wants a key gets the one of this user', LONG, async () => {
  await using locked = await openWorkplace({ MREG_AUTH_MODE: 'required' })
  await locked.json(['add', 'fixture', fixture.url])
  expect((await locked.mreg(['call', 'fixture', 'echo', '--arg', 'message=key'])).stdout).toBe('key\n')
  await using bridge = await connectThroughBridge('fixture', locked.environment)
  expect(textOf(await bridge.client.callTool({ name: 'echo', arguments: { message: 'key' } }))).toBe('key')
  expect(await locked.json(['connect', 'claude-code', 'fixture'])).toMatchObject({
    mcpServers: { fixture: { headers: { Authorization: 'Bearer ${MREG_KEY}' } } },
  })
})

test(
  'a gateway that is killed and started again is not noticed, and no call is made twice',
  LONG,
  async () => {
    await using directory = await temporaryDirectory()
    const options = {
      dataDirectory: directory.path,
      readyTimeoutMs: 60_000,
      environment: { MREG_LOG_LEVEL: 'warn' },
    }
    const first = await startGateway(options)
    const environment = { MREG_URL: first.url, MREG_KEY: first.adminKey }
    await workplace.json(['add', 'fixture', fixture.url], { ...environment, MREG_DATA_DIR: '' })
    await using bridge = await connectThroughBridge('fixture', environment)
    const { client } = bridge
    const call = async (name: string, message: string): Promise<unknown> =>
      client.callTool({ name, arguments: name === 'echo' ? { message } : {} })

    const started = fixture.executions.length
    const held = call('hold', '').then(
      () => undefined,
      (error: unknown) => error,
    )
    await waitUntil('the call to be under way', () => fixture.executions.length > started)
    await first.kill()
    expect(await held).toMatchObject({ data: { reason: 'gateway_lost' } })
    expect(fixture.executions.filter(({ tool }) => tool === 'hold')).toHaveLength(1)

    const waiting = call('echo', 'while it was away')
    await using second = await startGateway({ ...options, port: first.port })
    expect(second.url).toBe(first.url)
    expect(textOf(await waiting)).toBe('while it was away')
    await waitUntil('the bridge to have said so', () => bridge.stderr().includes('looking for it again'))
    let heard = 0
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1))
    await waitUntil(
      'the stream to be open again',
      async () => {
        await fixture.announce()
        return heard > 0
      },
      { timeoutMs: 60_000, intervalMs: 200 },
    )
  },
)

test(
  'a session that the gateway no longer knows is opened again behind the client’s back',
  LONG,
  async () => {
    await using directory = await temporaryDirectory()
    const start = (port?: number) =>
      startGateway({
        dataDirectory: directory.path,
        port,
        readyTimeoutMs: 60_000,
        environment: { MREG_LOG_LEVEL: 'warn', MREG_SECRET_KEY: randomBytes(32).toString('base64url') },
      })
    const first = await start()
    const environment = { MREG_URL: first.url, MREG_KEY: first.adminKey }
    await workplace.json(['add', 'fixture', fixture.url], { ...environment, MREG_DATA_DIR: '' })
    await using bridge = await connectThroughBridge('fixture', environment)
    await first.terminate()
    await using second = await start(first.port)
    expect(second.url).toBe(first.url)
    expect(textOf(await bridge.client.callTool({ name: 'echo', arguments: { message: 'again' } }))).toBe(
      'again',
    )
    await waitUntil('the bridge to have said so', () => bridge.stderr().includes('opening another'))
  },
)

test(
  'without a gateway, of several bridges one starts it, and all use it; when it dies, it is started again',
  LONG,
  async () => {
    await using directory = await temporaryDirectory()
    const environment = { HOME: directory.path, MREG_DATA_DIR: join(directory.path, 'data'), MREG_PORT: '0' }
    const running = async (): Promise<number> => {
      const endpoint: { pid: number } = JSON.parse(
        await readFile(join(environment.MREG_DATA_DIR, 'endpoint.json'), 'utf8'),
      )
      return endpoint.pid
    }
    const pids = new Set<number>()
    try {
      const raw = () =>
        runProgram(process.execPath, [builtProgram, 'stdio', 'nobody'], {
          environment,
          input: `${initialize}\n`,
          timeoutMs: 100_000,
        })
      const ends = await Promise.all([raw(), raw(), raw(), raw()])
      for (const { stdout } of ends) expect(stdout).toContain('server_not_found')
      expect(ends.filter(({ stderr }) => stderr.includes('starting a gateway'))).toHaveLength(1)
      pids.add(await running())

      await workplace.json(['add', 'fixture', fixture.url], environment)
      await using bridge = await connectThroughBridge('fixture', environment)
      const [first = 0] = pids
      process.kill(first, 'SIGKILL')
      await waitUntil('the gateway to be dead', async () => !(await isProcessRunning(first)))
      expect(textOf(await bridge.client.callTool({ name: 'echo', arguments: { message: 'back' } }))).toBe(
        'back',
      )
      pids.add(await running())
      expect(pids.size).toBe(2)
    } finally {
      // Also one that was started and did not get as far as the test expected.
      pids.add(await running().catch(() => 0))
      await Promise.all(Array.from(pids, endGateway))
    }
  },
)

test('a gateway that cannot start is an error that says why', LONG, async () => {
  await using directory = await temporaryDirectory()
  const { stdout } = await runProgram(process.execPath, [builtProgram, 'stdio', 'any'], {
    environment: {
      HOME: directory.path,
      MREG_DATA_DIR: join(directory.path, 'data'),
      MREG_PORT: String(workplace.gateway.port),
    },
    input: `${initialize}\n`,
  })
  expect(JSON.parse(stdout)).toMatchObject({
    id: 'first',
    error: {
      data: { reason: 'gateway_not_started' },
      message: expect.stringMatching(/MREG_PORT: port \d+ .* is taken/u),
    },
  })
})

/** Ends one that nobody here has started, and waits for its end. */
async function endGateway(pid: number): Promise<void> {
  if (!(await isProcessRunning(pid))) return
  process.kill(pid, 'SIGTERM')
  await waitUntil('the gateway to end', async () => !(await isProcessRunning(pid)), { timeoutMs: 30_000 })
}
