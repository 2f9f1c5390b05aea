import { describe, expect, it } from 'vitest'

import { isEntityId, newEntityId } from '../src/index.ts'

describe('an id', () => {
  it('is a UUID of version 7 that begins with the time', () => {
    const before = Date.now()
    const id = newEntityId()

    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
    const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
    expect(time).toBeGreaterThanOrEqual(before)
    expect(time).toBeLessThanOrEqual(Date.now())
  })

  it('is never given twice', () => {
    expect(new Set(Array.from({ length: 10_000 }, newEntityId)).size).toBe(10_000)
  })

  it('is told from what is none', () => {
    const good = newEntityId()
    const bad = [
      '',
      'everything',
      '../../etc/passwd',
      `${good}x`,
      good.replaceAll('-', ''),
      good.toUpperCase(),
    ]

    expect(isEntityId(good)).toBe(true)
    expect(bad.filter(isEntityId)).toEqual([])
  })
})
