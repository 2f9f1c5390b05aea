import { describe, expect, it } from 'vitest'

import * as library from '../../src/index.ts'
import { checkModel } from '../model/check-model.ts'
import { properties } from './all.ts'

describe('for any options and any scenario, a breaker', () => {
  it.each(properties)(
    '$name',
    async ({ check, numRuns }) => {
      await check(library, { numRuns })
      expect(numRuns).toBeGreaterThan(0)
    },
    120_000,
  )

  it('is taken over every edge there is by those scenarios', () => {
    expect(Object.keys(checkModel(library, { numRuns: 300 })).toSorted()).toEqual([
      'closed->open',
      'half-open->closed',
      'half-open->open',
      'open->closed',
      'open->half-open',
    ])
  }, 120_000)
})
