import { expect, test } from 'vitest'

import { LocalFaults } from '../src/local-faults.ts'
import { UpstreamError, type UpstreamErrorReason } from '../src/upstream-error.ts'

const failure = (reason: UpstreamErrorReason): UpstreamError => new UpstreamError(reason, reason)

test('one server that cannot be reached is at fault itself, however often', () => {
  const faults = new LocalFaults()
  for (let index = 0; index < 10; index += 1) {
    expect(faults.of('https://a.test/mcp').excuses(failure('dns'))).toBe(false)
  }
})

test('several origins that cannot be reached at once are the fault of our network', () => {
  let now = 0
  const faults = new LocalFaults({ now: () => now })
  expect(faults.of('https://a.test/mcp').excuses(failure('dns'))).toBe(false)
  expect(faults.of('https://b.test/mcp').excuses(failure('connect_timeout'))).toBe(false)
  expect(faults.of('https://c.test/mcp').excuses(failure('unreachable'))).toBe(true)
  expect(faults.of('https://a.test/other').excuses(failure('dns'))).toBe(true)
  now += 10_001
  expect(faults.of('https://a.test/mcp').excuses(failure('dns'))).toBe(false)
})

test('servers that are out of reach while another one answers are at fault themselves', () => {
  let now = 0
  const faults = new LocalFaults({ now: () => now })
  const dead = ['a', 'b', 'c', 'd'].map((name) => faults.of(`https://${name}.test/mcp`))
  const alive = faults.of('https://alive.test/mcp')
  alive.answered()
  now += 10_000
  for (const each of dead) expect(each.excuses(failure('unreachable'))).toBe(false)
  now += 1
  for (const each of dead) expect(each.excuses(failure('unreachable'))).toBe(true)
  alive.answered()
  for (const each of dead) expect(each.excuses(failure('unreachable'))).toBe(false)
})

test('an answer from this machine proves nothing about the network', () => {
  const faults = new LocalFaults({ origins: 2 })
  faults.of('http://127.0.0.1:1/mcp').answered()
  faults.of(undefined).answered()
  faults.of('https://a.test/mcp').excuses(failure('dns'))
  expect(faults.of('https://b.test/mcp').excuses(failure('dns'))).toBe(true)
})

test('what listens on this machine needs no network, and failures after connecting are not the network', () => {
  const faults = new LocalFaults({ origins: 2 })
  for (const port of [1, 2, 3]) {
    expect(faults.of(`http://127.0.0.1:${port}/mcp`).excuses(failure('unreachable'))).toBe(false)
    expect(faults.of(`https://${port}.test/mcp`).excuses(failure('truncated'))).toBe(false)
  }
})

test('after a wake nothing counts for a while, and then everything does again', () => {
  let now = 0
  const faults = new LocalFaults({ now: () => now })
  faults.wake()
  now += 14_999
  expect(faults.of('http://127.0.0.1:1/mcp').excuses(failure('reset'))).toBe(true)
  expect(faults.of(undefined).excuses(failure('headers_timeout'))).toBe(true)
  now += 1
  expect(faults.of('http://127.0.0.1:1/mcp').excuses(failure('reset'))).toBe(false)
})
