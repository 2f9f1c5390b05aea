import { RateLimitedError } from '@mreg/core'
import { describe, expect, it } from 'vitest'

import { RefusedAttempts } from '../../src/index.ts'

const KEY = `Bearer mreg_${'ab'.repeat(12)}_${'A'.repeat(43)}`

describe('keys that are not good', () => {
  let now = 0
  const open = (perMinute: number): ((address: string, authorization: string) => number) => {
    const refused = new RefusedAttempts({ perMinute, now: () => now })
    return (address, authorization) => {
      try {
        refused.count(address, authorization)
        return 0
      } catch (error) {
        if (RateLimitedError.is(error)) return error.retryAfterMs
        throw error
      }
    }
  }

  it('S18 are counted by where they come from', () => {
    const count = open(60)
    const answers = Array.from({ length: 100 }, (_, index) => count('192.0.2.1', `Bearer ${index}`))
    expect(answers.filter((retryAfterMs) => retryAfterMs === 0)).toHaveLength(60)
    expect(answers.at(-1)).toBeGreaterThan(0)
    expect(count('192.0.2.2', 'Bearer x')).toBe(0)
    now += 60_000
    expect(count('192.0.2.1', 'Bearer x')).toBe(0)
  })

  it('S18 are counted by the key that they pretend to be, wherever they come from', () => {
    const count = open(60)
    const answers = Array.from({ length: 100 }, (_, index) => count(`192.0.2.${index}`, KEY))
    expect(answers.filter((retryAfterMs) => retryAfterMs === 0)).toHaveLength(60)
    expect(count('192.0.2.200', KEY.replace('mreg_', 'MREG_'))).toBeGreaterThan(0)
    expect(count('192.0.2.200', KEY.replaceAll('ab', 'cd'))).toBe(0)
  })

  it('are not counted where nobody wants it', () => {
    const count = open(0)
    for (let index = 0; index < 1000; index += 1) expect(count('192.0.2.1', KEY)).toBe(0)
  })
})
