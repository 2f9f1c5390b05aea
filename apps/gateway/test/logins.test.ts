import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { createSettings, type Logger } from '@mreg/core'
import {
  type AuthorizationServer,
  type ProtectedServer,
  startAuthorizationServer,
  startProtectedServer,
} from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createContainer } from '../src/container.ts'
import { Gateway } from '../src/gateway.ts'
import { DataDirectory } from '../src/process/data-directory.ts'
import { ADMIN_KEY } from './support/in-process-gateway.ts'
import { PROGRAM_DIRECTORY } from './support/program-directory.ts'

const REDIRECT_URI = 'http://127.0.0.1:40123/callback'

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

// One story: each test begins where the one before it ended.
describe('a server that wants a login', { timeout: 60_000 }, () => {
  const resources = new AsyncDisposableStack()
  /** Everything that was logged or answered. */
  const seen: string[] = []
  let authority: AuthorizationServer
  let server: ProtectedServer
  let url: string

  const call = async (method: string, path: string, body?: unknown, key = ADMIN_KEY): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    seen.push(text)
    return { status: response.status, text, json: JSON.parse(text === '' ? '{}' : text) }
  }

  const echo = async (message: string): Promise<unknown> => {
    const client = new Client({ name: 'test', version: '1' })
    const headers = { authorization: 'Bearer the-token-of-the-client' }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${url}/mcp/notes`), { requestInit: { headers } }),
    )
    try {
      const result = await client.callTool({ name: 'echo', arguments: { message } })
      seen.push(JSON.stringify(result))
      return result.content
    } finally {
      await client.close()
    }
  }

  const begin = async (): Promise<{ loginId: string; authorizationUrl: string }> => {
    const { status, json } = await call('POST', '/api/v1/servers/notes/login', { redirectUri: REDIRECT_URI })
    expect(status).toBe(201)
    return { loginId: String(json['loginId']), authorizationUrl: String(json['authorizationUrl']) }
  }

  const logIn = async (): Promise<Answer> => {
    const { loginId, authorizationUrl } = await begin()
    const { searchParams } = await authority.consent(authorizationUrl)
    return call('POST', `/api/v1/servers/notes/login/${loginId}`, Object.fromEntries(searchParams))
  }

  beforeAll(async () => {
    authority = resources.use(await startAuthorizationServer())
    server = resources.use(await startProtectedServer({ authorizationServer: authority }))
    const path = mkdtempSync(join(tmpdir(), 'mreg-logins-'))
    resources.defer(() => rmSync(path, { recursive: true, force: true }))
    const settings = createSettings({
      environment: {
        MREG_ENVIRONMENT: 'testing',
        MREG_DATABASE_URL: 'memory://',
        MREG_PORT: '0',
        MREG_ADMIN_KEY: ADMIN_KEY,
      },
    })
    const data = resources.use(DataDirectory.claim(path))
    const logger = loggerInto(seen)
    const foundation = { settings, logger, data, resources, programDirectory: PROGRAM_DIRECTORY }
    const container = await createContainer(foundation)
    url = await container.get(Gateway).start()
  })

  afterAll(() => resources.disposeAsync())

  test('is reachable, and says so', async () => {
    const endpoints = [{ transport: 'streamable-http', url: server.url }]
    expect((await call('POST', '/api/v1/servers', { slug: 'notes', endpoints })).status).toBe(201)

    const { json } = await call('POST', '/api/v1/servers/notes/probe')

    expect(json['status']).toBe('needs_login')
    await expect(echo('hello')).rejects.toThrow(/credentials/u)
  })

  test('is logged in for through the client: it is asked to open a page, and told when the tools are there', async () => {
    const capabilities = { elicitation: { url: {} } }
    const client = new Client({ name: 'test', version: '1' }, { capabilities })
    const opened: string[] = []
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      if (params.mode !== 'url') throw new Error('a form was asked for')
      // What the person does in the browser.
      const back = await authority.consent(params.url)
      const page = await fetch(back)
      opened.push(`${page.status} ${await page.text()}`)
      // The same answer is good once.
      opened.push(`${(await fetch(back)).status}`)
      return { action: 'accept' }
    })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
    const names = async () => (await client.listTools()).tools.map(({ name }) => name)
    expect(await names()).toEqual(['notes__login'])

    const result = await client.callTool({ name: 'notes__login', arguments: {} })

    expect(opened).toEqual([expect.stringMatching(/^200 .*logged in for notes/su), '400'])
    expect(result).toMatchObject({
      isError: false,
      content: [{ text: expect.stringContaining('in the list') }],
    })
    await expect.poll(names, { timeout: 20_000 }).toContain('notes__echo')
    expect(await names()).not.toContain('notes__login')
    await client.close()
    await call('DELETE', '/api/v1/servers/notes/login')
  })

  test('needs the administrator to log in', async () => {
    const body = { redirectUri: REDIRECT_URI }
    expect((await call('POST', '/api/v1/servers/notes/login', body, 'wrong')).status).toBe(401)
    expect((await call('DELETE', '/api/v1/servers/notes/login', undefined, 'wrong')).status).toBe(401)
    expect((await call('POST', '/api/v1/servers/nobody/login', body)).status).toBe(404)
    expect(
      await call('POST', '/api/v1/servers/notes/login', { redirectUri: 'https://evil.example/' }),
    ).toMatchObject({ status: 400, json: { faults: [{ path: 'redirectUri' }] } })
    expect(await call('POST', '/api/v1/servers/notes/login', { ...body, more: 1 })).toMatchObject({
      status: 400,
    })
  })

  test('takes no answer with another state or issuer', async () => {
    for (const [wrong, code] of [
      [{ state: 'another' }, 'login_state_mismatch'],
      [{ iss: 'https://evil.example' }, 'login_issuer_mismatch'],
    ] as const) {
      const { loginId, authorizationUrl } = await begin()
      const { searchParams } = await authority.consent(authorizationUrl)
      const answer = { ...Object.fromEntries(searchParams), ...wrong }
      expect(await call('POST', `/api/v1/servers/notes/login/${loginId}`, answer)).toMatchObject({
        status: 400,
        json: { code },
      })
      expect(await call('POST', `/api/v1/servers/notes/login/${loginId}`, answer)).toMatchObject({
        status: 404,
        json: { code: 'login_not_found' },
      })
    }
  })

  test('S14 is healthy after the login, and is called with its own token alone', async () => {
    const { status, json } = await logIn()

    expect({ status, server: json['status'] }).toEqual({ status: 200, server: 'healthy' })
    expect(await echo('hello')).toEqual([{ type: 'text', text: 'hello' }])
    expect(server.authorizations.join()).not.toContain('the-token-of-the-client')
  })

  test('is called on with a new token when the old one is not taken any more', async () => {
    await authority.expireAccessTokens()

    expect(await echo('again')).toEqual([{ type: 'text', text: 'again' }])
    expect(
      authority.requests.filter(({ parameters }) => parameters['grant_type'] === 'refresh_token'),
    ).toHaveLength(1)
  })

  test('needs a login again when the old one was revoked', async () => {
    await authority.revokeAll()

    await expect(echo('hello')).rejects.toThrow(/credentials/u)
    expect((await call('POST', '/api/v1/servers/notes/probe')).json['status']).toBe('needs_login')
    expect((await logIn()).json['status']).toBe('healthy')
  })

  test('needs a login again when that is forgotten', async () => {
    expect((await call('DELETE', '/api/v1/servers/notes/login')).status).toBe(204)

    expect((await call('GET', '/api/v1/servers/notes')).json['status']).toBe('needs_login')
    expect((await call('DELETE', '/api/v1/servers/notes/login')).status).toBe(204)
  })

  test('S51 tells the browser how it went on a page on which nothing runs', async () => {
    const script = '"><script>alert(1)</script><svg onload=alert(1)>'
    const query = new URLSearchParams({ state: script, code: script, error: script, iss: script })
    const response = await fetch(`${url}/oauth/callback?${query.toString()}`)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).not.toMatch(/<(script|svg)/u)
  })

  test('S53 has its tokens in no log and in no answer', () => {
    expect(authority.tokens.length).toBeGreaterThanOrEqual(6)
    const everything = seen.join('\n')
    for (const token of authority.tokens) expect(everything).not.toContain(token)
  })

  test('is told nothing about the gateway as a client where that has no public address', async () => {
    expect((await call('GET', '/oauth-client.json')).status).toBe(404)
  })
})

const loggerInto = (seen: string[]): Logger => {
  const write: Logger['info'] = (message, fields) => {
    seen.push(message, JSON.stringify(fields, withErrors) ?? '')
  }
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}

const withErrors = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { fields: Object.entries(value), stack: value.stack, cause: value.cause } : value
