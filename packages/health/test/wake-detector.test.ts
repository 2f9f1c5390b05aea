import { WakeDetector } from '@mreg/health'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test.each(['wallMs', 'monotonicMs'] as const)(
  'a gap of the %s clock is a sleep, however the other one went on',
  async (sleeping) => {
    const clocks = { wallMs: 0, monotonicMs: 0 }
    const slept: number[] = []
    const detector = new WakeDetector({ onWake: (ms) => slept.push(ms), now: () => ({ ...clocks }) })
    const pass = async (ms: number): Promise<void> => {
      clocks.wallMs += ms
      clocks.monotonicMs += ms
      await vi.advanceTimersByTimeAsync(1000)
    }
    await pass(1000)
    await pass(10_000)
    expect(slept).toEqual([])
    clocks[sleeping] += 600_000
    await pass(1000)
    expect(slept).toEqual([601_000])
    await pass(1000)
    expect(slept).toHaveLength(1)
    detector[Symbol.dispose]()
  },
)

test('a clock that is set back is no sleep', async () => {
  const clocks = { wallMs: 1_000_000, monotonicMs: 0 }
  const slept: number[] = []
  const detector = new WakeDetector({ onWake: (ms) => slept.push(ms), now: () => ({ ...clocks }) })
  clocks.wallMs -= 3_600_000
  clocks.monotonicMs += 1000
  await vi.advanceTimersByTimeAsync(1000)
  expect(slept).toEqual([])
  detector[Symbol.dispose]()
})
