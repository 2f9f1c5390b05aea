import { ConsumerProject, OLDEST_NODE } from '@mreg/testing'
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest'

const serve = `
const server = createServer((request, response) => response.end(JSON.stringify({ path: request.url })))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = new URL('http://127.0.0.1:' + server.address().port + '/here')
`

const moduleScript = `
import { createServer } from 'node:http'
import { createEgressGuard, HttpPool, HttpPoolError } from '@mreg/http-pool'
import { createHttpClient } from '@mreg/http-pool/got'
${serve}
const pool = new HttpPool()
const { status, body } = await pool.relay({ url, method: 'GET', headers: [] })
const relayed = JSON.parse(Buffer.from(await body.bytes()).toString())
const got = await createHttpClient(pool).json(url)
const guarded = new HttpPool({ egress: createEgressGuard() })
const refusal = await guarded.relay({ url, method: 'GET', headers: [] }).catch((error) => error)
console.log(status, relayed.path, got.path, HttpPoolError.is(refusal), refusal.reason)
await Promise.all([pool.close(), guarded.close()])
server.close()
`

const requireScript = `
const { HttpPool } = require('@mreg/http-pool')
const { createHttpClient } = require('@mreg/http-pool/got')
const pool = new HttpPool()
console.log(typeof createHttpClient(pool).json, require('@mreg/http-pool/package.json').name)
pool.close()
`

const typedScript = `
import { HttpPool, type HttpPoolOptions, type RelayResponse } from '@mreg/http-pool'
import { createHttpClient } from '@mreg/http-pool/got'
const options: HttpPoolOptions = { maxConnections: 10, timeouts: { headersMs: 1000 } }
const pool = new HttpPool(options)
export const response: Promise<RelayResponse> = pool.relay({ url: new URL('http://a'), method: 'GET', headers: [] })
export const json: Promise<unknown> = createHttpClient(pool).json('http://a')
// @ts-expect-error -- a misspelt option must not pass
new HttpPool({ maxConnection: 10 })
`

describe('the packed package in a project of a stranger', { timeout: 240_000 }, () => {
  let made: ConsumerProject | undefined
  const project = (): ConsumerProject => {
    assert(made !== undefined)
    return made
  }
  beforeAll(async () => {
    made = await ConsumerProject.create(new URL('..', import.meta.url), { peers: ['got'] })
  }, 300_000)
  afterAll(() => made?.remove())

  it('relays and requests', async () => {
    expect(await project().run(moduleScript)).toBe('200 /here /here true egress_denied')
  })

  it('is required by CommonJS', async () => {
    expect(await project().run(requireScript, { type: 'commonjs' })).toBe('function @mreg/http-pool')
  })

  it(`works on Node ${OLDEST_NODE}, the lowest it supports`, async ({ skip }) => {
    const node = await project().oldestNode()
    skip(node === undefined, `Node ${OLDEST_NODE} could not be had on this machine`)
    expect(await project().run(moduleScript, { node })).toBe('200 /here /here true egress_denied')
    expect(await project().run(requireScript, { type: 'commonjs', node })).toBe('function @mreg/http-pool')
  })

  it('has types that a strict project accepts', async () => {
    expect(await project().typeErrors(typedScript, ['node'])).toBe('')
  })

  it('holds what it says and no tests', async () => {
    expect(await project().filesOf('@mreg/http-pool')).toEqual(['README.md', 'dist', 'package.json', 'src'])
  })
})
