import assert from 'node:assert/strict'

import { PriceClient } from './price-client.ts'
import { ReplicaServer } from './replica-server.ts'
import { rowOf, type Seen, type Told, watch } from './watched-load.ts'

/**
 * Three replicas of one service: one is killed, one becomes slow, one lies. Clients ask for prices all the while; the
 * table says what they saw. Every chapter is checked: if the story did not happen, this program ends with an error.
 */
await using killed = new ReplicaServer('killed')
await using slow = new ReplicaServer('slow')
await using liar = new ReplicaServer('liar')
const servers = [killed, slow, liar]
await Promise.all(servers.map((server) => server.start()))
const client = new PriceClient(servers)
const rows: Record<string, string | number>[] = []

const answers = ({ by }: Told, { name }: ReplicaServer): number => by[name] ?? 0
const everyoneAnswers = (told: Told): boolean => servers.every((server) => answers(told, server) > 0)
const somebodyRetried = ({ retried }: Told): boolean => retried > 0

/**
 * Clients ask until what is to happen has happened; whatever it is, nobody may be told a wrong price, and nobody may be
 * let down.
 */
const chapter = async (title: string, happened: (told: Told) => boolean): Promise<Seen> => {
  const seen = await watch(client, { calls: 300, atOnce: 6, happened })
  rows.push(rowOf(title, seen))
  assert.ok(happened(seen), `${title}: it never happened`)
  assert.equal(seen.wrong, 0, `${title}: somebody was told a wrong price`)
  assert.equal(seen.failed, 0, `${title}: somebody was let down`)
  return seen
}

await chapter('all are well', everyoneAnswers)

await killed.kill()
const afterKill = await chapter('one is killed', somebodyRetried)
assert.equal(answers(afterKill, killed), 0)
assert.ok(afterKill.retried < afterKill.calls / 4, 'soon nobody asks it any more')

slow.mood = 'slow'
const slowAndKilled = await chapter('another becomes slow', (told) => answers(told, liar) > 0)
assert.ok(
  answers(slowAndKilled, slow) < answers(slowAndKilled, liar) / 2,
  'the slow one has little of the work',
)

await killed.start()
await chapter('the killed one is back', (told) => answers(told, killed) > 0)

slow.mood = 'well'
await chapter('the slow one is fast again', everyoneAnswers)

liar.mood = 'lies'
const requestsBefore = liar.requests
const afterLie = await chapter('the third lies', somebodyRetried)
assert.equal(answers(afterLie, liar), 0, 'nobody believes it')
assert.ok(liar.requests - requestsBefore < afterLie.calls / 4, 'it is left alone')

liar.mood = 'well'
await chapter('all are well again', everyoneAnswers)

console.log('What clients saw:\n')
console.table(rows)
const totals = client.balancer.stats().map(({ failures, id, inFlight, state, successes }) => {
  assert.equal(inFlight, 0, 'every call has ended')
  return { replica: id, state, successes, failures }
})
console.table(totals)
console.log('The story happened as told.')
