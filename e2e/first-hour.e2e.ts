import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  createTestDatabase,
  freePort,
  type GatewayProcess,
  ManagedProcess,
  removeDataDirectory,
  startGateway,
  type TestDatabase,
  waitUntil,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { clientFiles, definitionOf } from './client-files.ts'
import { builtCommandLine, runMreg } from './mreg-command.ts'
import { npmEnvironment } from './npm-environment.ts'
import { FAILING_SERVERS, HTTP_PACKAGE, workingServers, type WorkingServer } from './npm-servers.ts'
import { sdkClients } from './sdk-clients.ts'

const root = await mkdtemp(join(tmpdir(), 'mreg-first-hour-'))
const home = join(root, 'home')
const documents = join(home, 'Documents')
/** Empty at first: everything is fetched, as in the first hour of a user. */
const npm = npmEnvironment(join(root, 'npm-cache'))
const isReachable = await reachesRegistry()

if (!isReachable) {
  process.stderr.write(
    '\n!!! The package registry cannot be reached from here: the twelve servers from npm are NOT tested.\n\n',
  )
}

// One story: each test begins where the one before it ended.
describe.skipIf(!isReachable)('twelve servers from npm, with an empty cache', () => {
  let database: TestDatabase
  let listening: { readonly process: ManagedProcess; readonly url: string }
  let gateway: GatewayProcess
  let environment: Readonly<Record<string, string>>
  let commands: readonly WorkingServer[]
  let servers: readonly WorkingServer[]

  const mcpUrl = (slug: string): string => `${gateway.url}/mcp/${slug}`

  beforeAll(async () => {
    await mkdir(documents, { recursive: true })
    await writeFile(join(documents, 'note.txt'), 'written for the test')
    database = await createTestDatabase()
    listening = await startHttpServer()
    commands = workingServers({
      documents,
      memoryFile: join(home, 'memory.jsonl'),
      databaseUrl: database.url,
      redisUrl: process.env['MREG_TEST_REDIS_URL'] ?? '',
    })
    servers = [...commands, httpServer]
    const dataDirectory = join(root, 'data')
    gateway = await startGateway({
      dataDirectory,
      entry: builtCommandLine,
      environment: { ...npm, HOME: home, MREG_LOG_LEVEL: 'warn' },
      readyTimeoutMs: 60_000,
    })
    environment = { HOME: home, MREG_DATA_DIR: dataDirectory }
  }, 240_000)

  afterAll(async () => {
    await gateway?.terminate()
    await listening?.process.kill()
    await database?.drop()
    await removeDataDirectory(root)
  })

  test('one file is imported, and every server works or says why not', { timeout: 600_000 }, async () => {
    const file = join(home, 'mcp.json')
    const started = [...commands, ...FAILING_SERVERS]
    await writeFile(
      file,
      [
        '{',
        '  // Everything that I have.',
        '  "mcpServers": {',
        ...started.map((each) => `    ${JSON.stringify(each.name)}: ${JSON.stringify(definitionOf(each))},`),
        `    "everything-http": { "type": "http", "url": ${JSON.stringify(listening.url)} },`,
        '    "switched-off": { "command": "npx", "args": ["-y", "nothing"], "disabled": true },',
        '  },',
        '}',
      ].join('\n'),
    )
    const startedAt = performance.now()
    const { code, stdout, stderr } = await runMreg(['import', file, '--json'], environment, 540_000)
    process.stdout.write(`14 servers imported in ${Math.round((performance.now() - startedAt) / 1000)} s\n`)
    // Catalogs fill one after another, and whoever waits is told which are still to come.
    const progress = /\d+ of 14 servers have answered; waiting for /u
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(progress) })
    const imported = new Map(importedIn(stdout).map((each) => [each.name, each]))
    for (const { name } of servers)
      expect(imported.get(name)).toMatchObject({ slug: name, action: 'register', status: 'healthy' })
    for (const { name, says } of FAILING_SERVERS)
      expect(imported.get(name)).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining(says) })
    expect(imported.get('switched-off')).toMatchObject({ action: 'skipped' })
  })

  describe.each(sdkClients)('$name', ({ connect }) => {
    test('lists the tools of each, and calls one', { timeout: 300_000 }, async () => {
      const outcomes = await inTurns(3, servers, async ({ name, tool, input }) => {
        const client = await patiently(() => connect(mcpUrl(name)))
        try {
          const tools = await client.listTools()
          expect(tools.map((each) => each.name)).toContain(tool)
          // Servers differ in whether they refuse an input by a result or by an error.
          return JSON.stringify(
            await client.callTool(tool, { ...input }).catch((error: unknown) => String(error)),
          )
        } finally {
          await client.close()
        }
      })
      for (const [index, { name, answer }] of servers.entries())
        expect({ name, outcome: outcomes[index] }).toEqual({
          name,
          outcome: expect.stringMatching(answer),
        })
    })

    test('is told why one that does not start cannot be used', { timeout: 240_000 }, async () => {
      for (const { name } of FAILING_SERVERS) {
        await expect(connect(mcpUrl(name))).rejects.toMatchObject({
          data: {
            reason: expect.stringMatching(/^(start_failed|restart_pending|circuit_open)$/u),
            server: name,
          },
        })
      }
    })
  })

  test('the files of four clients are changed to go through the gateway, and put back byte for byte', async () => {
    for (const { client, path, bytes, servers: names, kept } of clientFiles(commands, listening.url)) {
      const file = join(home, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, bytes)
      const before = await readdir(dirname(file))

      const written = await runMreg(['connect', client, '--write', '--json'], environment)
      expect(written).toMatchObject({ code: 0 })
      expect(JSON.parse(written.stdout)).toMatchObject({
        client,
        file,
        servers: names.map((name) => ({ name, slug: name, replaces: true })),
      })
      const text = await readFile(file, 'utf8')
      for (const part of kept) expect(text).toContain(part)
      const reached =
        client === 'claude-desktop'
          ? await reachedByBridges(text, names)
          : names.filter((name) => text.includes(JSON.stringify(mcpUrl(name))))
      expect(reached).toEqual(names)

      const undone = await runMreg(['connect', client, '--undo', '--json'], environment)
      expect(JSON.parse(undone.stdout)).toMatchObject({ restored: 'bytes' })
      expect(await readFile(file)).toEqual(bytes)
      expect(await readdir(dirname(file))).toEqual(before)
    }
  }, 300_000)
})

/** Runs what stands in the file of Claude Desktop, as it would; gives the servers that have tools then. */
async function reachedByBridges(text: string, names: readonly string[]): Promise<string[]> {
  const { mcpServers }: { mcpServers: Record<string, { command: string; args: string[]; env: object }> } =
    JSON.parse(text)
  const reached: string[] = []
  for (const name of names) {
    const { command = '', args = [], env = {} } = mcpServers[name] ?? {}
    const client = new Client({ name: 'desktop', version: '1' })
    const environment = { PATH: process.env['PATH'] ?? '', HOME: home, ...env }
    await client.connect(new StdioClientTransport({ command, args, env: environment, stderr: 'ignore' }))
    if ((await client.listTools()).tools.length > 0) reached.push(name)
    await client.close()
  }
  return reached
}

const httpServer: WorkingServer = {
  name: 'everything-http',
  package: HTTP_PACKAGE,
  tool: 'get-sum',
  input: { a: 2, b: 40 },
  answer: /The sum of 2 and 40 is 42/u,
}

/** The server that listens, from a directory of its own. The port is free when it is asked for, and may be taken then. */
async function startHttpServer(attempts = 3): Promise<{ process: ManagedProcess; url: string }> {
  const directory = join(root, 'http-server')
  await mkdir(directory, { recursive: true })
  const installed = await runNpm(['install', '--no-audit', '--no-fund', HTTP_PACKAGE], directory, 180_000)
  if (installed.code !== 0) throw new Error(`${HTTP_PACKAGE} cannot be installed: ${installed.stderr}`)
  const port = await freePort()
  const child = new ManagedProcess({
    command: process.execPath,
    arguments: [
      join(directory, 'node_modules', packageOf(HTTP_PACKAGE), 'dist', 'index.js'),
      'streamableHttp',
    ],
    environment: { ...npm, HOME: home, PORT: String(port) },
  })
  await waitUntil('it to listen', () => !child.isRunning || child.stderr.includes('listening on port'), {
    timeoutMs: 60_000,
  }).catch(() => undefined)
  if (child.isRunning && child.stderr.includes('listening on port'))
    return { process: child, url: `http://127.0.0.1:${port}/mcp` }
  await child.kill()
  if (attempts > 1) return startHttpServer(attempts - 1)
  throw new Error(`${HTTP_PACKAGE} did not start: ${child.stderr}`)
}

/** Whether packages can be had; asked twice, because one failure may be chance. */
async function reachesRegistry(attempts = 2): Promise<boolean> {
  await mkdir(home, { recursive: true })
  const { code } = await runNpm(['view', HTTP_PACKAGE, 'version'], root, 45_000)
  return code === 0 || (attempts > 1 && (await reachesRegistry(attempts - 1)))
}

/** Runs npm until it ends, at most for `timeoutMs`. */
async function runNpm(
  args: readonly string[],
  workingDirectory: string,
  timeoutMs: number,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  await using child = new ManagedProcess({
    command: 'npm',
    arguments: args,
    environment: { ...npm, HOME: home },
    workingDirectory,
  })
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs)
  const { code } = await child.exited
  clearTimeout(timer)
  return { code, stderr: child.stderr }
}

/** The name in `@scope/name@1.2.3`. */
function packageOf(specifier: string): string {
  return specifier.replace(/@[^@/]*$/u, '')
}

/** A client that gives up before a process has started finds it ready when it tries again. */
async function patiently<Result>(work: () => Promise<Result>, attempts = 3): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (attempts === 1 || !/timed out|still starting/iu.test(String(error))) throw error
    return patiently(work, attempts - 1)
  }
}

/** Does `work` for each, so many at a time; gives the results in their order. */
async function inTurns<Item, Result>(
  atOnce: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

interface Imported {
  readonly name: string
  readonly slug: string
  readonly action: string
  readonly status?: string
  readonly reason?: string
}

const importedIn = (stdout: string): readonly Imported[] => {
  const result: { servers: readonly Imported[] } = JSON.parse(stdout)
  return result.servers
}
