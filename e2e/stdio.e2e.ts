import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import {
  descendantsOf,
  type GatewayProcess,
  isProcessRunning,
  publishedServer,
  removeDataDirectory,
  runningProcesses,
  startGateway,
  stdioServer,
  type StdioServerCommand,
  type StdioServerOptions,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange } from './http-exchange.ts'
import { RawMcpClient } from './raw-mcp-client.ts'
import { sdkClients } from './sdk-clients.ts'

describe('servers that are started by a command', () => {
  let parent: string
  let workspace: string
  let gateway: GatewayProcess
  let administrator: Administrator
  let registered = 0

  const start = async (): Promise<void> => {
    const settings = join(parent, 'settings.json')
    await writeFile(settings, JSON.stringify({ stdio: { writeMs: 2_000 } }))
    gateway = await startGateway({
      dataDirectory: join(parent, 'data'),
      environment: {
        MREG_CONFIG: settings,
        MREG_TEST_CANARY: 'of-the-gateway',
        NPM_TOKEN: 'of-the-gateway',
        LANG: 'de_CH.UTF-8',
      },
    })
    administrator = new Administrator(gateway)
  }
  const mcpUrl = (slug: string): string => `${gateway.url}/mcp/${slug}`
  /** Registers a command under a slug that only this test uses. */
  const register = async (
    command: StdioServerCommand,
    more: { endpoint?: object; settings?: object } = {},
  ): Promise<string> => {
    registered += 1
    const slug = `command-${registered}`
    const answer = await administrator.send('POST', '/servers', {
      slug,
      endpoints: [{ transport: 'stdio', ...command, ...more.endpoint }],
      ...(more.settings === undefined ? {} : { settings: more.settings }),
    })
    expect(answer).toMatchObject({ status: 201 })
    return slug
  }
  const registerScripted = (options: StdioServerOptions = {}, settings: object = {}): Promise<string> =>
    register(stdioServer(options), { settings })
  const connectRaw = async (slug: string): Promise<RawMcpClient> => {
    const client = new RawMcpClient(mcpUrl(slug))
    const { message } = await client.initialize()
    if (message.result === undefined) throw new Error(`not initialised: ${JSON.stringify(message)}`)
    return client
  }
  /** The endpoint of a server, as the API shows it. */
  const endpointOf = async (slug: string): Promise<unknown> => {
    const { json } = await administrator.send('GET', `/servers/${slug}`)
    return first(member(json, 'endpoints'))
  }
  const probe = async (slug: string): Promise<unknown> =>
    first(member((await administrator.send('POST', `/servers/${slug}/probe`)).json, 'endpoints'))

  const inWorkspace = (text: string): string => text.replace('WORKSPACE', workspace)
  /** A client that knows both eras, and asks the server which it speaks. */
  const connectAuto = async (slug: string): Promise<ClientV2> => {
    const client = new ClientV2({ name: 'auto', version: '1' }, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new TransportV2(new URL(mcpUrl(slug))))
    return client
  }
  /** The process that answers a principal. The administrator's key makes another principal than no key. */
  const pidFor = async (slug: string, key?: string): Promise<number> => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const client = new ClientV1({ name: 'principal', version: '1' })
    await client.connect(new TransportV1(new URL(mcpUrl(slug)), { requestInit: { headers } }))
    const { pid } = aboutIn(await client.callTool({ name: 'about', arguments: {} }))
    await client.close()
    return pid
  }
  /** Servers that run, with descendants, some of which ignore what they are told. Gives all processes below the gateway. */
  const startFamily = async (): Promise<readonly number[]> => {
    const slugs = [
      await registerScripted({ grandchildren: ['plain', 'stubborn', 'detached stubborn'] }),
      await registerScripted({ ignoreTerm: true }),
      await register(publishedServer('everything')),
    ]
    for (const slug of slugs) await connectRaw(slug)
    const family = await descendantsOf(gateway.pid)
    // The three, what the first has started, and the watcher.
    expect(family.length).toBeGreaterThanOrEqual(7)
    return family.map(({ pid }) => pid)
  }

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    workspace = join(parent, 'workspace')
    await mkdir(workspace)
    await writeFile(join(workspace, 'note.txt'), 'written for the test')
    await start()
  })

  afterAll(async () => {
    await gateway?.kill()
    await removeDataDirectory(parent)
  })

  describe.each([
    ['everything', [], 'echo', { message: 'hello' }, 'Echo: hello'],
    ['filesystem', ['WORKSPACE'], 'read_text_file', { path: 'WORKSPACE/note.txt' }, 'written for the test'],
    ['memory', [], 'read_graph', {}, '"relations"'],
    [
      'sequential-thinking',
      [],
      'sequentialthinking',
      { thought: 'x', thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false },
      '"thoughtNumber": 1',
    ],
  ] as const)('the published server %s', (name, rawArgs, tool, rawInput, expected) => {
    let command: StdioServerCommand
    let slug: string

    beforeAll(async () => {
      command = publishedServer(name, rawArgs.map(inWorkspace))
      slug = await register(command, {
        endpoint: { env: { MEMORY_FILE_PATH: join(parent, 'memory.jsonl') } },
      })
    })

    test('is found to work', async () => {
      expect(await probe(slug)).toMatchObject({
        transport: 'stdio',
        command: command.command,
        args: command.args,
        probe: { status: 'healthy', era: 'legacy' },
      })
    })

    test.each(sdkClients)(
      'lists the same tools as without the gateway, and calls one, with $name',
      async ({ connect }) => {
        const direct = new ClientV1({ name: 'direct', version: '1' })
        await direct.connect(new StdioClientTransport({ ...command, args: [...command.args] }))
        const client = await connect(mcpUrl(slug))
        try {
          expect(await client.listTools()).toEqual((await direct.listTools()).tools)
          const input: Record<string, unknown> = JSON.parse(inWorkspace(JSON.stringify(rawInput)))
          expect(JSON.stringify(await client.callTool(tool, input))).toContain(
            JSON.stringify(expected).slice(1, -1),
          )
        } finally {
          await client.close()
          await direct.close()
        }
      },
    )
  })

  describe.each(sdkClients)('a client: $name', ({ connect }) => {
    test('gets progress of a long call in order, before its result', async () => {
      const slug = await register(publishedServer('everything'))
      const client = await connect(mcpUrl(slug))
      const events: string[] = []
      await client.callTool('trigger-long-running-operation', { duration: 0.4, steps: 4 }, (progress) => {
        events.push(`step ${progress}`)
      })
      events.push('result')
      await client.close()
      expect(events).toEqual(['step 1', 'step 2', 'step 3', 'step 4', 'result'])
    })

    test('does not notice that the process crashed between two calls', async () => {
      const slug = await registerScripted()
      // The question after the registration has a process of its own: now it is over.
      await probe(slug)
      const client = await connect(mcpUrl(slug))
      const { pid } = aboutIn(await client.callTool('about'))
      const processes = async (): Promise<number> =>
        Number(member(member(await endpointOf(slug), 'live'), 'processes'))
      expect(await processes()).toBe(1)
      process.kill(pid, 'SIGKILL')
      // Not only the process: a call that is sent before the gateway knows may have been taken, and is not repeated.
      await waitUntil('the gateway to know that the process ended', async () => (await processes()) === 0)
      expect(aboutIn(await client.callTool('about')).pid).not.toBe(pid)
      await client.close()
    })
  })

  test('a client of both eras begins with the newer one, and ends up with what the server speaks', async () => {
    const older = await connectAuto(await registerScripted({ era: 'legacy' }))
    expect(await older.callTool({ name: 'echo', arguments: { message: 'old' } })).toMatchObject({
      content: [{ text: 'old' }],
    })
    expect(older.getServerVersion()).toMatchObject({ name: 'stdio-fixture' })
    await older.close()
    const newer = await connectAuto(await registerScripted({ era: 'modern' }))
    expect(await newer.callTool({ name: 'echo', arguments: { message: 'new' } })).toMatchObject({
      content: [{ text: 'new' }],
    })
    await newer.close()
  })

  test('what a server asks in a call goes to the client of that call, and its answer back', async () => {
    const slug = await register(publishedServer('everything'))
    const capabilities = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } }
    const clients = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const client = new ClientV1({ name, version: '1' }, { capabilities })
        client.setRequestHandler(CreateMessageRequestSchema, () => ({
          model: 'test',
          role: 'assistant',
          content: { type: 'text', text: `sampled by ${name}` },
        }))
        client.setRequestHandler(ElicitRequestSchema, () => ({
          action: 'accept',
          content: { name: `elicited by ${name}` },
        }))
        client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///shared/root' }] }))
        await client.connect(new TransportV1(new URL(mcpUrl(slug))))
        return client
      }),
    )
    for (const [index, name] of ['one', 'two'].entries()) {
      const client = clients[index]
      const sampled = await client?.callTool({
        name: 'trigger-sampling-request',
        arguments: { prompt: 'x', maxTokens: 5 },
      })
      expect(JSON.stringify(sampled)).toContain(`sampled by ${name}`)
      const elicited = await client?.callTool({ name: 'trigger-elicitation-request', arguments: {} })
      expect(JSON.stringify(elicited)).toContain(`elicited by ${name}`)
      const roots = await client?.callTool({ name: 'get-roots-list', arguments: {} })
      expect(JSON.stringify(roots)).toContain('file:///shared/root')
    }
    await Promise.all(clients.map((client) => client.close()))
  })

  test('what a server says unasked comes on the stream that a client listens to', async () => {
    const slug = await registerScripted()
    const client = new ClientV1({ name: 'listener', version: '1' })
    let heard = 0
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      heard += 1
    })
    await client.connect(new TransportV1(new URL(mcpUrl(slug))))
    // The stream is opened behind the back of whoever uses the client: what is said before then nobody hears.
    await waitUntil(
      'the announcement',
      async () => {
        await client.callTool({
          name: 'say',
          arguments: { method: 'notifications/tools/list_changed', afterMs: 0 },
        })
        return heard > 0
      },
      { timeoutMs: 30_000, intervalMs: 250 },
    )
    await client.close()
    expect(heard).toBeGreaterThan(0)
  })

  describe('who shares a process', () => {
    test('two principals never do, unless they are told to', async () => {
      const own = await registerScripted()
      const local = await pidFor(own)
      expect(await pidFor(own)).toBe(local)
      expect(await pidFor(own, gateway.adminKey)).not.toBe(local)

      const shared = await registerScripted({}, { isolation: 'shared' })
      expect(await pidFor(shared, gateway.adminKey)).toBe(await pidFor(shared))
    })

    test('S22 50 calls at once with equal ids over one process, and nobody gets the answer of another', async () => {
      const slug = await registerScripted({}, { isolation: 'shared' })
      const clients = await Promise.all(Array.from({ length: 50 }, () => connectRaw(slug)))
      const answers = await Promise.all(
        clients.map((client, index) =>
          client.call(7, 'wait', { ms: Math.random() * 200, message: `for ${index}` }),
        ),
      )
      for (const [index, { status, message }] of answers.entries()) {
        expect(status).toBe(200)
        expect(message).toMatchObject({ id: 7, result: { content: [{ text: `for ${index}` }] } })
      }
      expect(await endpointOf(slug)).toMatchObject({ live: { state: 'running', processes: 1 } })
    })

    test('a session has its own when the server says so, and it ends with the session', async () => {
      const slug = await registerScripted({}, { isolation: 'session' })
      const processes = async (): Promise<number> =>
        Number(member(member(await endpointOf(slug), 'live'), 'processes'))
      // The gateway asks it once what it offers, in a session of nobody else.
      await waitUntil('what it offers to be known', async () => {
        const { json } = await administrator.send('GET', `/servers/${slug}/capabilities`)
        return first(member(json, 'items')) !== undefined
      })
      const before = await processes()
      const client = await connectRaw(slug)
      const other = await connectRaw(slug)
      expect(await processes()).toBe(before + 2)
      const ended = await exchange(mcpUrl(slug), {
        method: 'DELETE',
        headers: { 'mcp-session-id': client.sessionId ?? '' },
      })
      expect(ended.status).toBe(204)
      await waitUntil('its process to be gone', async () => (await processes()) === before + 1)
      expect((await other.call(1, 'echo', { message: 'here' })).message.result).toBeDefined()
    })
  })

  describe('what goes wrong', () => {
    test('F26 a crash in mid call is an answer to that call, with its reason', async () => {
      const slug = await registerScripted()
      // Not that the question after the registration is still under way.
      await probe(slug)
      const client = await connectRaw(slug)
      const held = client.call('held', 'wait', { ms: 60_000 })
      const crash = client.call('crash', 'crash', { stderr: 'secret details' })
      for (const [id, response] of [
        ['held', held],
        ['crash', crash],
      ] as const) {
        const { status, message } = await response
        expect(status).toBe(200)
        expect(message.id).toBe(id)
        expect(message.error?.data).toMatchObject({ reason: 'process_exited', server: slug })
        // Its last words are for its operator, not for its users.
        expect(JSON.stringify(message)).not.toContain('secret details')
      }
      expect(await endpointOf(slug)).toMatchObject({
        live: { state: 'failed', lastErrorLine: 'secret details' },
      })
      expect((await client.call(1, 'echo', { message: 'back' })).message.result).toBeDefined()
    })

    test('F26 a bad start is told with the last words of the process, and a missing command by its name', async () => {
      const failing = await registerScripted({ exitAtStart: 2, stderr: ['usage: server TOKEN'] })
      // It is started now and then, to be asked what it offers.
      await expect
        .poll(() => probe(failing), { timeout: 30_000, interval: 200 })
        .toMatchObject({
          probe: {
            status: 'unhealthy',
            message: expect.stringMatching(/exit code 2.*usage: server TOKEN/su),
          },
          live: { state: 'failed', processes: 0, lastErrorLine: 'usage: server TOKEN' },
        })
      const missing = await register({ command: 'no-such-command', args: [] })
      expect(await probe(missing)).toMatchObject({
        probe: { status: 'unhealthy', message: 'the command no-such-command was not found' },
      })
      const client = new RawMcpClient(mcpUrl(missing))
      const { message } = await client.initialize()
      expect(message.error?.data).toMatchObject({
        reason: expect.stringMatching(/start_failed|restart_pending/u),
      })
    })

    test('while it starts, its state says so, with the last line it wrote', async () => {
      const slug = await registerScripted({ startDelayMs: 20_000, stderr: ['downloading 3 of 7'] })
      const starting = await waitUntil('its last words', async () => {
        const live = member(await endpointOf(slug), 'live')
        return member(live, 'lastErrorLine') !== undefined && live
      })
      expect(starting).toEqual({ state: 'starting', processes: 1, lastErrorLine: 'downloading 3 of 7' })
    })

    test('F26 garbage, floods and answers over the limit stay with the server that makes them', async () => {
      const slug = await registerScripted({ stdoutGarbage: ['Server listening!', '{}'] })
      const client = await connectRaw(slug)
      const [flood, large, echo] = await Promise.all([
        client.call(1, 'flood', { bytes: 100_000_000 }),
        client.call(2, 'large', { bytes: 34_000_000 }),
        client.call(3, 'echo', { message: 'in time' }),
      ])
      expect(flood.message).toMatchObject({ id: 1, result: { content: [{ text: 'flooded' }] } })
      expect(large.message).toMatchObject({ id: 2, result: { isError: true } })
      expect(JSON.stringify(large.message)).toContain('limits.maxReplyBytes')
      expect(echo.message).toMatchObject({ id: 3, result: { content: [{ text: 'in time' }] } })
    })

    test('F26 a pipe that is full fails the calls that the process does not take, and it goes when it is removed', async () => {
      const slug = await registerScripted()
      await probe(slug)
      const client = await connectRaw(slug)
      const { pid } = aboutIn((await client.call(1, 'about')).message.result)
      await client.call(2, 'stopReading')
      for (const message of ['more than a pipe holds '.repeat(100_000), 'behind it']) {
        const refused = await client.call(3, 'echo', { message })
        expect(refused).toMatchObject({
          status: 200,
          message: { id: 3, error: { data: { reason: 'not_reading', server: slug } } },
        })
      }
      await administrator.send('DELETE', `/servers/${slug}`)
      await waitUntil('the process to end', async () => !(await isProcessRunning(pid)))
    })

    test('S46 what would load code into the process, or is no command, is refused', async () => {
      const answer = await administrator.send('POST', '/servers', {
        slug: 'refused',
        endpoints: [
          {
            transport: 'stdio',
            command: ' ',
            cwd: 'relative',
            env: { NODE_OPTIONS: '--require=canary', LD_PRELOAD: 'canary' },
          },
          { transport: 'stdio', command: 'x', env: { MREG_ADMIN_KEY: 'canary' } },
        ],
      })
      expect(answer.status).toBe(400)
      expect(answer.json).toMatchObject({
        code: 'invalid_input',
        faults: expect.arrayContaining([
          expect.objectContaining({ path: 'endpoints.0.command' }),
          expect.objectContaining({ path: 'endpoints.0.cwd' }),
          expect.objectContaining({ path: 'endpoints.0.env.NODE_OPTIONS' }),
          expect.objectContaining({ path: 'endpoints.0.env.LD_PRELOAD' }),
          expect.objectContaining({ path: 'endpoints.1.env.MREG_ADMIN_KEY' }),
        ]),
      })
      expect(answer.text).not.toContain('canary')
    })
  })

  test('S46 a process has the environment that was registered, kept secret, and nothing of the gateway’s', async () => {
    const command = stdioServer()
    const slug = await register(command, { endpoint: { env: { API_TOKEN: 'canary-token' }, cwd: workspace } })
    const shown = await administrator.send('GET', `/servers/${slug}`)
    expect(first(member(shown.json, 'endpoints'))).toMatchObject({ cwd: workspace, envNames: ['API_TOKEN'] })
    expect(shown.text).not.toContain('canary-token')

    const client = await connectRaw(slug)
    const { message } = await client.call(1, 'environment')
    const environment = JSON.parse(textIn(message))
    expect(environment).toMatchObject({
      API_TOKEN: 'canary-token',
      LANG: 'de_CH.UTF-8',
      HOME: process.env['HOME'],
    })
    expect(JSON.stringify(environment)).not.toMatch(/MREG_|of-the-gateway|NPM_TOKEN/u)
    const about = await client.call(2, 'about')
    expect(JSON.parse(textIn(about.message))).toMatchObject({ cwd: workspace })
  })

  test('a change of the title keeps the process; a change of the command replaces it; removal ends it', async () => {
    const slug = await registerScripted()
    const client = await connectRaw(slug)
    const pid = async (): Promise<number> => aboutIn((await client.call(1, 'about')).message.result).pid
    const before = await pid()
    await administrator.send('PATCH', `/servers/${slug}`, { title: 'Renamed' })
    expect(await pid()).toBe(before)
    const changed = stdioServer({ stderr: ['another'] })
    await administrator.send('PATCH', `/servers/${slug}`, { endpoints: [{ transport: 'stdio', ...changed }] })
    const after = await pid()
    expect(after).not.toBe(before)
    await waitUntil('the former process to end', async () => !(await isProcessRunning(before)))
    await administrator.send('DELETE', `/servers/${slug}`)
    await waitUntil('the process to end', async () => !(await isProcessRunning(after)))
  })

  describe('the end of the gateway', () => {
    test('F26 by kill -9 leaves no process behind, nor descendants of one', async () => {
      const family = await startFamily()
      await gateway.kill()
      await expectGone(family, 'kill -9')
      await start()
    })

    test('F45 by SIGTERM ends them first', async () => {
      const family = await startFamily()
      expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
      await expectGone(family, 'SIGTERM')
      await start()
    })

    test('does not wait for one that is still starting', async () => {
      const slug = await registerScripted({ startDelayMs: 120_000 })
      await waitUntil(
        'it to start',
        async () => member(member(await endpointOf(slug), 'live'), 'state') === 'starting',
      )
      const family = (await descendantsOf(gateway.pid)).map(({ pid }) => pid)
      expect(await gateway.terminate(30_000)).toEqual({ code: 0, signal: null })
      await expectGone(family, 'SIGTERM while one starts')
      await start()
    })

    test('and its new start are not noticed by a client', async () => {
      const slug = await registerScripted()
      const client = await connectRaw(slug)
      expect((await client.call(1, 'echo', { message: 'before' })).message.result).toBeDefined()
      const { port } = gateway
      await gateway.kill()
      gateway = await startGateway({ dataDirectory: join(parent, 'data'), port })
      administrator = new Administrator(gateway)
      expect((await client.call(2, 'echo', { message: 'after' })).message).toMatchObject({
        id: 2,
        result: { content: [{ text: 'after' }] },
      })
    })
  })
})

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined)

const textIn = (response: unknown): string => {
  const result = member(response, 'result') ?? response
  const text = member(first(member(result, 'content')), 'text')
  if (typeof text === 'string') return text
  throw new Error(`no text in ${JSON.stringify(response)}`)
}

const expectGone = async (pids: readonly number[], how: string): Promise<void> => {
  const startedAt = performance.now()
  await waitUntil(
    'every process to end',
    async () => (await runningProcesses('')).every(({ pid }) => !pids.includes(pid)),
    { timeoutMs: 15_000, intervalMs: 50 },
  )
  process.stdout.write(`${how}: nothing left after ${Math.round(performance.now() - startedAt)} ms\n`)
}

const aboutIn = (result: unknown): { pid: number } => JSON.parse(textIn(result))
