import { waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openWorkplace, type Workplace } from './support/workplace.ts'

let workplace: Workplace

beforeAll(async () => {
  workplace = await openWorkplace()
})

afterAll(() => workplace[Symbol.asyncDispose]())

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
