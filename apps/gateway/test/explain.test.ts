import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Explanation } from '@mreg/proxy'
import { startChangingServer, startFixtureServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type HttpAnswer, InProcessGateway } from './support/in-process-gateway.ts'

const PATIENT = { timeout: 20_000 }

const stepOf = ({ steps }: Explanation, check: string) => steps.find((step) => step.check === check)
const tool = (description: string): object => ({
  name: 'send',
  description,
  inputSchema: { type: 'object' },
})

describe('the explanation of what a caller sees', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  const keys = new Map<string, string>()

  const send = async (method: string, path: string, body: object): Promise<void> => {
    const { status, text } = await gateway.request(method, `/api/v1${path}`, { body })
    if (status >= 400) throw new Error(`${method} ${path}: ${text}`)
  }
  const ask = (query: Readonly<Record<string, string>>, key?: string): Promise<HttpAnswer> =>
    gateway.request(
      'GET',
      `/api/v1/explain?${new URLSearchParams(query).toString()}`,
      key === undefined ? {} : { key },
    )
  const explain = async (query: Readonly<Record<string, string>>): Promise<Explanation> => {
    const { status, text } = await ask(query)
    if (status !== 200) throw new Error(`${status}: ${text}`)
    return JSON.parse(text)
  }

  const connect = async (path: string, key: string | undefined): Promise<ModernClient> => {
    const client = new ModernClient(
      { name: 'new', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    const headers = { authorization: `Bearer ${key ?? ''}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}`), { requestInit: { headers } }),
    )
    return client
  }

  beforeAll(async () => {
    gateway = resources.use(await InProcessGateway.start({ MREG_AUTH_MODE: 'required' }))
    for (const slug of ['notes', 'mail']) {
      const { url } = resources.use(await startFixtureServer())
      await send('POST', '/servers', { slug, endpoints: [{ transport: 'streamable-http', url }] })
    }
    await send('POST', '/toolsets', {
      slug: 'few',
      items: [
        { serverSlug: 'notes' },
        { effect: 'exclude', namePattern: 'co*' },
        { serverSlug: 'notes', namePattern: 'echo', rename: 'say' },
      ],
    })
    for (const [name, role, scopes] of [
      ['all', 'user', {}],
      ['one', 'user', { servers: { allow: ['no*'] } }],
      ['careful', 'user', { tools: { deny: ['notes/fail', 'mail/*'] }, toolsets: { allow: [] } }],
      ['reader', 'readonly', {}],
      ['operator', 'operator', {}],
    ] as const) {
      const { json } = await gateway.request('POST', '/api/v1/keys', { body: { name, role, scopes } })
      keys.set(name, String(json['key']))
    }
    await send('POST', '/servers/notes/capabilities/decisions', {
      decision: 'disable',
      capabilities: [{ name: 'hold' }],
    })
  })

  afterAll(() => resources.disposeAsync())

  const NAMES = ['echo', 'fail', 'count', 'hold'].flatMap((name) => [`notes__${name}`, `mail__${name}`])

  test.each(['all', 'one', 'careful', 'reader'])(
    'is, for the key %s, what its client meets: at /mcp and in a toolset',
    async (principal) => {
      for (const [path, place] of [
        ['/mcp', {}],
        ['/mcp/sets/few', { set: 'few' }],
      ] as const) {
        const client = await connect(path, keys.get(principal)).catch(() => undefined)
        const listed = new Set((await client?.listTools())?.tools.map(({ name }) => name))
        for (const name of [...NAMES, 'say', 'nobody__knows']) {
          const { isCallable, isShown, reason } = await explain({ principal, name, ...place })
          expect([path, name, isShown]).toEqual([path, name, listed.has(name)])
          expect([path, name, reason === undefined]).toEqual([path, name, isCallable])
          // `hold` never answers, and is off at the one server that this could reach it at.
          if (name === 'mail__hold') continue
          const given = { message: 'hi', reason: 'x', steps: 1, stepMs: 0 }
          const called = await client?.callTool({ name, arguments: given }).then(
            () => true,
            () => false,
          )
          expect([path, name, called ?? false]).toEqual([path, name, isCallable])
        }
        await client?.close()
      }
    },
  )

  test('is, at the path of one server, what its client meets', async () => {
    for (const principal of ['all', 'one', 'careful', 'reader'])
      for (const server of ['notes', 'mail']) {
        const client = await connect(`/mcp/${server}`, keys.get(principal)).catch(() => undefined)
        const listed = new Set((await client?.listTools())?.tools.map(({ name }) => name))
        for (const name of ['echo', 'fail', 'count', 'hold']) {
          const { isCallable, isShown, path } = await explain({ principal, name, server })
          expect([path, name, isShown]).toEqual([`/mcp/${server}`, name, listed.has(name)])
          expect([path, name, isCallable]).toEqual([path, name, isShown])
        }
        await client?.close()
      }
  })

  test('names the rule that decided, whose it is and its pattern', async () => {
    const denied = await explain({ principal: 'careful', name: 'notes__fail' })
    expect(denied).toMatchObject({
      reason: 'tool_not_allowed',
      capability: { kind: 'tool', server: 'notes', name: 'fail' },
      summary: expect.stringContaining('the key "careful" denies "notes/fail"'),
    })
    expect(stepOf(denied, 'access')).toMatchObject({
      outcome: 'no',
      details: {
        verdicts: [
          { by: 'the key "careful"', rule: 'tools', isAllowed: false, list: 'deny', pattern: 'notes/fail' },
        ],
      },
    })
    const allowed = await explain({ principal: 'one', name: 'notes__echo' })
    expect(stepOf(allowed, 'access')).toMatchObject({
      outcome: 'ok',
      details: { verdicts: [{ rule: 'servers', isAllowed: true, list: 'allow', pattern: 'no*' }] },
    })
    const reader = await explain({ principal: 'reader', name: 'notes__count' })
    expect(reader).toMatchObject({
      reason: 'tool_not_read_only',
      summary: expect.stringContaining('the role readonly'),
    })
    expect(await explain({ principal: 'one', name: 'echo', server: 'mail' })).toMatchObject({
      reason: 'server_not_allowed',
      summary: expect.stringContaining('does not have it in `servers.allow`'),
    })
    expect(await explain({ principal: 'careful', name: 'say', set: 'few' })).toMatchObject({
      reason: 'toolset_not_allowed',
    })
    expect(await explain({ principal: 'all', name: 'say', set: 'none' })).toMatchObject({
      reason: 'toolset_not_found',
    })
  })

  test('says what a toolset makes of a name', async () => {
    const renamed = await explain({ principal: 'all', name: 'notes__echo', set: 'few' })
    expect(renamed).toMatchObject({ reason: 'renamed', isShown: false, capability: { shownAs: 'say' } })
    expect(await explain({ principal: 'all', name: 'say', set: 'few' })).toMatchObject({
      isShown: true,
      isCallable: true,
      capability: { server: 'notes', name: 'echo', shownAs: 'say' },
    })
    const excluded = await explain({ principal: 'all', name: 'notes__count', set: 'few' })
    expect(stepOf(excluded, 'toolset')).toMatchObject({
      outcome: 'no',
      code: 'toolset_excludes',
      details: { rule: 2 },
    })
    expect(
      stepOf(await explain({ principal: 'all', name: 'mail__echo', set: 'few' }), 'toolset'),
    ).toMatchObject({
      code: 'toolset_has_no_rule',
    })
  })

  test('speaks of prompts, resources and what was meant by an unknown name as well', async () => {
    expect(await explain({ principal: 'all', name: 'notes__introduce' })).toMatchObject({
      isCallable: true,
      capability: { kind: 'prompt' },
    })
    const client = await connect('/mcp', keys.get('all'))
    const { resources: listed } = await client.listResources()
    const owners = new Set<string | undefined>()
    for (const { uri } of listed) {
      const { capability, isCallable, isShown } = await explain({ principal: 'all', name: uri })
      expect([uri, isShown, isCallable]).toEqual([uri, true, true])
      expect(capability).toMatchObject({ kind: 'resource', name: 'fixture://greeting', shownAs: uri })
      owners.add(capability?.server)
    }
    expect(owners).toEqual(new Set(['mail', 'notes']))
    await client.close()
    expect(await explain({ principal: 'all', name: 'echo' })).toMatchObject({
      isShown: false,
      reason: 'unknown_name',
      summary: expect.stringContaining('clients know it as mail__echo, notes__echo'),
    })
  })

  test('follows what is switched off, taken out of service, and removed', async () => {
    const off = await explain({ principal: 'all', name: 'notes__hold' })
    expect(off).toMatchObject({ reason: 'capability_disabled', isShown: false, capability: { name: 'hold' } })
    const { url } = resources.use(await startFixtureServer())
    await send('POST', '/servers', { slug: 'brief', endpoints: [{ transport: 'streamable-http', url }] })
    const now = (): Promise<Explanation> => explain({ principal: 'all', name: 'brief__echo' })
    await expect.poll(now, PATIENT).toMatchObject({ isCallable: true })
    await send('PATCH', '/servers/brief', { maintenance: true })
    expect(await now()).toMatchObject({ isCallable: false, reason: 'maintenance', endpoints: [] })
    await gateway.request('DELETE', '/api/v1/servers/brief')
    expect(await now()).toMatchObject({ isShown: false, isCallable: false, reason: 'server_not_found' })
  })

  test('tells of a definition that is held, or served although it changed, and of what stands out about it', async () => {
    for (const [slug, onChange, reason] of [
      ['held', 'quarantine', 'capability_quarantined'],
      ['warned', 'warn', undefined],
    ] as const) {
      const server = resources.use(
        await startChangingServer({ era: 'modern', tools: [{ ...tool('Sends.') }] }),
      )
      await send('POST', '/servers', {
        slug,
        endpoints: [{ transport: 'streamable-http', url: server.url }],
        settings: { changes: { onChange } },
      })
      const now = (): Promise<Explanation> => explain({ principal: 'all', name: `${slug}__send` })
      await expect.poll(now, PATIENT).toMatchObject({ isCallable: true })
      await expect.poll(() => server.listening, PATIENT).toBe(1)
      server.offer({ ...tool('Sends.\u202E And more.') })
      const code = reason ?? 'changed'
      await expect.poll(async () => stepOf(await now(), 'changes')?.code, PATIENT).toBe(code)
      expect(await now()).toMatchObject({ isCallable: reason === undefined, isShown: reason === undefined })
      const seen = reason === undefined ? 'flagged' : 'seen'
      expect(stepOf(await now(), 'catalog')).toMatchObject({ code: seen })
    }
  })

  test('is for operators of the tenant, about callers of the tenant', async () => {
    const query = { principal: 'all', name: 'notes__echo' }
    expect((await ask(query, keys.get('operator'))).status).toBe(200)
    expect((await ask(query, keys.get('all'))).status).toBe(403)
    const limited = await gateway.request('POST', '/api/v1/keys', {
      body: { name: 'limited', role: 'operator', scopes: { servers: { allow: ['notes'] } } },
    })
    expect(await ask(query, String(limited.json['key']))).toMatchObject({
      status: 403,
      json: { code: 'key_limited' },
    })
    const absent = await ask({ ...query, principal: 'absent' })
    expect(absent).toMatchObject({ status: 404, json: { code: 'principal_not_found' } })
    // A key of this tenant is nobody in another, and a tenant's own operator never leaves it.
    const foreign = await gateway.request('GET', '/api/v1/explain?name=notes__echo&principal=all', {
      key: keys.get('operator'),
    })
    expect(foreign.status).toBe(200)
    const elsewhere = await gateway.request('GET', '/t/other/api/v1/explain?name=notes__echo&principal=all')
    expect(elsewhere).toMatchObject({ status: 404, json: { code: 'principal_not_found' } })
    const outside = await gateway.request('GET', '/t/other/api/v1/explain?name=notes__echo&principal=all', {
      key: keys.get('operator'),
    })
    expect(outside).toMatchObject({ status: 404, json: { code: 'tenant_not_found' } })
    for (const name of ['twin', 'twin']) await gateway.request('POST', '/api/v1/keys', { body: { name } })
    expect(await ask({ ...query, principal: 'twin' })).toMatchObject({
      status: 409,
      json: { code: 'principal_ambiguous' },
    })
    expect(await ask({ ...query, server: 'notes', set: 'few' })).toMatchObject({ status: 400 })
  })

  test('says who is not let in, and why', async () => {
    expect(await explain({ name: 'notes__echo' })).toMatchObject({
      caller: { id: 'local' },
      isShown: false,
      isCallable: false,
      reason: 'key_missing',
    })
    const made = await gateway.request('POST', '/api/v1/keys', { body: { name: 'ended' } })
    await gateway.request('POST', `/api/v1/keys/${String(made.json['id'])}/revoke`)
    expect(await explain({ principal: 'ended', name: 'notes__echo' })).toMatchObject({
      reason: 'key_revoked',
    })
    expect(await explain({ principal: 'admin', name: 'notes__echo' })).toMatchObject({ isCallable: true })
  })
})
