// A process that writes more to its log than anybody reads, and says on standard output how it is doing.
import { setImmediate as turn } from 'node:timers/promises'

import { runProcess } from '../../src/process/run-process.ts'

await runProcess(import.meta.dirname, async ({ logger }) => {
  logger.info('one\n{"level":60,"msg":"injected"}', {
    text: 'two\r\nthree\u001b[2J\u2028',
    request: { headers: { authorization: 'canary' }, authorization: 'canary', password: 'canary' },
  })
  for (let round = 0; round < 100; round += 1) {
    for (let line = 0; line < 100; line += 1) logger.info('much', { text: 'x'.repeat(1000) })
    await turn()
  }
  process.stdout.write(`said everything; ${process.stderr.writableLength} bytes wait\n`)
  process.stdin.on('data', () => {
    logger.info('afterwards')
    process.stdout.write(`said more; ${process.stderr.writableLength} bytes wait\n`)
  })
})
process.stdin.destroy()
