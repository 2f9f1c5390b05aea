import { expect, test } from 'vitest'

import { Lifecycle } from '../src/process/lifecycle.ts'

test('with nothing under way it is drained at once', async () => {
  expect(await new Lifecycle().drained(1000)).toBe(true)
})

test('it is drained when the last request is done, and counting one out twice changes nothing', async () => {
  const lifecycle = new Lifecycle()
  const [first, second] = [lifecycle.begin(), lifecycle.begin()]
  const drained = lifecycle.drained(10_000)
  first()
  first()
  expect(lifecycle.inFlight).toBe(1)
  second()
  expect(await drained).toBe(true)
})

test('it waits no longer than it is told to', async () => {
  const lifecycle = new Lifecycle()
  lifecycle.begin()
  expect(await lifecycle.drained(10)).toBe(false)
})

test('F45: when it leaves, load balancers are told, and nothing ends yet', () => {
  const lifecycle = new Lifecycle()
  lifecycle.leave()
  expect(lifecycle.isLeaving).toBe(true)
  expect(lifecycle.ending.aborted).toBe(false)
  lifecycle.end()
  expect(lifecycle.ending.aborted).toBe(true)
})
