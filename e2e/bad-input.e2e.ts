import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type FixtureServer,
  type GatewayProcess,
  removeDataDirectory,
  startFixtureServer,
  startGateway,
} from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { Administrator } from './administrator.ts'
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts'
import { RawMcpClient } from './raw-mcp-client.ts'
import { type Store, stores } from './stores.ts'

/** One more byte than a request may have, unless the settings file says otherwise. */
const tooManyBytes = 10 * 1024 * 1024 + 1

/** A server that answers and hangs up while the client still sends loses its answer now and then, not always. */
const attempts = 10

describe.each(stores)('bad input $name (S44)', ({ open }) => {
  let store: Store
  let dataDirectory: string
  let fixture: FixtureServer
  let gateway: GatewayProcess
  let administrator: Administrator

  beforeAll(async () => {
    store = await open()
    dataDirectory = await mkdtemp(join(tmpdir(), 'mreg-e2e-'))
    fixture = await startFixtureServer()
    gateway = await startGateway({ dataDirectory, environment: store.environment })
    administrator = new Administrator(gateway)
    expect((await administrator.register('fixture', fixture.url)).status).toBe(201)
  })

  afterEach(async () => {
    // Whatever came in: the process lives, and it is still the same one.
    expect(gateway.isRunning).toBe(true)
    expect((await exchange(`${gateway.url}/health`)).status).toBe(200)
  })

  afterAll(async () => {
    await gateway?.kill()
    await fixture?.stop()
    await store?.dispose()
    await removeDataDirectory(dataDirectory)
  })

  const mcp = (body: string | Uint8Array, more: HttpRequest = {}, slug = 'fixture'): Promise<HttpAnswer> =>
    exchange(`${gateway.url}/mcp/${slug}`, {
      method: 'POST',
      body,
      ...more,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...more.headers,
      },
    })
  const api = (more: HttpRequest): Promise<HttpAnswer> =>
    exchange(`${gateway.url}/api/v1/servers`, {
      method: 'POST',
      ...more,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${gateway.adminKey}`,
        ...more.headers,
      },
    })
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'ping' })
  const valid = (slug: string): string =>
    JSON.stringify({ slug, endpoints: [{ transport: 'streamable-http', url: fixture.url }] })

  const expectProblem = (answer: HttpAnswer, status: number, more: object = {}): void => {
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json).toMatchObject({
      status,
      title: expect.any(String),
      code: expect.stringMatching(/^[a-z]+(_[a-z]+)*$/),
      detail: expect.any(String),
      ...more,
    })
    expectNothingLeaked(answer)
  }
  const expectRpcError = (answer: HttpAnswer, status: number, id: unknown, error: object = {}): void => {
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.json).toMatchObject({
      jsonrpc: '2.0',
      id,
      error: { code: expect.any(Number), message: expect.any(String), ...error },
    })
    expectNothingLeaked(answer)
  }
  const expectNothingLeaked = ({ text }: HttpAnswer): void => {
    expect(text).not.toMatch(/\bat .+:\d+:\d+/)
    expect(text).not.toContain('node_modules')
    expect(text).not.toContain(gateway.adminKey)
  }

  describe('to an MCP endpoint', () => {
    test.each([
      ['a broken object', '{"jsonrpc":"2.0","id":1,'],
      ['no JSON at all', 'hello'],
      ['nothing', ''],
      ['half a character', Buffer.from([0x22, 0xc3, 0x22])],
    ])('malformed JSON (%s) is a parse error', async (_name, body) => {
      expectRpcError(await mcp(body), 400, null, { code: -32_700 })
    })

    test.each([
      ['a batch', `[${ping}]`],
      ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
      ['a request without method', '{"jsonrpc":"2.0","id":1}'],
      ['a string', '"ping"'],
    ])('S40 JSON that is not a message (%s) is an invalid request', async (_name, body) => {
      const answer = await mcp(body)
      expect(answer.status).toBe(400)
      expect(answer.json).toMatchObject({ jsonrpc: '2.0', error: { code: -32_600 } })
    })

    test('S39 a message nested a thousand deep is refused', async () => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"x","params":${'['.repeat(1000)}${']'.repeat(1000)}}`
      const answer = await mcp(body)
      expect(answer.status).toBe(400)
      expect(answer.json).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    })

    test('a server that nobody registered is 404, with the id of the request', async () => {
      const answer = await mcp(ping, {}, 'nobody')
      expectRpcError(answer, 404, 7, { data: { reason: 'server_not_found', server: 'nobody' } })
    })

    test('S21 a message before a session is 400, and one in an unknown session 404', async () => {
      expectRpcError(await mcp('{"jsonrpc":"2.0","id":"a","method":"tools/list"}'), 400, 'a')
      const foreign = { headers: { 'mcp-session-id': 'made-up' } }
      expectRpcError(await mcp('{"jsonrpc":"2.0","id":"b","method":"tools/list"}', foreign), 404, 'b')
    })

    test('S39 an oversized body is 413, every time', async () => {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        expectRpcError(await mcp(Buffer.alloc(tooManyBytes, ' ')), 413, null)
      }
    })

    test('S1 a foreign Host is 403', async () => {
      expectRpcError(await mcp(ping, { headers: { host: 'rebound.example' } }), 403, null)
    })

    test('S1 a foreign Origin is 403', async () => {
      const answer = await mcp(ping, { headers: { origin: 'https://evil.example' } })
      expectRpcError(answer, 403, null)
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    })

    test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'])(
      'S3 the content type %s is 415',
      async (type) => {
        expectRpcError(await mcp(ping, { headers: { 'content-type': type } }), 415, null)
      },
    )
  })

  describe('to the API', () => {
    test('no key is 401', async () => {
      const answer = await exchange(`${gateway.url}/api/v1/servers`)
      expectProblem(answer, 401)
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    })

    test('a wrong key is 401', async () => {
      expectProblem(await api({ method: 'GET', headers: { authorization: 'Bearer wrong' } }), 401)
    })

    test('nobody without a key gets to hear whether the input is valid', async () => {
      expectProblem(await api({ body: '{', headers: { authorization: '' } }), 401)
    })

    test('malformed JSON is 400', async () => {
      expectProblem(await api({ body: '{"slug":' }), 400)
    })

    test('a slug that is taken is 409', async () => {
      expectProblem(await api({ body: valid('fixture') }), 409, { code: 'server_slug_taken' })
    })

    test.each(['not a url', 'ftp://127.0.0.1/mcp', 'http://user:password@127.0.0.1/mcp', ''])(
      'the URL “%s” is 400 and the answer says where it stands',
      async (url) => {
        const body = JSON.stringify({ slug: 'wrong', endpoints: [{ transport: 'streamable-http', url }] })
        const answer = await api({ body })
        expectProblem(answer, 400, {
          faults: [{ path: 'endpoints.0.url', message: expect.any(String) }],
        })
        expect(answer.text).not.toContain('user:password')
      },
    )

    test('an unknown transport is 400 and the answer says where it stands', async () => {
      const body = JSON.stringify({ slug: 'wrong', endpoints: [{ transport: 'pigeon', url: fixture.url }] })
      expectProblem(await api({ body }), 400, {
        faults: [expect.objectContaining({ path: 'endpoints.0.transport' })],
      })
    })

    test.each(['', 'UPPER', '-dash', 'a'.repeat(21), 'sets', '../etc'])(
      'S54 the slug “%s” is 400 and the answer says so',
      async (slug) => {
        expectProblem(await api({ body: valid(slug) }), 400, {
          faults: [expect.objectContaining({ path: 'slug' })],
        })
      },
    )

    test('every fault is named, not only the first', async () => {
      const answer = await api({
        body: JSON.stringify({ slug: 'UPPER', endpoints: [{ transport: 'streamable-http', url: 'x' }] }),
      })
      expectProblem(answer, 400, {
        faults: expect.arrayContaining([
          expect.objectContaining({ path: 'slug' }),
          expect.objectContaining({ path: 'endpoints.0.url' }),
        ]),
      })
    })

    test('S39 an oversized body is 413, every time', async () => {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        expectProblem(await api({ body: Buffer.alloc(tooManyBytes, ' ') }), 413)
      }
    })

    test('S1 a foreign Host is 403', async () => {
      expectProblem(await api({ body: valid('wrong'), headers: { host: 'rebound.example' } }), 403)
    })

    test('S1 a foreign Origin is 403', async () => {
      expectProblem(await api({ body: valid('wrong'), headers: { origin: 'https://evil.example' } }), 403)
    })

    test('S3 a form is 415', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      expectProblem(await api({ body: 'slug=wrong', headers }), 415)
    })

    test('a path that does not exist is 404', async () => {
      expectProblem(await exchange(`${gateway.url}/nothing`), 404)
      expectProblem(
        await api({ method: 'GET' }).then(() => administrator.send('GET', '/servers/nobody')),
        404,
      )
    })
  })

  test.each(['/health', '/ready', '/openapi.json'])(
    'S1 a foreign Host or Origin at %s is 403',
    async (path) => {
      const url = `${gateway.url}${path}`
      expect((await exchange(url, { headers: { host: 'rebound.example' } })).status).toBe(403)
      expect((await exchange(url, { headers: { origin: 'https://evil.example' } })).status).toBe(403)
    },
  )

  test('after all of it nothing is lost, and calls go through', async () => {
    expect(await administrator.slugs()).toEqual(['fixture'])
    const caller = new RawMcpClient(`${gateway.url}/mcp/fixture`)
    await caller.initialize()
    expect((await caller.call(1, 'echo', { message: 'still here' })).message.result).toMatchObject({
      content: [{ text: 'still here' }],
    })
    expect(await gateway.terminate()).toEqual({ code: 0, signal: null })
    gateway = await startGateway({ dataDirectory, environment: store.environment })
    administrator = new Administrator(gateway)
    expect(await administrator.slugs()).toEqual(['fixture'])
  })
})
