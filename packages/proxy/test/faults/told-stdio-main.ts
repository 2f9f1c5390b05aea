import { createInterface } from 'node:readline'

import { toldServer } from './told-server.ts'

// A process: the era and the ledger are its arguments.
const [era = '', ledger = ''] = process.argv.slice(2)
const take = toldServer(era === 'modern' ? 'modern' : 'legacy', ledger)
createInterface(process.stdin).on('line', (line) =>
  take(line, {
    say: (text) => void process.stdout.write(`${text}\n`),
    // When what was said is out.
    die: () => void process.stdout.write('', () => process.exit(1)),
    closeOutput: () => void process.stdout.end(),
  }),
)
