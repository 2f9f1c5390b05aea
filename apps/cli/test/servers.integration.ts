import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type EverythingServer, startEverythingServer } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { runCommand } from './support/command.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let everything: EverythingServer
let workplace: Workplace

beforeAll(async () => {
  ;[everything, workplace] = await Promise.all([startEverythingServer(), openWorkplace()])
  await workplace.json(['add', 'everything', everything.url])
})

afterAll(async () => {
  await workplace[Symbol.asyncDispose]()
  await everything[Symbol.asyncDispose]()
})

test('a server is added, asked, listed, shown and removed', async () => {
  const added = await workplace.mreg([
    'add',
    'another',
    everything.url,
    '--title',
    'Another',
    '--tag',
    'demo',
  ])
  expect(added).toMatchObject({ code: 0, stderr: '' })
  expect(added.stdout).toContain(`Clients reach it at ${workplace.gateway.url}/mcp/another`)
  expect(added.stdout).toContain('healthy')
  const listed = await workplace.mreg(['list', '--tag', 'demo'])
  expect(listed.stdout).toMatch(/^NAME +STATUS.*\nanother +healthy +streamable-http +http.*\n$/u)
  expect(await workplace.json(['show', 'another'])).toMatchObject({ slug: 'another', title: 'Another' })
  expect(await workplace.json(['remove', 'another'])).toEqual({ removed: ['another'] })
  expect(await workplace.json(['list', '--tag', 'demo'])).toEqual({ items: [] })
})

test('what a server was asked through the gateway is shown, endpoint by endpoint', async () => {
  await workplace.json(['add', 'asked', everything.url])
  expect((await workplace.mreg(['call', 'asked', 'echo', '--arg', 'message=hi'])).code).toBe(0)
  const { stdout } = await workplace.mreg(['show', 'asked'])
  expect(stdout).toMatch(/^ {2}Asked of it +[1-9][0-9]* requests?, .*[0-9]+ ms on average$/mu)
  expect(stdout).toMatch(/^ {2}Circuit +closed, [0-9]+ under way, [1-9][0-9]* answered$/mu)
  expect(await workplace.json(['show', 'asked'])).toMatchObject({
    figures: { endpoints: [{ circuit: { state: 'closed', inFlight: expect.any(Number), failures: 0 } }] },
  })
  await workplace.mreg(['remove', 'asked'])
})

test('a server that is down is added all the same, and says so', async () => {
  const { code, stdout } = await workplace.mreg(['add', 'down', 'http://127.0.0.1:1/mcp'])
  expect(code).toBe(0)
  expect(stdout).toContain('unhealthy')
  expect(stdout).toContain('refuses connections')
  expect((await workplace.mreg(['probe', 'everything', 'down'])).code).toBe(1)
  expect((await workplace.mreg(['probe', 'everything'])).code).toBe(0)
  await workplace.mreg(['remove', 'down'])
})

test('a tool is switched off for everybody, reviewed, and switched on again', async () => {
  const off = await workplace.mreg(['tools', 'everything', '--off', 'get-env'])
  expect(off).toMatchObject({ code: 0, stdout: 'tool get-env is switched off\n' })
  expect((await workplace.mreg(['tools', 'everything'])).stdout).not.toMatch(/^get-env /mu)
  expect((await workplace.mreg(['call', 'everything', 'get-env'])).code).not.toBe(0)
  expect((await workplace.mreg(['tools', 'everything', '--review'])).stdout).toContain(
    'tool get-env is switched off',
  )
  expect((await workplace.mreg(['show', 'everything'])).stdout).toMatch(/^ {2}Switched off +get-env$/mu)
  expect(await workplace.json(['show', 'everything'])).toMatchObject({ off: ['get-env'], waiting: [] })
  expect((await workplace.mreg(['doctor', 'everything'])).stdout).toContain(
    '✓ Approvals    everything: switched off are get-env',
  )
  const why = await workplace.mreg(['explain', 'everything__get-env'])
  expect(why).toMatchObject({ code: 0, stderr: '' })
  expect(why.stdout).toMatch(/^everything__get-env at \/mcp, for whoever comes without a key$/mu)
  expect(why.stdout).toMatch(
    /^✗ changes +An administrator has switched the tool "get-env" .* off; mreg tools/mu,
  )
  expect(why.stdout).toMatch(/^Not shown, and cannot be called\. /mu)
  const where = await workplace.mreg(['explain', 'echo', '--server', 'everything'])
  expect(where.stdout).toMatch(/^Shown, and can be called\. .*a call goes to http:/mu)
  expect(await workplace.json(['explain', 'everything__echo', '--principal', 'admin'])).toMatchObject({
    isShown: true,
    isCallable: true,
    caller: { id: 'admin' },
    endpoints: [{ isChosen: true, address: everything.url }],
  })
  expect(await workplace.mreg(['explain', 'x', '--principal', 'nobody'])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('no API key is called "nobody"'),
  })
  expect((await workplace.mreg(['tools', 'everything', '--on', 'get-env'])).code).toBe(0)
  expect((await workplace.mreg(['tools', 'everything'])).stdout).toMatch(/^get-env /mu)
  expect((await workplace.mreg(['tools', 'everything', '--off', 'no-such-tool'])).code).toBe(4)
})

test('tools are listed, described and called, with arguments as the tool wants them', async () => {
  const { stdout } = await workplace.mreg(['tools', 'everything'])
  expect(stdout).toMatch(/^echo +Echoes back/mu)
  expect(stdout).toMatch(/^\d+ tools, about [\d,]+ tokens\.$/mu)
  expect((await workplace.mreg(['tools', 'everything', 'get-sum'])).stdout).toContain('a  number, required')
  const sum = await workplace.mreg(['call', 'everything', 'get-sum', '--arg', 'a=2', '--arg', 'b=3'])
  expect(sum).toEqual({ code: 0, stdout: 'The sum of 2 and 3 is 5.\n', stderr: '' })
  expect(await workplace.json(['call', 'everything', 'get-sum', '--json-args', '{"a":2,"b":3}'])).toEqual({
    content: [{ type: 'text', text: 'The sum of 2 and 3 is 5.' }],
  })
})

test('arguments come from a file or from standard input too', async () => {
  const file = join(workplace.home, 'arguments.json')
  await writeFile(file, '{"message":"from a file"}')
  expect((await workplace.mreg(['call', 'everything', 'echo', '--json-args', `@${file}`])).stdout).toBe(
    'Echo: from a file\n',
  )
  const { stdout } = await runCommand(['call', 'everything', 'echo', '--json-args', '-'], {
    environment: workplace.environment,
    input: '{"message":"piped"}',
  })
  expect(stdout).toBe('Echo: piped\n')
})

test('progress of a long call goes to stderr, its result to stdout', async () => {
  const { code, stdout, stderr } = await workplace.mreg([
    'call',
    'everything',
    'trigger-long-running-operation',
    '--arg',
    'duration=4',
    '--arg',
    'steps=4',
  ])
  expect(code).toBe(0)
  expect(stdout).toContain('Long running operation completed')
  expect(stderr).toMatch(/calling trigger-long-running-operation of everything: \d of 4/u)
})

test('an error that a tool reports ends with 1, and its words are the result', async () => {
  const { code, stdout } = await workplace.mreg([
    'call',
    'everything',
    'get-sum',
    '--json-args',
    '{"a":"x","b":"y"}',
  ])
  expect(code).toBe(1)
  expect(stdout).toMatch(/invalid/iu)
})

test.each([
  [['call', 'everything', 'get-smu'], 1, /Did you mean get-sum\?/u],
  [['call', 'everything', 'get-sum', '--arg', 'a=x'], 2, /wants a number/u],
  [['call', 'nobody', 'echo'], 4, /No server is registered as "nobody"[^]*mreg list/u],
  [['show', 'nobody'], 4, /no server is registered as "nobody"[^]*mreg list/u],
  [['add', 'Not A Slug', 'http://127.0.0.1:1/mcp'], 4, /a-z, 0-9/u],
  [['add', 'everything', 'http://127.0.0.1:1/mcp'], 4, /mreg remove NAME/u],
  [['add', 'x', 'localhost:3001/mcp'], 2, /starts so: http:\/\/localhost:3001\/mcp/u],
  [['add', 'x', 'http://127.0.0.1:1/mcp', '--env', 'A=b'], 2, /--env and --cwd are for/u],
  [['add', 'x', 'http://127.0.0.1:1/mcp', '--header', 'nonsense'], 2, /"Name: value"/u],
  [['lsit'], 2, /Did you mean list\?/u],
  [['list', '--nonsense'], 2, /unknown option/u],
  [['probe'], 2, /--all/u],
] as const)('%j ends with %i and says what to do', async (args, code, words) => {
  const end = await workplace.mreg(args)
  expect(end.code).toBe(code)
  expect(end.stdout).toBe('')
  expect(end.stderr).toMatch(words)
})

test('with --json an error is one line of JSON on stderr', async () => {
  const { stderr } = await workplace.mreg(['show', 'nobody', '--json'])
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'server_not_found', exitCode: 4, status: 404 } })
})

test.each([
  ['list'],
  ['show', 'everything'],
  ['probe', 'everything'],
  ['tools', 'everything'],
  ['tools', 'everything', 'echo'],
  ['call', 'everything', 'echo', '--arg', 'message=hello'],
  ['connect', 'cursor', 'everything'],
  ['export'],
  ['keys'],
  ['doctor', 'everything'],
])('with --json, %s gives one JSON document on stdout, and nothing else', async (...args) => {
  const { code, stdout } = await workplace.mreg([...args, '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toBeTypeOf('object')
})

test('without a gateway a command ends with 3 and names the way out', async () => {
  const { code, stderr } = await workplace.mreg(['list'], { MREG_DATA_DIR: join(workplace.home, 'nowhere') })
  expect(code).toBe(3)
  expect(stderr).toContain('mreg serve')
})

test('a wrong key ends with 4 and names the file', async () => {
  const { code, stderr } = await workplace.mreg(['list'], {
    MREG_URL: workplace.gateway.url,
    MREG_KEY: 'mreg_admin_wrong',
  })
  expect(code).toBe(4)
  expect(stderr).toContain('admin.key')
})

test('a server that is started by a command runs behind the gateway', async () => {
  const { stdout } = await workplace.mreg([
    'add',
    'local',
    '--env',
    'SECRET_WORD=hush-hush',
    '--',
    process.execPath,
    ...everythingOverStdio(),
  ])
  expect(stdout).toContain('healthy')
  expect(stdout).toContain('SECRET_WORD (kept encrypted)')
  expect((await workplace.mreg(['call', 'local', 'echo', '--arg', 'message=hi'])).stdout).toBe('Echo: hi\n')
  await workplace.mreg(['remove', 'local'])
})

test('a proxy that Node is told to use is not asked for the gateway of this machine', async () => {
  const proxy = {
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
  }
  expect(
    (await workplace.mreg(['call', 'everything', 'echo', '--arg', 'message=direct'], proxy)).stdout,
  ).toBe('Echo: direct\n')
})

test('S53: no secret is ever printed', async () => {
  const secret = 'sk-this-must-never-be-seen'
  const outputs = [
    await workplace.mreg(['add', 'locked', everything.url, '--header', `Authorization: Bearer ${secret}`]),
    await workplace.mreg(['add', 'flagged', '--no-wait', '--', 'some-server', '--api-key', secret]),
    await workplace.mreg(['show', 'locked']),
    await workplace.mreg(['show', 'flagged', '--json']),
    await workplace.mreg(['list']),
    await workplace.mreg(['export']),
    await workplace.mreg(['keys', '--json']),
    await workplace.mreg(['doctor']),
  ]
  const shown = outputs.map(({ stdout, stderr }) => stdout + stderr).join('\n')
  expect(shown).toContain('•••')
  expect(shown).not.toContain(secret)
  expect(shown).not.toContain(workplace.gateway.adminKey)
  await workplace.mreg(['remove', 'locked', 'flagged'])
})

test('what is exported can be imported elsewhere, with the secrets as variables', async () => {
  const file = join(workplace.home, 'servers.json')
  await workplace.json(['add', 'locked', everything.url, '--header', 'X-Api-Key: abc'])
  expect(await workplace.json(['export', file])).toMatchObject({
    servers: 2,
    variables: ['LOCKED_X_API_KEY'],
  })
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    mcpServers: {
      everything: { type: 'http', url: everything.url },
      locked: { type: 'http', url: everything.url, headers: { 'x-api-key': '${LOCKED_X_API_KEY}' } },
    },
  })
  await workplace.mreg(['remove', 'locked'])
  const imported = await workplace.json(['import', file], { LOCKED_X_API_KEY: 'abc' })
  expect(imported).toMatchObject({
    servers: [
      { slug: 'everything', action: 'unchanged' },
      { slug: 'locked', action: 'register', status: 'healthy' },
    ],
  })
  await workplace.mreg(['remove', 'locked'])
})

test('keys shows where the keys are and that they fit, and renews none while the gateway runs', async () => {
  const { stdout } = await workplace.mreg(['keys'])
  expect(stdout).toContain('takes the key that mreg uses')
  expect(stdout).toContain(join(workplace.gateway.dataDirectory, 'admin.key'))
  expect(await workplace.mreg(['keys', 'renew', 'admin'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Stop it'),
  })
})

test('a new key for secrets goes before the old ones, and a new administrator’s key takes the place of the old', async () => {
  const other = join(workplace.home, 'other')
  const environment = { MREG_DATA_DIR: other }
  await workplace.json(['keys', 'renew', 'secret'], environment)
  expect(await workplace.json(['keys', 'renew', 'secret'], environment)).toMatchObject({
    keys: 2,
    exposed: false,
  })
  const [newest, oldest] = (await readFile(join(other, 'secret.key'), 'utf8')).trim().split(',')
  expect(newest).not.toBe(oldest)
  await workplace.json(['keys', 'renew', 'admin'], environment)
  expect(await readFile(join(other, 'admin.key'), 'utf8')).toMatch(/^mreg_admin_[\w-]{43}\n$/u)
})

/** The demonstration server speaks over stdio as well. */
function everythingOverStdio(): readonly string[] {
  return [
    new URL(
      '../../../packages/testing/node_modules/@modelcontextprotocol/server-everything/dist/index.js',
      import.meta.url,
    ).pathname,
    'stdio',
  ]
}
