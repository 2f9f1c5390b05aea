import { join } from 'node:path'

/** Where the build puts the database that a new one starts from, which saves most of the start of a gateway. */
export const PROGRAM_DIRECTORY = join(import.meta.dirname, '..', '..', 'dist')
