import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { createInitialDatabase } from '@mreg/composition'

import { INITIAL_DATABASE_FILE } from '../src/process/initial-database.ts'

// Runs after the bundle is made: what is written here is shipped beside it.
const file = join(import.meta.dirname, '..', 'dist', INITIAL_DATABASE_FILE)
const tarball = await createInitialDatabase()
await writeFile(file, tarball)
console.log(`${INITIAL_DATABASE_FILE}: ${Math.round(tarball.byteLength / 1024)} KiB`)
