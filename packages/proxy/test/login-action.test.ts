import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, test } from 'vitest'

import type { LoginUrlFor } from '../src/index.ts'
import { type OpenMerged, openMerged } from './support/open-merged.ts'
import { registered } from './support/open-proxy.ts'
import { Logins, type PersonalServer, startPersonalServer } from './support/personal-server.ts'

/** What a client does when it is asked; undefined: it cannot be asked. */
type Asked = ((params: unknown) => Promise<{ readonly action: 'accept' | 'decline' }>) | undefined

const connectOld = async (url: URL, asked: Asked): Promise<Client> => {
  const capabilities = asked === undefined ? {} : { elicitation: { url: {} } }
  const client = new Client({ name: 'old', version: '1' }, { capabilities })
  if (asked !== undefined) client.setRequestHandler(ElicitRequestSchema, ({ params }) => asked(params))
  await client.connect(new StreamableHTTPClientTransport(url))
  return client
}

const connectNew = async (url: URL, asked: Asked): Promise<ModernClient> => {
  const capabilities = asked === undefined ? {} : { elicitation: { url: {} } }
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  if (asked !== undefined) client.setRequestHandler('elicitation/create', ({ params }) => asked(params))
  await client.connect(new ModernTransport(url))
  return client
}

const CLIENTS = [
  ['of the older era', connectOld],
  ['of the newer era', connectNew],
] as const

interface Stage extends AsyncDisposable {
  readonly open: OpenMerged
  readonly server: PersonalServer
  logIn(): void
}

/** A server for which nobody is logged in. */
const staged = async (loginUrlFor?: LoginUrlFor): Promise<Stage> => {
  const resources = new AsyncDisposableStack()
  const server = resources.use(await startPersonalServer())
  const logins = new Logins()
  const open = resources.use(await openMerged({}, { credentials: logins.credentials }, { loginUrlFor }))
  const own = registered(server.url, { slug: 'own', settings: { login: 'principal' } })
  open.register(own)
  return {
    open,
    server,
    logIn: () => {
      logins.add('local')
      open.merged.loginChanged({ tenantId: 'default', serverId: own.id, principalId: 'local' })
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

const PAGE = 'https://login.example/start'
const CALL = { name: 'own__login', arguments: {} }
const names = async (client: Client | ModernClient): Promise<readonly string[]> =>
  (await client.listTools()).tools.map(({ name }) => name)

const decline = (): Promise<{ action: 'decline' }> => Promise.resolve({ action: 'decline' })

/** What the tool says to a client. */
const textFor = async (
  connect: (typeof CLIENTS)[number][1],
  loginUrlFor: LoginUrlFor | undefined,
  asked: Asked,
): Promise<string> => {
  await using stage = await staged(loginUrlFor)
  const client = await connect(stage.open.url, asked)
  await names(client)
  const result = await client.callTool(CALL)
  await client.close()
  expect(result.isError).toBe(true)
  // No call got as far as the server.
  expect(stage.server.seen.filter((line) => line.endsWith('tools/call'))).toEqual([])
  return JSON.stringify(result.content)
}

describe.each(CLIENTS)('a server that wants a login, for a client %s', (_, connect) => {
  test('shows one tool, which asks the client to open the page', async () => {
    await using stage = await staged(() => Promise.resolve(PAGE))
    const asked: unknown[] = []
    const client: Client | ModernClient = await connect(stage.open.url, async (params) => {
      asked.push(params)
      stage.logIn()
      // When the client answers, the tool that asked is gone.
      await expect.poll(() => names(client), { timeout: 20_000 }).toContain('own__common')
      return { action: 'accept' }
    })
    expect(await names(client)).toEqual(['own__login'])

    const result = await client.callTool(CALL)

    expect(asked).toEqual([expect.objectContaining({ mode: 'url', url: PAGE })])
    expect(result).toMatchObject({ isError: false })
    expect(await names(client)).not.toContain('own__login')
    await client.close()
  })

  test('says what to do when the user declines, cannot be asked, or there is no page', async () => {
    expect(await textFor(connect, () => Promise.resolve(PAGE), decline)).toContain('cannot be used')
    const told = await textFor(connect, () => Promise.resolve(PAGE), undefined)
    expect(told).toContain(PAGE)
    expect(told).toContain('mreg login own')
    expect(await textFor(connect, undefined, decline)).toContain('mreg login own')
    expect(await textFor(connect, () => Promise.reject(new Error('no metadata')), decline)).toContain(
      'mreg login own',
    )
  })
})

test('a login that ended leaves the tools there, beside the one that says so', async () => {
  await using stage = await staged()
  const client = await connectNew(stage.open.url, undefined)
  expect(await names(client)).toEqual(['own__login'])
  stage.logIn()
  await expect.poll(() => names(client), { timeout: 20_000 }).toEqual(['own__common', 'own__local_only'])
  await expect.poll(() => stage.server.listeners, { timeout: 20_000 }).toContain('local')
  // The server has a tool of that name itself by now.
  stage.server.addTool('local', 'login')
  await expect.poll(() => names(client), { timeout: 20_000 }).toContain('own__login')
  expect(await client.callTool(CALL)).toMatchObject({ content: [{ text: 'login for local' }] })
  stage.server.refuseAll()
  stage.logIn()
  await expect
    .poll(() => names(client), { timeout: 20_000 })
    .toEqual(['own__common', 'own__local_only', 'own__login', 'own__mreg_login'])
  expect(await client.callTool({ name: 'own__mreg_login', arguments: {} })).toMatchObject({
    content: [{ text: expect.stringContaining('mreg login own') }],
  })
  await client.close()
})
