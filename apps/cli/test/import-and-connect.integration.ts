import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'

import { FIXTURE_SECRETS, putClientFiles } from './support/fixtures.ts'
import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace
let files: Readonly<Record<string, string>>
let printed = ''

const secrets = {
  LINEAR_TOKEN: 'linear-fixture-secret',
  API_KEY: 'linear-fixture-secret',
}

beforeAll(async () => {
  workplace = await openWorkplace()
  files = await putClientFiles(workplace.home)
})

afterAll(() => workplace[Symbol.asyncDispose]())

interface Imported {
  readonly servers: readonly { name: string; slug: string; action: string; reason?: string }[]
}

const runImport = async (
  ...args: string[]
): Promise<{ code: number; actions: Record<string, string>; end: Imported }> => {
  const { code, stdout, stderr } = await workplace.mreg(['import', ...args, '--no-wait', '--json'], secrets)
  printed += stdout + stderr
  const end: Imported = JSON.parse(stdout)
  return { code, actions: Object.fromEntries(end.servers.map(({ slug, action }) => [slug, action])), end }
}

const fileOf = (client: string): string => {
  const file = files[client]
  if (file === undefined) throw new Error(`there is no file of ${client}`)
  return file
}

const listSchema = z.object({ items: z.array(z.object({ slug: z.string(), revision: z.number() })) })
const revisionsIn = (list: unknown): unknown => listSchema.parse(list)

const inputs = ['--input', 'perplexity-key=pplx-fixture-secret', '--input', 'region=us']

test('a dry run says what would be done, asks nobody, and does nothing', async () => {
  expect((await runImport('claude-desktop', '--dry-run')).actions).toEqual({
    everything: 'register',
    filesystem: 'register',
    github: 'register',
    'my-very-long-c62dc7': 'register',
  })
  const { end } = await runImport(fileOf('vscode'), '--dry-run')
  expect(end.servers[0]).toMatchObject({ action: 'register', reason: 'asks for region, perplexity-key' })
  expect(await workplace.json(['list'])).toEqual({ items: [] })
})

test('Claude Desktop: what it has is registered under names of the gateway', async () => {
  const { code, actions } = await runImport('claude-desktop')
  expect(code).toBe(0)
  expect(Object.values(actions)).toEqual(['register', 'register', 'register', 'register'])
  expect(await workplace.json(['show', 'github'])).toMatchObject({
    title: 'GitHub',
    endpoints: [{ transport: 'stdio', command: 'docker', envNames: ['GITHUB_PERSONAL_ACCESS_TOKEN'] }],
  })
})

test('Cursor: variables of the environment go into headers, what is disabled stays out unless asked for', async () => {
  expect((await runImport('cursor')).actions).toEqual({
    linear: 'register',
    context7: 'skipped',
    local: 'register',
  })
  expect(await workplace.json(['show', 'linear'])).toMatchObject({
    endpoints: [{ url: 'http://127.0.0.1:9/linear/mcp', headerNames: ['authorization'] }],
  })
  expect((await runImport('cursor', '--include-disabled')).actions['context7']).toBe('register')
})

test('VS Code: inputs, envFile and directories are filled in; a secret in an argument is refused', async () => {
  const { code, end, actions } = await runImport(fileOf('vscode'), ...inputs)
  expect(code).toBe(1)
  expect(actions).toMatchObject({ perplexity: 'register', 'github-mcp-server': 'register', leaky: 'fault' })
  expect(end.servers.find(({ slug }) => slug === 'leaky')?.reason).toContain('--secrets-in-the-open')
  const folder = join(workplace.home, 'shop')
  expect(await workplace.json(['show', 'perplexity'])).toMatchObject({
    endpoints: [
      {
        cwd: join(folder, 'server'),
        envNames: expect.arrayContaining(['PERPLEXITY_API_KEY', 'REGION', 'FROM_FILE']),
      },
    ],
  })
})

test('VS Code: without a terminal, an input that is not given is a fault that says how to give it', async () => {
  const { end } = await runImport(fileOf('vscode'), '--overwrite', '--input', 'region=eu')
  expect(end.servers[0]).toMatchObject({
    action: 'fault',
    reason: 'it asks for perplexity-key; run this in a terminal, or give --input perplexity-key=VALUE',
  })
})

test('Claude Code: servers of the user, and of the project that is named', async () => {
  const { actions, end } = await runImport('claude-code', '--workspace', '/home/me/shop')
  expect(actions).toEqual({ sentry: 'register', api: 'register', postgres: 'register' })
  expect(end.servers.every(({ reason }) => reason === undefined)).toBe(true)
  expect(await workplace.json(['show', 'api'])).toMatchObject({
    endpoints: [{ url: 'http://127.0.0.1:9/api/mcp' }],
  })
})

test('a second import changes nothing', async () => {
  const before = await workplace.json(['list'])
  for (const args of [
    ['claude-desktop'],
    ['cursor', '--include-disabled'],
    [fileOf('vscode'), ...inputs],
    ['claude-code', '--workspace', '/home/me/shop'],
  ]) {
    const { actions } = await runImport(...args)
    expect(Object.values(actions)).toSatisfy((all: string[]) =>
      all.every((action) => action === 'unchanged' || action === 'fault'),
    )
  }
  expect(revisionsIn(await workplace.json(['list']))).toEqual(revisionsIn(before))
})

test('a secret that has changed in the file is changed in the gateway, and only that', async () => {
  const { stdout } = await workplace.mreg(['import', 'cursor', '--no-wait', '--json'], {
    ...secrets,
    LINEAR_TOKEN: 'another-linear-fixture-secret',
  })
  expect(JSON.parse(stdout)).toMatchObject({
    servers: [
      { slug: 'linear', action: 'update', reason: 'its credentials have changed' },
      {},
      { action: 'unchanged' },
    ],
  })
  expect((await runImport('cursor')).actions['linear']).toBe('update')
})

test('a server of another file that is registered otherwise is left alone, unless told', async () => {
  const file = join(workplace.home, 'other.json')
  await writeFile(file, JSON.stringify({ mcpServers: { linear: { url: 'http://127.0.0.1:1/mcp' } } }))
  const { code, end } = await runImport(file)
  expect(code).toBe(1)
  expect(end.servers[0]).toMatchObject({ action: 'conflict', reason: expect.stringContaining('--overwrite') })
  expect((await runImport(file, '--overwrite')).actions).toEqual({ linear: 'update' })
  expect((await runImport('cursor', '--overwrite')).actions['linear']).toBe('update')
})

test.each(['claude-desktop', 'cursor', 'vscode', 'claude-code'])(
  '%s: connect replaces what was imported, and undo gives the file back byte for byte',
  async (client) => {
    const file = fileOf(client)
    const before = await readFile(file)
    const place = client === 'vscode' ? ['--file', file] : []
    const shared = client === 'claude-code' ? ['--workspace', '/home/me/shop'] : []
    const written = await workplace.mreg(['connect', client, '--write', ...place, ...shared])
    printed += written.stdout + written.stderr
    expect(written.code).toBe(0)
    const after = await readFile(file, 'utf8')
    const url = `${workplace.gateway.url}/mcp/`
    expect(after).toContain(client === 'claude-desktop' ? '"stdio",\n        "github"' : url)
    for (const kept of [
      'globalShortcut',
      '// What Cursor starts with.',
      '"gallery": true',
      '"numStartups": 42',
      'autoApprove',
    ])
      expect(after.includes(kept)).toBe(before.includes(kept))
    expect(FIXTURE_SECRETS.filter((secret) => after.includes(secret))).toEqual([])

    const again = await workplace.mreg(['connect', client, '--write', ...place, ...shared])
    expect(again.stdout).toContain('Nothing to change')
    expect((await runImport(...(client === 'vscode' ? [file] : [client, ...shared]))).actions).toSatisfy(
      (actions: Record<string, string>) => !Object.values(actions).includes('update'),
    )

    expect((await workplace.mreg(['connect', client, '--undo', ...place])).code).toBe(0)
    expect(await readFile(file)).toEqual(before)
  },
)

test('connect shows what to paste, in the words of each client', async () => {
  expect(await workplace.json(['connect', 'cursor', 'linear'])).toEqual({
    mcpServers: { linear: { url: `${workplace.gateway.url}/mcp/linear` } },
  })
  expect(await workplace.json(['connect', 'vscode', 'linear'])).toEqual({
    servers: { linear: { type: 'http', url: `${workplace.gateway.url}/mcp/linear` } },
  })
  expect(await workplace.json(['connect', 'claude-desktop', 'linear'])).toMatchObject({
    mcpServers: {
      linear: { command: process.execPath, env: { MREG_DATA_DIR: workplace.gateway.dataDirectory } },
    },
  })
  expect((await workplace.mreg(['connect', 'cursor', 'nobody'])).code).toBe(4)
  expect((await workplace.mreg(['connect', 'emacs'])).code).toBe(2)
})

test('a client that has no file yet gets one with all servers, and undo takes it away again', async () => {
  const file = join(workplace.home, 'fresh', 'mcp.json')
  expect((await workplace.mreg(['connect', 'cursor', '--write', '--file', file])).code).toBe(2)
  await mkdir(dirname(file), { recursive: true })
  expect((await workplace.mreg(['connect', 'cursor', '--write', '--all', '--file', file])).code).toBe(0)
  const { mcpServers }: { mcpServers: object } = JSON.parse(await readFile(file, 'utf8'))
  expect(Object.keys(mcpServers)).toEqual(expect.arrayContaining(['github', 'linear', 'sentry']))
  expect((await workplace.mreg(['connect', 'cursor', '--undo', '--file', file])).code).toBe(0)
  await expect(readFile(file)).rejects.toThrow('ENOENT')
})

test('S53: none of all this has printed a secret', () => {
  expect(printed).toContain('perplexity')
  expect(FIXTURE_SECRETS.filter((secret) => printed.includes(secret))).toEqual([])
})
