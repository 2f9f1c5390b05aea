import { cpus } from 'node:os'

import { OwnPostgres } from '@mreg/testing'

import { printTable, times } from '../circuit-breaker/table.ts'
import { type Candidate, measure, median, type Round } from './measure.ts'
import {
  addNote,
  CONNECTIONS,
  findNote,
  insertNote,
  insertSql,
  openSubjects,
  ROWS,
  selectNote,
  selectSql,
  type Subjects,
} from './subjects.ts'

// Kysely over @mreg/db-pool beside bare pg and beside PGlite: the same queries, in one run, with interleaved rounds. Only
// ratios within a run mean anything; those of the targets are P13 of the performance goals.

const options = {
  rounds: Number(process.env['BENCH_ROUNDS'] ?? 7),
  roundMs: Number(process.env['BENCH_ROUND_MS'] ?? 1000),
  loops: Number(process.env['BENCH_LOOPS'] ?? CONNECTIONS),
}

const idOf = (turn: number): number => ((turn * 7919) % ROWS) + 1

const lookUps = ({ bare, bareKysely, pool, barePglite, pglite }: Subjects): readonly Candidate[] => [
  { name: 'pg.Pool', operation: (turn) => bare.query(selectSql, [idOf(turn)]) },
  {
    name: 'pg.Pool, named statement',
    operation: (turn) => bare.query({ name: 'find', text: selectSql, values: [idOf(turn)] }),
  },
  { name: 'Kysely over pg.Pool', operation: (turn) => selectNote(bareKysely, idOf(turn)) },
  { name: 'db-pool, fetchRow', operation: (turn) => pool.fetchRow(selectSql, [idOf(turn)]) },
  { name: 'db-pool, Kysely', operation: (turn) => selectNote(pool.kysely, idOf(turn)) },
  { name: 'db-pool, prepared', operation: (turn) => findNote.fetchRow(pool, { id: idOf(turn) }) },
  { name: 'PGlite', operation: (turn) => barePglite.query(selectSql, [idOf(turn)]) },
  { name: 'db-pool on PGlite, Kysely', operation: (turn) => selectNote(pglite.kysely, idOf(turn)) },
  {
    name: 'db-pool on PGlite, prepared',
    operation: (turn) => findNote.fetchRow(pglite, { id: idOf(turn) }),
  },
]

const inserts = ({ bare, bareKysely, pool, barePglite, pglite }: Subjects): readonly Candidate[] => [
  { name: 'pg.Pool', operation: (turn) => bare.query(insertSql, [turn, 'something']) },
  { name: 'Kysely over pg.Pool', operation: (turn) => insertNote(bareKysely, turn) },
  { name: 'db-pool, Kysely', operation: (turn) => insertNote(pool.kysely, turn) },
  {
    name: 'db-pool, prepared',
    operation: (turn) => addNote.execute(pool, { id: turn, body: 'something' }),
  },
  { name: 'PGlite', operation: (turn) => barePglite.query(insertSql, [turn, 'something']) },
  { name: 'db-pool on PGlite, Kysely', operation: (turn) => insertNote(pglite.kysely, turn) },
]

const byHand = async ({ bare }: Subjects, id: number): Promise<void> => {
  const client = await bare.connect()
  try {
    await client.query('begin')
    await client.query(selectSql, [id])
    await client.query('commit')
  } finally {
    client.release()
  }
}

const sessions = (subjects: Subjects): readonly Candidate[] => {
  const { pool, pglite } = subjects
  return [
    { name: 'pg, begin and commit by hand', operation: (turn) => byHand(subjects, idOf(turn)) },
    {
      name: 'system session, Kysely',
      operation: (turn) => pool.systemSession('bench', ({ kysely }) => selectNote(kysely, idOf(turn))),
    },
    {
      name: 'system session, prepared',
      operation: (turn) =>
        pool.systemSession('bench', (session) => findNote.fetchRow(session, { id: idOf(turn) })),
    },
    {
      name: 'tenant session, Kysely',
      operation: (turn) => pool.tenantSession('ann', ({ kysely }) => selectNote(kysely, idOf(turn))),
    },
    {
      name: 'tenant session, prepared',
      operation: (turn) =>
        pool.tenantSession('ann', (session) => findNote.fetchRow(session, { id: idOf(turn) })),
    },
    {
      name: 'system session on PGlite',
      operation: (turn) => pglite.systemSession('bench', ({ kysely }) => selectNote(kysely, idOf(turn))),
    },
    {
      name: 'tenant session on PGlite',
      operation: (turn) => pglite.tenantSession('ann', ({ kysely }) => selectNote(kysely, idOf(turn))),
    },
  ]
}

/** Ratios are medians of those of each round. */
const report = async (title: string, candidates: readonly Candidate[]): Promise<void> => {
  const results = await measure(candidates, options)
  const baseline = [...results.values()][0] ?? []
  const ratio = (rounds: readonly Round[], of: (round: Round) => number): number =>
    median(rounds.map((round, index) => of(round) / of(baseline[index] ?? round)))
  printTable(
    title,
    ['', 'op/s', 'x the first', 'CPU us/op', 'x the first'],
    [...results].map(([name, rounds]) => [
      name,
      median(rounds.map(({ perSecond }) => perSecond)).toFixed(0),
      times(ratio(rounds, ({ perSecond }) => perSecond)),
      median(rounds.map(({ cpuMicros }) => cpuMicros)).toFixed(0),
      times(ratio(rounds, ({ cpuMicros }) => cpuMicros)),
    ]),
  )
}

console.log(`Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.log(`${options.loops} loops at once, ${options.rounds} rounds of ${options.roundMs} ms each`)
await using server = await OwnPostgres.start({ settings: { fsync: 'on', full_page_writes: 'on' } })
await using subjects = await openSubjects(server.url)
await report('One row by its key', lookUps(subjects))
await report('One row inserted', inserts(subjects))
await report('One row by its key, in a transaction', sessions(subjects))
await report(
  'A tenant session beside a system session, prepared',
  sessions(subjects).filter(({ name }) => name.endsWith('session, prepared')),
)
