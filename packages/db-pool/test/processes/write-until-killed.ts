// Opens the data directory and says so; then stores one number after the other, and says each once it was acknowledged.
// The third parameter is how often it makes dumps meanwhile, in milliseconds.
import { readFile } from 'node:fs/promises'

import { createPglitePool } from '../../src/pglite.ts'
import { type NotesDatabase, notesMigrations } from '../contract/notes-database.ts'

const [, , dataDirectory, tarball = '', dumpIntervalMs] = process.argv
const pool = createPglitePool<NotesDatabase>({
  dataDirectory,
  initialDataDirectory: async () => new Blob([await readFile(tarball)]),
  ...(dumpIntervalMs === undefined ? {} : { dumps: { intervalMs: Number(dumpIntervalMs), keep: 3 } }),
  // On a busy machine, a statement waits for a dump for a while.
  acquireTimeoutMs: 60_000,
})
process.stdout.write('opening\n')
await pool.initialize()
await pool.migrate(notesMigrations)
process.stdout.write('open\n')
for (let count = 0; ; count += 1) {
  // oxlint-disable-next-line no-await-in-loop -- one after the other is what is being tested
  await pool.systemSession('write', ({ kysely }) =>
    kysely
      .insertInto('notes')
      .values({ id: String(count), tenant: 't', body: null, count })
      .execute(),
  )
  process.stdout.write(`stored ${count}\n`)
}
