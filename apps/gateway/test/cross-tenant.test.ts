import { type DualEraServer, startDualEraServer } from '@mreg/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type HttpAnswer, InProcessGateway } from './support/in-process-gateway.ts'
import { inSession, type Member, modern, settle } from './support/tenant-member.ts'

/** 10,000 when somebody asks for it. */
const PROBES = Number(process.env['MREG_TEST_CROSS_TENANT_PROBES'] ?? 2000)
const AT_ONCE = 8

/** What stands in everything that the other tenant has. */
const CANARY = 'beta-only'

/** Pseudo-random, and the same in every run: what fails can be looked at. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** What somebody learns from an answer: all but what they have sent themselves, and what is new each time. */
const learnt = ({ status, text }: HttpAnswer, sent: string): string =>
  `${status} ${text.replaceAll(sent, '…').replaceAll(/"requestId":"[^"]*"/gu, '')}`

const nobody = (id: string): string =>
  id.length === 36 ? '01900000-0000-7000-8000-000000000000' : `nobody-${id}`.slice(0, 20)

const BODIES: Readonly<Record<string, unknown>> = {
  PATCH: { title: 'taken over' },
  POST: {},
  GET: undefined,
}
const VERBS: Readonly<Record<string, readonly string[]>> = {
  servers: ['', '/health', '/capabilities', '/probe', '/capabilities/decisions', '/login'],
  keys: ['', '/rotate', '/revoke'],
  toolsets: [''],
  policies: [''],
}

const ownOnly = (ids: readonly string[]): readonly string[] =>
  ids.filter((id) => id !== 'shared' && id !== 'same-set')

describe('S19 what one tenant has, for another', { timeout: 300_000 }, () => {
  const resources = new AsyncDisposableStack()
  let gateway: InProcessGateway
  let server: DualEraServer
  let alpha: Member
  let beta: Member

  beforeAll(async () => {
    gateway = resources.use(await InProcessGateway.start({ MREG_AUTH_MODE: 'required' }))
    server = await startDualEraServer({ modern: false })
    resources.defer(() => server.stop())
    alpha = await settle(gateway, server.url, 'alpha', 'alpha-x')
    beta = await settle(gateway, server.url, 'beta', CANARY)
  })
  afterAll(() => resources.disposeAsync())

  const probeState = async (): Promise<void> => {
    const before = server.executions.length
    const { text } = await modern(
      gateway,
      alpha.key,
      '/mcp/shared',
      'tools/call',
      {
        name: 'test_elicitation',
        arguments: { message: 'hello' },
        requestState: beta.requestState,
        inputResponses: { 'elicitation/create': { action: 'accept', content: {} } },
      },
      'test_elicitation',
    )
    expect(text).toContain('"error"')
    expect(text).not.toContain(CANARY)
    expect(server.executions.length).toBe(before)
  }

  test(`is answered like what does not exist, in ${PROBES} probes`, async () => {
    const random = randomFrom(20_261_123)
    const pick = <Item>(items: readonly Item[]): Item => {
      const item = items[Math.floor(random() * items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    }
    const probeId = async (): Promise<void> => {
      const collection = pick(Object.keys(VERBS))
      const id = pick(ownOnly(beta.ids[collection] ?? []))
      const method = pick(['GET', 'PATCH', 'DELETE', 'POST', 'HEAD'])
      const prefix = pick(['', '/t/alpha'])
      const rest = pick(VERBS[collection] ?? [''])
      const key = pick([alpha.key, alpha.key, alpha.readerKey])
      const ask = (which: string): Promise<HttpAnswer> =>
        gateway.request(method, `${prefix}/api/v1/${collection}/${which}${rest}`, {
          key,
          body: BODIES[method],
        })
      const [theirs, absent] = [await ask(id), await ask(nobody(id))]
      const what = [method, prefix, collection, rest, id]
      expect([what, learnt(theirs, id)]).toEqual([what, learnt(absent, nobody(id))])
      expect(theirs.status).toBeGreaterThanOrEqual(400)
    }
    const probePath = async (): Promise<void> => {
      const rest = pick([
        '/api/v1/servers',
        '/api/v1/keys',
        '/api/v1/policies',
        '/mcp',
        '/mcp/shared',
        '/mcp/sets/same-set',
      ])
      const method = pick(['GET', 'POST', 'DELETE'])
      const ask = (tenant: string): Promise<HttpAnswer> =>
        gateway.request(method, `/t/${tenant}${rest}`, {
          key: alpha.key,
          body: method === 'POST' ? {} : undefined,
        })
      const [theirs, absent] = [await ask('beta'), await ask('gamma')]
      expect([rest, learnt(theirs, 'beta')]).toEqual([rest, learnt(absent, 'gamma')])
      expect(theirs.status).toBe(404)
    }
    const probeCursor = async (): Promise<void> => {
      const collection = pick(Object.keys(beta.cursors))
      const cursor = encodeURIComponent(beta.cursors[collection] ?? '')
      const { status, text } = await gateway.request(
        'GET',
        `/api/v1/${pick([collection, 'servers', 'keys'])}?limit=${1 + Math.floor(random() * 20)}&cursor=${cursor}`,
        { key: alpha.key },
      )
      expect([200, 400]).toContain(status)
      expect(text).not.toContain(CANARY)
    }
    const probeSession = async (): Promise<void> => {
      const session = pick(beta.sessions)
      const path = pick(['/mcp', '/mcp/shared', '/mcp/alpha-x-one', '/mcp/sets/same-set'])
      const method = pick(['tools/list', 'ping', 'resources/list'])
      const made = `${session.slice(0, -6)}AAAAAA`
      const [theirs, absent] = [
        await inSession(gateway, alpha.key, path, session, method),
        await inSession(gateway, alpha.key, path, made, method),
      ]
      expect([path, theirs.status, learnt(theirs, session)]).toEqual([path, 404, learnt(absent, made)])
    }
    const probeCatalog = async (): Promise<void> => {
      const path = pick([
        '/mcp',
        `/mcp/${CANARY}-one`,
        '/mcp/shared',
        `/mcp/sets/${CANARY}-set`,
        '/mcp/sets/same-set',
      ])
      const method = pick(['tools/list', 'resources/list', 'prompts/list', 'resources/templates/list'])
      const { text } = await modern(gateway, alpha.key, path, method, {})
      expect(
        text
          .replaceAll(`"${CANARY}-one"`, '')
          .replaceAll(`${CANARY}-set`, '')
          .replaceAll(`\\"${CANARY}-one\\"`, ''),
      ).not.toContain(CANARY)
    }
    const probeCall = async (): Promise<void> => {
      const before = server.executions.length
      const [path, name] = pick([
        ['/mcp', `${CANARY}-one__test_elicitation`],
        [`/mcp/${CANARY}-one`, 'test_elicitation'],
        [`/mcp/sets/${CANARY}-set`, 'shared__test_elicitation'],
      ] as const)
      const { text } = await modern(
        gateway,
        alpha.key,
        path,
        'tools/call',
        { name, arguments: { message: 'x' } },
        name,
      )
      expect(text).toContain('"error"')
      expect(server.executions.length).toBe(before)
    }
    const kinds = [
      probeId,
      probeId,
      probeId,
      probePath,
      probeCursor,
      probeSession,
      probeState,
      probeCatalog,
      probeCall,
    ]
    // Those that look at how often the server was called are alone.
    const parallel = kinds.filter((kind) => kind !== probeState && kind !== probeCall)
    const single = kinds.filter((kind) => kind === probeState || kind === probeCall)
    const share = Math.round(PROBES * 0.8)
    for (let done = 0; done < share; done += AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, share - done) }, () => pick(parallel)()))
    for (let done = share; done < PROBES; done += 1) await pick(single)()
    // Nothing of it is gone or changed.
    const { json } = await gateway.request('GET', '/t/beta/api/v1/servers')
    expect(json['items']).toHaveLength(3)
    for (const [collection, ids] of Object.entries(beta.ids))
      for (const id of ids) {
        const { status, text } = await gateway.request('GET', `/t/beta/api/v1/${collection}/${id}`)
        expect([id, status, text.includes('taken over'), text.includes('"revoked"')]).toEqual([
          id,
          200,
          false,
          false,
        ])
      }
  })

  test('is not seen in metrics, audit, statistics and requests under way', async () => {
    for (const path of ['/api/v1/stats', '/api/v1/requests', '/metrics'])
      expect((await gateway.request('GET', path, { key: alpha.key })).text).not.toContain(CANARY)
  })
})
