import { expect } from 'vitest'

import type { HttpAnswer, InProcessGateway } from './in-process-gateway.ts'

/** A tenant, and somebody in it. */
export interface Member {
  readonly tenant: string
  readonly key: string
  readonly readerKey: string
  /** Identifiers of what it has, by the collection under `/api/v1`. */
  readonly ids: Readonly<Record<string, readonly string[]>>
  readonly cursors: Readonly<Record<string, string>>
  readonly sessions: readonly string[]
  readonly requestState: string
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
}

/** Sends one message to an MCP endpoint. */
const mcp = (
  gateway: InProcessGateway,
  key: string,
  path: string,
  message: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): Promise<HttpAnswer> =>
  gateway.request('POST', path, {
    key,
    headers: { accept: 'application/json, text/event-stream', ...headers },
    body: { jsonrpc: '2.0', ...message },
  })
/** Sends one request of the newer era. */
export const modern = (
  gateway: InProcessGateway,
  key: string,
  path: string,
  method: string,
  params: object,
  name?: string,
): Promise<HttpAnswer> =>
  mcp(
    gateway,
    key,
    path,
    { id: 1, method, params: { ...params, _meta: META } },
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
    },
  )
/** Sends one request in a session of the older era. */
export const inSession = (
  gateway: InProcessGateway,
  key: string,
  path: string,
  session: string,
  method: string,
): Promise<HttpAnswer> =>
  mcp(
    gateway,
    key,
    path,
    { id: 1, method, params: {} },
    { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
  )

const idsOf = (items: readonly Record<string, unknown>[]): string[] =>
  items.flatMap(({ id, slug }) => [id, slug].filter((each) => typeof each === 'string'))
/** Makes a tenant with some of everything, in which `mark` stands wherever a text can be. */
export const settle = async (
  gateway: InProcessGateway,
  serverUrl: string,
  tenant: string,
  mark: string,
): Promise<Member> => {
  const made = await gateway.request('POST', '/api/v1/tenants', { body: { id: tenant } })
  expect(made.status).toBe(201)
  const base = `/t/${tenant}/api/v1`
  const create = async (collection: string, body: object): Promise<Record<string, unknown>> => {
    const { json, status } = await gateway.request('POST', `${base}/${collection}`, { body })
    expect([collection, status, json['detail']]).toEqual([collection, 201, undefined])
    return json
  }
  const endpoints = [{ transport: 'streamable-http', url: serverUrl }]
  const servers = []
  for (const slug of ['shared', `${mark}-one`, `${mark}-two`])
    servers.push(
      await create('servers', {
        slug,
        title: `${mark} ${slug}`,
        description: mark,
        tags: [mark],
        endpoints,
      }),
    )
  const keys = []
  for (const [name, role] of [
    [`${mark} admin`, 'admin'],
    [`${mark} reader`, 'readonly'],
    [`${mark} third`, 'user'],
  ])
    keys.push(await create('keys', { name, role, principalId: 'same-name' }))
  const [key, readerKey] = keys.map((each) => String(each['key']))
  const toolsets = []
  for (const slug of ['same-set', `${mark}-set`])
    toolsets.push(
      await create('toolsets', {
        slug,
        title: mark,
        items: [{ serverSlug: 'shared', namePattern: 'test_elicitation' }],
      }),
    )
  const policies = []
  for (const name of [`${mark} first`, `${mark} second`])
    policies.push(
      await create('policies', {
        name,
        subject: { kind: 'role', id: 'operator' },
        rules: { tools: { deny: [mark] } },
      }),
    )
  const cursors: Record<string, string> = {}
  for (const collection of ['servers', 'keys', 'toolsets', 'policies']) {
    const { json } = await gateway.request('GET', `${base}/${collection}?limit=1`)
    cursors[collection] = String(json['nextCursor'])
  }
  const sessions = []
  for (const path of ['/mcp', '/mcp/shared', `/mcp/${mark}-one`]) {
    const opened = await mcp(
      gateway,
      key ?? '',
      path,
      {
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: { name: 'test', version: '1' },
        },
      },
      {},
    )
    sessions.push(opened.headers.get('mcp-session-id') ?? '')
  }
  const parked = await modern(
    gateway,
    key ?? '',
    '/mcp/shared',
    'tools/call',
    { name: 'test_elicitation', arguments: { message: mark } },
    'test_elicitation',
  )
  const requestState = /"requestState":"([^"]+)"/u.exec(parked.text)?.[1] ?? ''
  expect([tenant, sessions.every(Boolean), requestState === '']).toEqual([tenant, true, false])
  return {
    tenant,
    key: key ?? '',
    readerKey: readerKey ?? '',
    ids: {
      servers: idsOf(servers),
      keys: idsOf(keys),
      toolsets: toolsets.map(({ slug }) => String(slug)),
      policies: idsOf(policies),
    },
    cursors,
    sessions,
    requestState,
  }
}
