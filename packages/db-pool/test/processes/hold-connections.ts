// Opens connections to a server and says so; at SIGTERM closes the pool and has nothing else to do.
import { createPostgresPool } from '../../src/pg.ts'

const [, , connectionString = ''] = process.argv
const pool = createPostgresPool({ connectionString, minConnections: 3, closeTimeoutMs: 500 })
await pool.initialize()
await pool.listen('news', () => {})
process.once('SIGTERM', () => {
  void pool.close().then(() => process.stdout.write('closed\n'))
})
process.stdout.write('open\n')
