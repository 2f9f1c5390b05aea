// Opens the data directory and says so; then stores one number after the other, and says each once it was acknowledged.
import { readFile } from 'node:fs/promises'

import { createPglitePool } from '../../src/pglite.ts'
import { type NotesDatabase, notesMigrations } from '../contract/notes-database.ts'

const [, , dataDirectory, tarball = ''] = process.argv
const pool = createPglitePool<NotesDatabase>({
  dataDirectory,
  initialDataDirectory: async () => new Blob([await readFile(tarball)]),
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
