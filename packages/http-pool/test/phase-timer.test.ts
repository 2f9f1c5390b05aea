import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { PhaseTimer } from '../src/phase-timer.ts'

const fired: [string, number][] = []
const timer = new PhaseTimer<string>((phase, delayMs) => fired.push([phase, delayMs]))

beforeEach(() => {
  fired.length = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  timer.stop()
  vi.useRealTimers()
})

test('a phase ends after its delay, once', () => {
  timer.start('connect', 100)
  vi.advanceTimersByTime(99)
  expect(fired).toEqual([])
  vi.advanceTimersByTime(1_000)
  expect(fired).toEqual([['connect', 100]])
})

test('a longer phase takes over from a shorter one, and ends after its own delay', () => {
  timer.start('connect', 100)
  vi.advanceTimersByTime(50)
  timer.start('headers', 200)
  vi.advanceTimersByTime(199)
  expect(fired).toEqual([])
  vi.advanceTimersByTime(1)
  expect(fired).toEqual([['headers', 200]])
})

test('a shorter phase takes over from a longer one, and ends after its own delay', () => {
  timer.start('headers', 10_000)
  vi.advanceTimersByTime(50)
  timer.start('idle', 100)
  vi.advanceTimersByTime(100)
  expect(fired).toEqual([['idle', 100]])
  vi.advanceTimersByTime(20_000)
  expect(fired.length).toBe(1)
})

test('refreshing counts from now again, as often as it is done', () => {
  timer.start('idle', 100)
  for (let round = 0; round < 10; round += 1) {
    vi.advanceTimersByTime(90)
    timer.refresh()
  }
  expect(fired).toEqual([])
  vi.advanceTimersByTime(99)
  expect(fired).toEqual([])
  vi.advanceTimersByTime(1)
  expect(fired).toEqual([['idle', 100]])
})

test('stopping ends the phase, and a refresh does not bring it back', () => {
  timer.start('idle', 100)
  timer.stop()
  timer.refresh()
  vi.advanceTimersByTime(1_000)
  expect(fired).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('a delay that no timer can hold never ends, and ends the phase before it', () => {
  timer.start('idle', 100)
  timer.start('stream', Number.POSITIVE_INFINITY)
  vi.advanceTimersByTime(1_000_000)
  expect(fired).toEqual([])
  timer.start('long', 2_147_483_648)
  expect(vi.getTimerCount()).toBe(0)
})
