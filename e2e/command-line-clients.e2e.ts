import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  dualEraStdioServer,
  type GatewayProcess,
  ManagedProcess,
  removeDataDirectory,
  startDualEraServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { npmEnvironment } from './npm-environment.ts'

/** They bring far more than the repository does, so they are fetched when they are wanted, and only then. */
const PACKAGES = ['mcporter@0.12.3', '@modelcontextprotocol/inspector@2.12.0']
const isWanted = process.env['MREG_TEST_CLIENTS'] === '1'

if (!isWanted) {
  process.stderr.write(
    '\n!!! mcporter and the Inspector are NOT tested: 200 MB come with them; MREG_TEST_CLIENTS=1 asks for them.\n\n',
  )
}

interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A client that is a command: its arguments for what it is to do at a URL. */
interface CommandLineClient {
  readonly name: string
  readonly command: string
  readonly list: (url: string) => readonly string[]
  readonly call: (url: string, tool: string) => readonly string[]
}

const CLIENTS: readonly CommandLineClient[] = [
  {
    name: 'mcporter',
    command: 'mcporter',
    list: (url) => ['list', '--http-url', url, '--allow-http', '--schema', '--json'],
    call: (url, tool) =>
      ['call', '--http-url', url, '--allow-http', '--tool', tool, '--output', 'raw'].concat(
        '--args',
        '{"message":"from afar"}',
      ),
  },
  {
    name: 'the Inspector',
    command: 'mcp-inspector',
    list: (url) => ['--cli', url, '--transport', 'http', '--method', 'tools/list'],
    call: (url, tool) =>
      ['--cli', url, '--transport', 'http', '--method', 'tools/call'].concat(
        '--tool-name',
        tool,
        '--tool-arg',
        'message=from afar',
      ),
  },
]

describe.runIf(isWanted)('clients on the command line, through the built gateway', () => {
  const opened = new AsyncDisposableStack()
  let root: string
  let gateway: GatewayProcess

  /** Runs a command until it ends, at home in a directory of its own, on the Node.js of this process. */
  const run = async (command: string, args: readonly string[], timeoutMs = 60_000): Promise<Output> => {
    const environment = {
      ...npmEnvironment(join(root, 'npm-cache')),
      HOME: join(root, 'home'),
      NO_COLOR: '1',
    }
    await using child = new ManagedProcess({ command, arguments: args, environment, workingDirectory: root })
    const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs)
    const { code } = await child.exited
    clearTimeout(timer)
    const { stderr, stdout } = child
    return { code, stdout, stderr }
  }
  const runClient = (command: string, args: readonly string[]): Promise<Output> =>
    run(process.execPath, [join(root, 'node_modules', '.bin', command), ...args])

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'mreg-clients-'))
    await mkdir(join(root, 'home'))
    await writeFile(join(root, 'package.json'), '{"private":true}')
    const installed = await run('npm', ['install', '--no-audit', '--no-fund', ...PACKAGES], 300_000)
    if (installed.code !== 0) throw new Error(`the clients cannot be installed: ${installed.stderr}`)
    gateway = await startGateway({ dataDirectory: join(root, 'data') })
    const administrator = new Administrator(gateway)
    const newer = opened.use(await startDualEraServer({ legacy: 'none' }))
    const older = opened.use(await startDualEraServer({ modern: false }))
    const endpoints = {
      newer: { transport: 'streamable-http', url: newer.url },
      older: { transport: 'streamable-http', url: older.url },
      sse: { transport: 'sse', url: older.sseUrl },
      process: { transport: 'stdio', ...dualEraStdioServer('modern') },
    }
    for (const [slug, endpoint] of Object.entries(endpoints))
      expect(await administrator.send('POST', '/servers', { slug, endpoints: [endpoint] })).toMatchObject({
        status: 201,
      })
  }, 400_000)

  afterAll(async () => {
    await gateway?.terminate()
    await opened.disposeAsync()
    await removeDataDirectory(root)
  })

  describe.each(CLIENTS)('$name', ({ call, command, list }) => {
    test.each([
      ['newer', '/mcp/newer', 'echo'],
      ['older', '/mcp/older', 'echo'],
      ['HTTP+SSE', '/mcp/sse', 'echo'],
      ['a process', '/mcp/process', 'echo'],
      ['newer, merged', '/mcp', 'newer__echo'],
      ['older, merged', '/mcp', 'older__echo'],
      ['a process, merged', '/mcp', 'process__echo'],
    ])('lists the tools of a server (%s) and calls one', { timeout: 150_000 }, async (_, path, tool) => {
      const url = `${gateway.url}${path}`
      // The first merged list waits only a moment for servers that have just come.
      await expect
        .poll(() => runClient(command, list(url)), { timeout: 90_000 })
        .toMatchObject({ code: 0, stdout: expect.stringContaining(`"${tool}"`) as unknown })
      const called = await runClient(command, call(url, tool))
      expect(called).toMatchObject({ code: 0, stdout: expect.stringContaining('from afar') as unknown })
    })
  })
})
