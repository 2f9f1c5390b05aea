import { afterAll, beforeAll, expect, test } from 'vitest'

import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace

beforeAll(async () => {
  workplace = await openWorkplace()
})

afterAll(() => workplace[Symbol.asyncDispose]())

const look = async (key: string): Promise<number> => {
  const { status } = await fetch(`${workplace.gateway.url}/api/v1/servers`, {
    headers: { authorization: `Bearer ${key}` },
  })
  return status
}

test('a key is made, listed, replaced and revoked', async () => {
  const made = await workplace.mreg(['keys', 'create', 'assistant', '--server', 'git*', '--expires', '30d'])
  expect(made).toMatchObject({ code: 0, stderr: '' })
  const [key = ''] = made.stdout.split('\n')
  expect(key).toMatch(/^mreg_/u)
  expect(await look(key)).toBe(200)
  expect(await workplace.json(['keys', 'list'])).toMatchObject({
    items: [{ name: 'assistant', role: 'user', state: 'active', scopes: { servers: { allow: ['git*'] } } }],
  })
  expect((await workplace.mreg(['keys', 'list'])).stdout).not.toContain(key)
  const rotated = await workplace.mreg(['keys', 'rotate', 'assistant', '--grace', '1h'])
  const [next = ''] = rotated.stdout.split('\n')
  expect([await look(key), await look(next)]).toEqual([200, 200])
  const both = await workplace.mreg(['keys', 'revoke', 'assistant'])
  expect(both).toMatchObject({ code: 1 })
  expect(both.stderr).toContain('several keys')
  for (const one of [key, next])
    await workplace.mreg(['keys', 'revoke', one.slice(0, one.lastIndexOf('_', 30) + 1)])
  expect([await look(key), await look(next)]).toEqual([401, 401])
  expect(await workplace.mreg(['keys', 'revoke', 'nobody'])).toMatchObject({ code: 1 })
})
