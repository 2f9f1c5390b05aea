import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'

const endpoints = [{ transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' }]

describe('a change over the API', { timeout: 60_000 }, () => {
  let gateway: InProcessGateway
  const send = (
    method: string,
    path: string,
    body: object | undefined,
    headers: Record<string, string> = {},
  ) => gateway.request(method, `/api/v1${path}`, { body, headers })

  beforeAll(async () => {
    gateway = await InProcessGateway.start()
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test.each([
    ['/servers', { slug: 'tagged', endpoints }, { title: 'new' }, 'slug'],
    ['/toolsets', { slug: 'tagged', items: [{ serverSlug: 'tagged' }] }, { title: 'new' }, 'slug'],
    [
      '/policies',
      { name: 'tagged', subject: { kind: 'role', id: 'readonly' }, rules: {} },
      { name: 'new' },
      'id',
    ],
  ])('of %s is made only to what its maker has seen', async (path, input, patch, id) => {
    const made = await send('POST', path, input)
    expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"'])
    const one = `${path}/${String(made.json[id])}`
    const changed = await send('PATCH', one, patch, { 'if-match': '"1"' })
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"'])
    for (const [method, body] of [
      ['PATCH', patch],
      ['DELETE', undefined],
    ] as const) {
      expect(await send(method, one, body, { 'if-match': '"1"' })).toMatchObject({
        status: 412,
        json: { code: 'revision_mismatch' },
      })
      expect(await send(method, one, body, { 'if-match': 'W/"2"' })).toMatchObject({
        status: 400,
        json: { faults: [{ path: 'If-Match' }] },
      })
    }
    expect(await send('PATCH', one, { ...patch, revision: 1 }, { 'if-match': '"2"' })).toMatchObject({
      status: 400,
    })
    expect((await send('GET', one, undefined)).headers.get('etag')).toBe('"2"')
    expect((await send('PATCH', one, patch, { 'if-match': '*' })).status).toBe(200)
    expect((await send('DELETE', one, undefined, { 'if-match': '"3"' })).status).toBe(204)
  })

  test('that registers is done once for one Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'cart-1' }
    const first = await send('POST', '/servers', { slug: 'once', endpoints }, key)
    const second = await send('POST', '/servers', { slug: 'once', endpoints }, key)
    expect([first.status, second.status, second.json['id']]).toEqual([201, 201, first.json['id']])
    expect(await send('POST', '/servers', { slug: 'twice', endpoints }, key)).toMatchObject({
      status: 409,
      json: { code: 'idempotency_key_reused' },
    })
  })

  test('registers several at once, all or each', async () => {
    const items = [
      { slug: 'several-1', endpoints },
      { slug: 'once', endpoints },
    ]
    expect(await send('POST', '/servers/bulk', { items })).toMatchObject({
      status: 409,
      json: { code: 'server_slug_taken' },
    })
    expect(await send('POST', '/servers/bulk', { items, mode: 'each' })).toMatchObject({
      status: 200,
      json: {
        registered: 1,
        refused: 1,
        items: [{ server: { slug: 'several-1' } }, { slug: 'once', problem: { code: 'server_slug_taken' } }],
      },
    })
  })
})
