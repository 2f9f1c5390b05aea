import {
  ConflictError,
  MregError,
  NotFoundError,
  slugFault,
  UnavailableError,
  ValidationError,
} from '@mreg/core'
import { expect, test } from 'vitest'

test('an error is recognised by its kind, whatever made it', () => {
  const error = new NotFoundError('server_not_found', 'no server')
  expect(MregError.is(error)).toBe(true)
  expect(NotFoundError.is(error)).toBe(true)
  expect(ConflictError.is(error)).toBe(false)
  expect(MregError.is(new Error('other'))).toBe(false)
  expect(MregError.is(null)).toBe(false)
})

test('a validation error lists every fault with its path', () => {
  const error = new ValidationError([
    { path: 'slug', message: 'is empty' },
    { path: 'endpoints.0.url', message: 'is not a URL' },
  ])
  expect(error.message).toBe('slug: is empty; endpoints.0.url: is not a URL')
  expect(error.code).toBe('invalid_input')
})

test('an error that says when to try again carries it as data', () => {
  expect(new UnavailableError('overloaded', 'busy', { retryAfterMs: 50 }).retryAfterMs).toBe(50)
})

test.each(['a', 'a-b', '0', 'abcdefghijklmnopqrst'])('%j is a slug', (slug) => {
  expect(slugFault(slug)).toBeUndefined()
})

test.each(['', '-a', 'a-', 'A', 'a_b', 'a/b', 'abcdefghijklmnopqrstu', 'sets', 't', 'server-card', 'ä'])(
  '%j is not a slug',
  (slug) => {
    expect(slugFault(slug)).toBeDefined()
  },
)
