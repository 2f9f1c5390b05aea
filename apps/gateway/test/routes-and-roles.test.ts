import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_KEY, InProcessGateway } from './support/in-process-gateway.ts'

const ROLES = ['readonly', 'user', 'operator', 'admin'] as const

// What the router itself says that there is: a route that somebody adds is here without being asked.
describe('every route of the API', { timeout: 60_000 }, () => {
  let gateway: InProcessGateway
  const routes: { readonly method: string; readonly path: string }[] = []
  const keys = new Map<string, string>()

  beforeAll(async () => {
    gateway = await InProcessGateway.start()
    const { json } = await gateway.request('GET', '/openapi.json')
    for (const [path, methods] of Object.entries<object>(Object(json['paths']))) {
      if (!path.includes('/api/')) continue
      const address = path.replaceAll('{tenant}', 'default').replaceAll(/\{\w+\}/gu, 'nothing')
      for (const method of Object.keys(methods)) routes.push({ method: method.toUpperCase(), path: address })
    }
    for (const role of ROLES) {
      const { json: made } = await gateway.request('POST', '/api/v1/keys', { body: { name: role, role } })
      keys.set(role, String(made['key']))
    }
  })

  afterAll(() => gateway?.[Symbol.asyncDispose]())

  /** What no administrator of a tenant may do. */
  const ofInstallation = ({ path }: (typeof routes)[number]): boolean => path.startsWith('/api/v1/tenants')

  const answerTo = async (
    { method, path }: (typeof routes)[number],
    key: string | undefined,
  ): Promise<number> => {
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: {} } : {}
    return (await gateway.request(method, path, { ...body, key })).status
  }

  test('S6 needs a key', async () => {
    expect(routes.length).toBeGreaterThan(20)
    for (const route of routes) {
      expect([route, await answerTo(route, undefined)]).toEqual([route, 401])
      expect([route, await answerTo(route, `mreg_${'0'.repeat(24)}_${'A'.repeat(43)}`)]).toEqual([route, 401])
    }
  })

  test('is closed to lower roles as long as it is closed to higher ones, and open to administrators', async () => {
    for (const route of routes.filter((each) => !ofInstallation(each))) {
      const answers = []
      for (const role of ROLES) answers.push(await answerTo(route, keys.get(role)))
      const allowed = answers.map((status) => status !== 403)
      expect([route, answers, allowed.at(-1)]).toEqual([route, answers, true])
      expect([route, allowed]).toEqual([
        route,
        allowed.toSorted((left, right) => Number(left) - Number(right)),
      ])
      // Who only looks changes nothing.
      expect([route, answers[0] === 403 || route.method === 'GET']).toEqual([route, true])
    }
  })

  test('about tenants is closed to everybody but the administrator of the installation', async () => {
    const closed = routes.filter(ofInstallation)
    expect(closed.length).toBeGreaterThanOrEqual(3)
    for (const route of closed) {
      for (const role of ROLES)
        expect([route, role, await answerTo(route, keys.get(role))]).toEqual([route, role, 403])
      expect(await answerTo(route, ADMIN_KEY)).not.toBe(403)
    }
  })
})
