import { waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace

beforeAll(async () => {
  workplace = await openWorkplace()
})

afterAll(() => workplace[Symbol.asyncDispose]())

test('a policy is made, listed and removed', async () => {
  const create = ['policies', 'create', 'guests', '--role', 'readonly', '--server', 'docs', '--deny-route']
  expect(await workplace.mreg([...create, 'GET /toolsets'])).toMatchObject({ code: 0, stderr: '' })
  expect(await workplace.json(['policies', 'list'])).toMatchObject({
    items: [
      {
        name: 'guests',
        subject: { kind: 'role', id: 'readonly' },
        rules: { servers: { allow: ['docs'] }, api: { deny: ['GET /toolsets'] } },
      },
    ],
  })
  expect((await workplace.mreg(['policies', 'list'])).stdout).toContain('role readonly')
  expect(await workplace.mreg(['policies', 'remove', 'guests'])).toMatchObject({ code: 0 })
  expect(await workplace.mreg(['policies', 'remove', 'guests'])).toMatchObject({ code: 1 })
})

test('a tenant is made and listed, and cannot be made twice', async () => {
  expect(await workplace.mreg(['tenants', 'create', 'acme'])).toMatchObject({ code: 0, stderr: '' })
  expect(await workplace.json(['tenants', 'list'])).toMatchObject({
    items: [{ id: 'acme' }, { id: 'default' }],
  })
  expect(await workplace.mreg(['tenants', 'create', 'acme'])).toMatchObject({ code: 4 })
})

test('what was done is shown', async () => {
  await workplace.mreg(['keys', 'create', 'assistant'])
  await waitUntil('the event is written', async () =>
    (await workplace.mreg(['audit', '--since', '1h'])).stdout.includes('POST /keys'),
  )
  expect(await workplace.json(['audit', '--action', 'POST /keys'])).toMatchObject({
    items: [{ principalId: 'admin', outcome: 'success' }],
  })
  expect((await workplace.mreg(['audit', '--action', 'nothing'])).stdout).toContain('nothing')
})
