import assert from 'node:assert/strict'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { removeDataDirectory, startGateway } from '@mreg/testing'

import { Client } from './client.ts'
import { ReplicaProcess } from './replica-process.ts'
import { type Seen, watch } from './watched-load.ts'

/**
 * One server, three processes: one is killed, one becomes slow, one lies. Clients of both eras list and call all the while;
 * the table says what they saw, and the replicas' ledgers what was executed. Every chapter is checked.
 */
const CLIENTS = 6
/** An endpoint's circuit opens after so many failures in a row; so many calls may fail before a liar is found out. */
const FAILURES_TO_OPEN = 5

const gatewayAt = (file: string): string =>
  fileURLToPath(new URL(`../../../apps/gateway/${file}`, import.meta.url))
const built = gatewayAt('dist/main.js')
const isBuilt = existsSync(built)

const dataDirectory = mkdtempSync(join(tmpdir(), 'mreg-example-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => removeDataDirectory(dataDirectory))
const [killed, slow, liar] = ['killed', 'slow', 'liar'].map((name) => stack.use(new ReplicaProcess(name)))
assert(killed !== undefined && slow !== undefined && liar !== undefined)
const replicas = [killed, slow, liar]
await Promise.all(replicas.map((replica) => replica.start()))

const gateway = stack.use(
  await startGateway({
    dataDirectory,
    // Its source takes its time on a busy machine.
    readyTimeoutMs: 120_000,
    entry: isBuilt ? built : gatewayAt('src/main.ts'),
    environment: {
      NODE_OPTIONS: isBuilt ? '' : '--conditions=@mreg/source --no-warnings',
      MREG_DATABASE_URL: 'memory://',
      MREG_LOG_LEVEL: 'error',
    },
  }),
)
const registered = await fetch(`${gateway.url}/api/v1/servers`, {
  method: 'POST',
  headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    slug: 'cashier',
    endpoints: replicas.map(({ url }) => ({ transport: 'streamable-http', url })),
    settings: { balancing: { slowStartMs: 500 } },
  }),
})
assert.equal(registered.status, 201, await registered.text())

const clients = Array.from(
  { length: CLIENTS },
  (_, index) => new Client(`${gateway.url}/mcp/cashier`, index % 2 === 0 ? 'modern' : 'legacy'),
)
await Promise.all(clients.map((client) => client.connect()))
const rows: Record<string, string | number>[] = []

const executions = (nonce: string): number =>
  replicas.reduce((sum, { ledger }) => sum + (ledger.get(nonce) ?? 0), 0)

/** Clients work while something happens. Whatever it is: no list fails, nobody is told anything wrong, no call runs twice. */
const chapter = async (
  title: string,
  {
    rounds = 25,
    mayFail = 0,
    meanwhile = async () => {},
  }: {
    readonly rounds?: number
    readonly mayFail?: number
    readonly meanwhile?: () => Promise<void>
  } = {},
): Promise<Seen & { readonly by: ReadonlyMap<ReplicaProcess, number> }> => {
  const seen = await watch(clients, rounds, meanwhile)
  const by = new Map(
    replicas.map((replica) => [replica, seen.sent.filter((nonce) => replica.ledger.has(nonce)).length]),
  )
  rows.push({
    chapter: title,
    'lists answered': seen.lists.right,
    'lists failed': seen.lists.failed,
    'calls answered': seen.calls.right,
    'calls failed': seen.calls.failed,
    'executed twice': seen.sent.filter((nonce) => executions(nonce) > 1).length,
    'p50 ms': Math.round(seen.p50Ms),
    'p99 ms': Math.round(seen.p99Ms),
    ...Object.fromEntries(replicas.map((replica) => [`by "${replica.name}"`, by.get(replica) ?? 0])),
  })
  assert.equal(seen.lists.wrong + seen.calls.wrong, 0, `${title}: somebody was told something wrong`)
  assert.equal(seen.lists.failed, 0, `${title}: a list failed`)
  assert(seen.calls.failed <= mayFail, `${title}: ${seen.calls.failed} calls failed`)
  for (const nonce of seen.sent) assert(executions(nonce) <= 1, `${title}: a call was executed twice`)
  for (const nonce of seen.answered)
    assert.equal(executions(nonce), 1, `${title}: nobody executed an answered call`)
  return { ...seen, by }
}

/** Kills a replica that has work under way. */
const inTheMiddle = async (replica: ReplicaProcess): Promise<void> => {
  await replica.executed(10)
  await replica.kill()
}

try {
  const before = await chapter('all are well')
  for (const replica of replicas) assert(before.by.get(replica), `"${replica.name}" did nothing`)

  // Calls that it had accepted at that moment fail: nobody can know whether they were executed.
  await chapter('one is killed', { mayFail: CLIENTS, meanwhile: () => inTheMiddle(killed) })
  const without = await chapter('it stays away')
  assert.equal(without.by.get(killed), 0)

  slow.be('slow')
  const slowed = await chapter('another becomes slow', { rounds: 10 })
  assert((slowed.by.get(slow) ?? 0) <= (slowed.by.get(liar) ?? 0), 'the slow one has most of the work')
  slow.be('well')

  await killed.start()
  // The gateway looks after what has failed about once a second, while others do its work.
  await chapter('the killed one is back', { meanwhile: () => killed.executed(1) })

  liar.be('lies')
  await chapter('the third lies', { mayFail: FAILURES_TO_OPEN + CLIENTS })
  const found = await chapter('it is found out')
  assert.equal(found.by.get(liar), 0, 'somebody still asks the liar')

  await chapter('one of the two honest ones is killed', {
    mayFail: CLIENTS,
    meanwhile: () => inTheMiddle(slow),
  })
} finally {
  console.table(rows)
}
console.log('No list failed, nobody was told anything wrong, and nothing was executed twice.')
