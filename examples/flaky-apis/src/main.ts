import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import { DashboardService } from './dashboard-service.ts'
import { FlakyApi } from './flaky-api.ts'

/**
 * A service that shows the weather and the news, from two HTTP APIs that fail each in its own way. Every step says what
 * happened, and is checked: if the story did not happen, this program ends with an error.
 */
await using weather = new FlakyApi({ sky: 'clear' })
await using news = new FlakyApi({ headline: 'all quiet' })
const service = new DashboardService({ weather: await weather.start(), news: await news.start() })
const { breakers } = service

const told: string[] = []
breakers.on('transition', ({ name, from, to, reason }) => {
  told.push(`${name} ${to}`)
  console.log(`  ${name}: ${from} -> ${to} (${reason})`)
})
const step = (text: string): void => console.log(`\n${text}`)

step('Both APIs are well: the page is fresh.')
const fresh = await service.show()
assert.deepEqual(fresh, {
  weather: { from: 'the API', value: { sky: 'clear' } },
  news: { from: 'the API', value: { headline: 'all quiet' } },
})

step(
  'The weather breaks. The page goes on with the last answer, and after five failures the API is left alone.',
)
weather.mood = 'broken'
for (let page = 0; page < 20; page++) {
  const shown = await service.show()
  assert.deepEqual(shown.weather, { from: 'the last answer', value: { sky: 'clear' } })
  assert.equal(shown.news.from, 'the API')
}
assert.equal(weather.requests, 1 + 5, 'an open circuit must not call')
assert.equal(news.requests, 1 + 20, 'the news must not notice')
assert.equal(breakers.get('weather').state, 'open')

step('It is still broken when the open period is over: one probe finds out, and nobody else has to wait.')
await setTimeout(breakers.get('weather').retryAfterMs + 20)
const crowd = await Promise.all(Array.from({ length: 10 }, () => service.show()))
assert.ok(crowd.every((shown) => shown.weather.from === 'the last answer'))
assert.equal(weather.requests, 6 + 1, 'a half-open circuit must make one probe')

step('It recovers: the next probe closes the circuit.')
weather.mood = 'well'
await setTimeout(breakers.get('weather').retryAfterMs + 20)
assert.equal((await service.show()).weather.from, 'the API')
assert.equal(breakers.get('weather').state, 'closed')

step(
  'The news is overloaded and says to come back in three seconds: it is taken at its word, at the first such answer.',
)
news.mood = 'overloaded'
const requestsBefore = news.requests
await service.show()
await service.show()
assert.equal(news.requests, requestsBefore + 1)
const { retryAfterMs } = breakers.get('news')
assert.ok(retryAfterMs > 1000 && retryAfterMs <= 3000, `retry in ${retryAfterMs} ms`)

step('The weather hangs: calls are cut off, counted as failures, and then no longer made.')
weather.mood = 'hangs'
await Promise.all(Array.from({ length: 5 }, () => service.show()))
assert.equal(breakers.get('weather').state, 'open')
const hanging = weather.requests
assert.equal((await service.show()).weather.from, 'the last answer')
assert.equal(weather.requests, hanging)

step('All is well again.')
weather.mood = 'well'
news.mood = 'well'
await setTimeout(Math.max(breakers.get('weather').retryAfterMs, breakers.get('news').retryAfterMs) + 20)
const last = await service.show()
assert.deepEqual([last.weather.from, last.news.from], ['the API', 'the API'])

assert.deepEqual(told.slice(0, 7), [
  'weather open',
  'weather half-open',
  'weather open',
  'weather half-open',
  'weather closed',
  'news open',
  'weather open',
])
assert.deepEqual(told.slice(7).toSorted(), [
  'news closed',
  'news half-open',
  'weather closed',
  'weather half-open',
])

console.log('\nWhat was counted:')
for (const [name, { stats }] of breakers) {
  const refused = stats.rejected.open + stats.rejected.probing
  console.log(`  ${name}: ${stats.successes} successes, ${stats.failures} failures, ${refused} calls spared`)
}
console.log('\nThe story happened as told.')
