import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import { PriceClient } from './price-client.ts'
import { ReplicaServer } from './replica-server.ts'
import { rowOf, type Seen, watch } from './watched-load.ts'

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

const CALLS = 300
const AT_ONCE = 6

/** Clients ask; whatever happens, nobody may be told a wrong price, and nobody may be let down. */
const chapter = async (title: string, calls = CALLS): Promise<Seen> => {
  const seen = await watch(client, calls, AT_ONCE)
  rows.push(rowOf(title, seen))
  assert.equal(seen.wrong, 0, `${title}: somebody was told a wrong price`)
  assert.equal(seen.failed, 0, `${title}: somebody was let down`)
  return seen
}

/** Goes on asking until `isThere`, as recovery takes its time. */
const until = async (title: string, isThere: (seen: Seen) => boolean): Promise<void> => {
  const giveUpAt = performance.now() + 30_000
  while (!isThere(await watch(client, 60, AT_ONCE))) {
    assert.ok(performance.now() < giveUpAt, `${title}: it never happened`)
    await setTimeout(100)
  }
}
const answers = (seen: Seen, { name }: ReplicaServer): number => seen.by[name] ?? 0

const calm = await chapter('all are well')
assert.equal(calm.retried, 0)
assert.ok(
  servers.every((server) => answers(calm, server) > 0),
  'everyone has a part of the work',
)

await killed.kill()
const afterKill = await chapter('one is killed')
assert.equal(answers(afterKill, killed), 0)
assert.ok(afterKill.retried > 0, 'someone must have noticed')
assert.ok(afterKill.retried < CALLS / 4, 'and soon nobody asks it any more')

slow.mood = 'slow'
const afterSlow = await chapter('another becomes slow')
assert.ok(answers(afterSlow, slow) < answers(afterSlow, liar) / 2, 'the slow one has little of the work')

await killed.start()
await until('the killed one is back', (seen) => answers(seen, killed) > 0)
await chapter('the killed one is back')

slow.mood = 'well'
await until('the slow one is fast again', (seen) => answers(seen, slow) > 0)
liar.mood = 'lies'
const requestsBefore = liar.requests
const afterLie = await chapter('the third lies')
assert.equal(answers(afterLie, liar), 0, 'nobody believes it')
assert.ok(liar.requests > requestsBefore, 'it was asked')
assert.ok(liar.requests - requestsBefore < CALLS / 4, 'and then left alone')

liar.mood = 'well'
await until('the liar is honest again', (seen) => answers(seen, liar) > 0)
const last = await chapter('all are well again')
assert.ok(
  servers.every((server) => answers(last, server) > 0),
  'everyone has a part of the work again',
)

console.log('What clients saw:\n')
console.table(rows)
const totals = client.balancer.stats().map(({ failures, id, inFlight, state, successes }) => {
  assert.equal(inFlight, 0, 'every call has ended')
  return { replica: id, state, successes, failures }
})
console.table(totals)
console.log('The story happened as told.')
