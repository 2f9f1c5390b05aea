import { afterAll, beforeAll, expect, test } from 'vitest'

import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace

beforeAll(async () => {
  workplace = await openWorkplace()
})

afterAll(() => workplace[Symbol.asyncDispose]())

test('a tenant is made and listed, and cannot be made twice', async () => {
  expect(await workplace.mreg(['tenants', 'create', 'acme'])).toMatchObject({ code: 0, stderr: '' })
  expect(await workplace.json(['tenants', 'list'])).toMatchObject({
    items: [{ id: 'acme' }, { id: 'default' }],
  })
  expect(await workplace.mreg(['tenants', 'create', 'acme'])).toMatchObject({ code: 4 })
})
