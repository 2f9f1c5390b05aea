import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { createInitialDatabase } from '@mreg/composition'

// Runs after the bundle is made: the gateway looks for this file beside itself, and starts faster with it.
const file = join(import.meta.dirname, '..', 'dist', 'initial-database.tar.gz')
await writeFile(file, await createInitialDatabase())
