import type { ServerStatus } from '@mreg/core'
import { LiveEvidence } from '@mreg/health'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { endpointTarget as target } from './support/endpoint-target.ts'

let kept: string[]
let status: ServerStatus
let evidence: LiveEvidence

beforeEach(() => {
  vi.useFakeTimers()
  kept = []
  status = 'healthy'
  evidence = new LiveEvidence({
    statusOf: () => status,
    keep: async (seen) => {
      kept.push([...seen.values()].map(({ endpointId, works }) => `${endpointId} ${works}`).join(', '))
    },
  })
})

afterEach(async () => {
  await evidence[Symbol.asyncDispose]()
  vi.useRealTimers()
})

test('what is known already is not kept', async () => {
  for (let call = 0; call < 1_000; call += 1) evidence.note(target('a'), true)
  status = 'unhealthy'
  for (let call = 0; call < 1_000; call += 1) evidence.note(target('a'), false)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(kept).toEqual([])
})

test('a failure of one that is well is kept within a second, once for each endpoint', async () => {
  for (let call = 0; call < 100; call += 1) {
    evidence.note(target('a'), false)
    evidence.note(target('b'), false)
  }
  await vi.advanceTimersByTimeAsync(1_000)
  expect(kept).toEqual(['a false, b false'])
})

test('a success ends a row of failures, and says that one is not dead', async () => {
  evidence.note(target('a'), false)
  await vi.advanceTimersByTimeAsync(1_000)
  evidence.note(target('a'), true)
  await vi.advanceTimersByTimeAsync(1_000)
  evidence.note(target('a'), true)
  await vi.advanceTimersByTimeAsync(1_000)
  status = 'unhealthy'
  evidence.note(target('a'), true)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(kept).toEqual(['a false', 'a true', 'a true'])
})

test('of a process nothing is kept: its owner knows more', async () => {
  evidence.note(target('a', 'stdio'), false)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(kept).toEqual([])
})
